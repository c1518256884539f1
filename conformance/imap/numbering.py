"""What a client knows of message numbers, kept from the server's own words (RFC 3501 §2.3.1.2, §7.3.1, §7.4.1)."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.errors import ViolationError
from conformance.imap.answers import fetch_items
from conformance.wire.imap import Atom, Response


class Numbering:
    """Message number n is the message whose UID is `uids[n - 1]`; None where the server has not told it yet."""

    def __init__(self, uids: Iterable[int | None] = ()) -> None:
        self.uids: list[int | None] = list(uids)

    def hear(self, responses: Iterable[Response]) -> None:
        """Take in untagged responses, in order.

        Raises:
            ViolationError: they contradict each other or what was said before.
        """
        for response in responses:
            number = response.number or 0
            if response.name == b"EXISTS":
                self._exists(number)
            elif response.name == b"EXPUNGE":
                self._expunge(number)
            elif response.name == b"FETCH":
                self._fetch(number, response)

    def _exists(self, count: int) -> None:
        if count < len(self.uids):
            raise ViolationError(
                f"EXISTS of {len(self.uids)} or more: only EXPUNGE makes a mailbox smaller", f"{count} EXISTS"
            )
        self.uids += [None] * (count - len(self.uids))

    def _expunge(self, number: int) -> None:
        if not 1 <= number <= len(self.uids):
            raise ViolationError(f"EXPUNGE of a number from 1 to {len(self.uids)}", f"{number} EXPUNGE")
        del self.uids[number - 1]

    def _fetch(self, number: int, response: Response) -> None:
        if not 1 <= number <= len(self.uids):
            raise ViolationError(f"FETCH data for a number from 1 to {len(self.uids)}", str(response))
        uid = fetch_items(response).get("UID")
        if isinstance(uid, Atom) and uid.isdigit():
            known = self.uids[number - 1]
            if known is not None and known != int(uid):
                raise ViolationError(f"message number {number} to be the one with UID {known}", str(response))
            self.uids[number - 1] = int(uid)
