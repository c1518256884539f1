"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208, and RFC 2087 before it).

All folders of an account share its limits, so an account is one quota root; it has the account's name. Resources
without a limit are not listed, and where nothing is limited there is no quota root at all.
"""

from __future__ import annotations

from reference_server.imap.grammar import Cursor
from reference_server.imap.mailboxes import MailboxCommands
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import RefusedError
from reference_server.stores import Account

UNIT_OCTETS = 1024
"""STORAGE is counted in these (RFC 9208 §5.1)."""


def parse_root(cursor: Cursor) -> bytes:
    """`getquota = "GETQUOTA" SP quota-root-name`, an astring."""
    cursor.space()
    return cursor.astring()


def parse_setquota(cursor: Cursor) -> bytes:
    """`setquota = "SETQUOTA" SP quota-root-name SP setquota-list`; the root is all that is of use here."""
    root = parse_root(cursor)
    cursor.space()

    def resource() -> None:
        cursor.atom()
        cursor.space()
        cursor.number64()

    cursor.list_of(resource, may_be_empty=True)
    return root


class QuotaCommands(MailboxCommands):
    """Mixin: what a user may have, and what he has."""

    def on_getquotaroot(self, wire_name: bytes) -> bytes:
        """Answer GETQUOTAROOT; the mailbox need not exist (RFC 9208 §4.1.2)."""
        name = self.name_of(wire_name)
        account = self.account_to_measure(name)
        roots = [self.render_mailbox(account.name.encode())] if self.resources(account) else []
        self.untagged(b" ".join((b"QUOTAROOT", self.render_mailbox(self.wire_name(name)), *roots)))
        if roots:
            self.tell_quota(account)
        return b"GETQUOTAROOT completed"

    def account_to_measure(self, name: str) -> Account:
        """Whose limits count for a mailbox of that name; of another user's only for who may read it (RFC 9208 §6)."""
        account, _ = self.place_of(name)
        if account is None or account.name == self.user.name:
            return self.user
        return self.account_of(self.existing(self.wire_name(name)))

    def on_getquota(self, root: bytes) -> bytes:
        """Answer GETQUOTA (RFC 9208 §4.1.1)."""
        account = self.account_of_root(root)
        if account is None or not self.resources(account):
            raise RefusedError("there is no such quota root", code=b"NONEXISTENT")
        self.tell_quota(account)
        return b"GETQUOTA completed"

    def account_of_root(self, root: bytes) -> Account | None:
        """Whose quota root that is, if the user may know."""
        if root == self.user.name.encode():
            return self.user
        known = (box for box in self.store.shared() if box.owner.encode() == root and "r" in self.rights_on(box))
        mailbox = next(known, None)
        return None if mailbox is None else self.account_of(mailbox)

    def on_setquota(self, root: bytes) -> bytes:
        """Answer SETQUOTA: limits are the operator's to set, and QUOTASET is not on offer (RFC 9208 §4.1.3)."""
        raise RefusedError("limits are set by the operator", code=b"NOPERM")

    def tell_quota(self, account: Account) -> None:
        """One QUOTA response (RFC 9208 §4.2.1)."""
        triplets = (b"%b %d %d" % resource for resource in self.resources(account))
        self.untagged(b"QUOTA %b %b" % (self.render_mailbox(account.name.encode()), parenthesized(triplets)))

    def resources(self, account: Account) -> list[tuple[bytes, int, int]]:
        """Each limited resource with its usage and its limit."""
        limits, usage = account.limits, account.usage
        resources = []
        if limits.storage_octets is not None:
            resources.append((b"STORAGE", in_units(usage.storage_octets), in_units(limits.storage_octets)))
        if limits.messages is not None:
            resources.append((b"MESSAGE", usage.messages, limits.messages))
        return resources


def in_units(octets: int) -> int:
    """Octets in units of 1024, rounded up: what is not empty takes room, and no limit shows as none at all."""
    return -(-octets // UNIT_OCTETS)
