"""Hearing of what happens in whole accounts, beside the selected mailbox (RFC 5464 §4.1, RFC 5465)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reference_server.imap.names import Names
from reference_server.stores import Account


class Watching(Names):
    """Mixin: which folders were touched since this was last asked."""

    def watch_accounts(self, accounts: Iterable[Account]) -> None:
        """Hear of these accounts from now on, beside those that are watched already."""
        for account in accounts:
            if account.name not in self._stops:
                self._stops = {**self._stops, account.name: account.watch(self._noter(account.name))}

    def stop_watching(self) -> None:
        """Hear of no account any more."""
        for stop in self._stops.values():
            stop()
        self._stops = {}
        self._touched = {}

    def _noter(self, owner: str) -> Callable[[str], None]:
        # One dictionary for each account, so that it is there before the first change. Called from any thread.
        touched: dict[str, None] = {}
        self._touched = {**self._touched, owner: touched}

        def note(name: str) -> None:
            touched[name] = None
            self.account_changed()

        return note

    def account_changed(self) -> None:
        """Some folder was touched, perhaps by another thread: only IDLE lets it be told at once, and NOTIFY."""
        if self.listens():
            self.request_wake()

    def take_touched(self) -> set[tuple[str, str]]:
        """Owner and name of each folder that was touched; the empty name is the account's own metadata."""
        found: set[tuple[str, str]] = set()
        for owner, touched in self._touched.items():
            while touched:
                found.add((owner, touched.popitem()[0]))
        return found

    def tell_changes(self) -> None:
        """Of the selected mailbox first, then what happened elsewhere."""
        super().tell_changes()
        self.tell_elsewhere()

    def tell_elsewhere(self) -> None:
        """What happened in mailboxes that are not selected."""
        if self._stops and (touched := self.take_touched()):
            self.tell_touched(touched)

    def tell_touched(self, touched: set[tuple[str, str]]) -> None:
        """What the client asked to be told of these folders; an extension adds what it tells."""

    def forget_user(self) -> None:
        """Nor is anything watched any more."""
        self.stop_watching()
        super().forget_user()

    def hang_up(self) -> None:
        """The session ends."""
        self.stop_watching()
        super().hang_up()

    _stops: Mapping[str, Callable[[], None]] = {}
    _touched: Mapping[str, dict[str, None]] = {}
