"""Folders of an account, for tests of stores."""

from __future__ import annotations

from reference_server.stores import Account, Mailbox


def box(account: Account, name: str = "INBOX") -> Mailbox:
    """The folder of that name, which is there."""
    found = account.mailbox(name)
    assert found is not None
    return found
