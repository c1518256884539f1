"""Planted faults in numbers, sizes and unique-ids (RFC 1939 §4, §5, §7, §11)."""

from __future__ import annotations

import hashlib

from reference_server.pop3.core import Pop3Core
from reference_server.pop3.maildrop import Maildrop
from reference_server.registry import fault
from reference_server.stores import Mailbox, StoredMessage

GAP = 7
_NUMBERS_SHIFT = "the numbers it uses name other messages after DELE"


class _LfSizes(Maildrop):
    def octets(self, number: int) -> int:
        return len(self.text(number).replace(b"\r\n", b"\n"))


@fault("pop3-sizes-count-one-octet-a-line-end", breaks="rfc1939/11/1")
class SizesCountOneOctetALineEnd(Pop3Core):
    """Tells the size that the file has on disk, with LF for line ends."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Counts as Unix does."""
        return _LfSizes(inbox)


class _StuffedSizes(Maildrop):
    def octets(self, number: int) -> int:
        text = b"\r\n" + self.text(number)
        return len(text) - 2 + text.count(b"\r\n.")


@fault("pop3-sizes-count-the-stuffing", breaks="rfc1939/11/2")
class SizesCountTheStuffing(Pop3Core):
    """Counts the dots that byte-stuffing adds."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Counts what goes over the wire."""
        return _StuffedSizes(inbox)


@fault("pop3-lists-another-size-for-one", breaks=("rfc1939/5/14",))
class ListsAnotherSizeForOne(Pop3Core):
    """Tells another size with LIST and a number than in the whole listing."""

    def on_list(self, argument: bytes) -> bytes:
        """One octet more."""
        response = super().on_list(argument)
        number = self.message_number(argument)
        return response if number is None else self.ok(f"{number} {self.maildrop.octets(number) + 1}")


@fault(
    "pop3-total-of-the-first-message-only",
    breaks="rfc1939/5/8",
    also={
        "pop3/transaction/takes_its_commands_in_any_order": "asks for the totals too",
        "pop3/sizes/of_deleted_messages_are_not_counted": "compares totals before and after DELE",
    },
)
class TotalOfTheFirstMessageOnly(Pop3Core):
    """Tells with STAT how many messages there are, and the octets of the first."""

    def on_stat(self) -> bytes:
        """Adds nothing up."""
        numbers = self.maildrop.numbers()
        return self.ok(f"{len(numbers)} {self.maildrop.octets(numbers[0]) if numbers else 0}")


@fault("pop3-stat-counts-deleted-messages", breaks="rfc1939/5/11")
class StatCountsDeletedMessages(Pop3Core):
    """Counts messages in STAT that are marked as deleted."""

    def on_stat(self) -> bytes:
        """Counts them all."""
        numbers = self.maildrop.all_numbers()
        return self.ok(f"{len(numbers)} {sum(map(self.maildrop.octets, numbers))}")


@fault("pop3-lists-deleted-messages", breaks="rfc1939/5/22")
class ListsDeletedMessages(Pop3Core):
    """Lists messages that are marked as deleted."""

    def on_list(self, argument: bytes) -> bytes:
        """Lists them all."""
        if argument:
            return super().on_list(argument)
        listing = "".join(f"{self.scan_listing(number)}\r\n" for number in self.maildrop.all_numbers())
        return self.multi_line(self.ok("scan listing follows"), listing.encode("ascii"))


@fault("pop3-uidl-lists-deleted-messages", breaks="rfc1939/7/20")
class UidlListsDeletedMessages(Pop3Core):
    """Lists the unique-ids of messages that are marked as deleted."""

    def on_uidl(self, argument: bytes) -> bytes:
        """Lists them all."""
        if argument:
            return super().on_uidl(argument)
        listing = "".join(f"{self.unique_id_listing(number)}\r\n" for number in self.maildrop.all_numbers())
        return self.multi_line(self.ok("unique-id listing follows"), listing.encode("ascii"))


@fault("pop3-pads-sizes", breaks=("rfc1939/5/18", "rfc1939/5/19"))
class PadsSizes(Pop3Core):
    """Puts the sizes of a scan listing in a column of their own, with spaces before them."""

    def scan_listing(self, number: int) -> str:
        """Right-aligned."""
        return f"{number} {self.maildrop.octets(number):8}"


@fault(
    "pop3-sizes-in-hexadecimal",
    breaks=("rfc1939/4/15", "rfc1939/5/7"),
)
class SizesInHexadecimal(Pop3Core):
    """Tells the octets of STAT in hexadecimal."""

    def on_stat(self) -> bytes:
        """Base 16."""
        numbers = self.maildrop.numbers()
        return self.ok(f"{len(numbers)} 0x{sum(map(self.maildrop.octets, numbers)):x}")


@fault("pop3-tells-more-than-sizes", breaks=("rfc1939/5/20", "rfc1939/5/9"))
class TellsMoreThanSizes(Pop3Core):
    """Adds the unit to the numbers of STAT and LIST."""

    def scan_listing(self, number: int) -> str:
        """A word behind the size."""
        return super().scan_listing(number) + " octets"


@fault("pop3-refuses-to-list-nothing", breaks="rfc1939/5/17")
class RefusesToListNothing(Pop3Core):
    """Answers LIST with -ERR when the maildrop is empty."""

    def on_list(self, argument: bytes) -> bytes:
        """Takes nothing for an error."""
        if not argument and not self.maildrop.all_numbers():
            return self.err("no messages")
        return super().on_list(argument)


class _Gapped(Maildrop):
    """Has no message 7."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(mailbox)
        if len(self._messages) >= GAP:
            first = self._messages[0]
            missing = StoredMessage(uid=0, octets=first.octets, internal_date=first.internal_date)
            self._messages = [*self._messages[: GAP - 1], missing, *self._messages[GAP - 1 :]]
            self._deleted.add(GAP)


@fault("pop3-numbers-with-a-gap", breaks="rfc1939/4/14")
class NumbersWithAGap(Pop3Core):
    """Leaves number 7 out."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Counts past it."""
        return _Gapped(inbox)


class _Renumbering(Maildrop):
    """Renumbers at once what is left."""

    def delete(self, number: int) -> None:
        if self._messages:
            self._gone.append(self._messages[number - 1].uid)
            self._messages = [*self._messages[: number - 1], *self._messages[number:]]
            self._sizes.clear()
            self._summary = None

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(mailbox)
        self._gone: list[int] = []

    def commit(self) -> None:
        self._mailbox.expunge(self._gone)


@fault(
    "pop3-renumbers-after-dele",
    breaks="rfc1939/4/13",
    also={
        "pop3/numbers/of_deleted_messages_are_not_listed": _NUMBERS_SHIFT,
        "pop3/numbers/of_deleted_messages_are_refused": _NUMBERS_SHIFT,
        "pop3/sizes/of_deleted_messages_are_not_counted": _NUMBERS_SHIFT,
        "pop3/transaction/takes_its_commands_in_any_order": _NUMBERS_SHIFT,
        "pop3/update/removes_nothing_that_rset_took_back": "what RSET would have to bring back is forgotten",
    },
)
class RenumbersAfterDele(Pop3Core):
    """Gives the messages new numbers as soon as one is deleted."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Closes gaps at once."""
        return _Renumbering(inbox)


class _WithDeleted(Maildrop):
    def has(self, number: int) -> bool:
        return number in self.all_numbers()


@fault("pop3-obeys-for-deleted-messages", breaks=("rfc1939/5/32", "rfc1939/5/12"))
class ObeysForDeletedMessages(Pop3Core):
    """Obeys commands that name a message marked as deleted."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Knows deleted messages still."""
        return _WithDeleted(inbox)


@fault("pop3-numbers-wrap-at-32-bits", breaks=("rfc1939/5/28", "rfc1939/5/23", "rfc1939/5/34"))
class NumbersWrapAt32Bits(Pop3Core):
    """Keeps 32 bits of a message number, so that 4294967297 is message 1."""

    def message_number(self, argument: bytes) -> int | None:
        """Reads modulo 2**32."""
        if argument.isdigit():
            argument = b"%d" % (int(argument) % 2**32)
        return super().message_number(argument)


@fault("pop3-unique-ids-with-spaces", breaks=("rfc1939/7/14", "rfc1939/7/15"))
class UniqueIdsWithSpaces(Pop3Core):
    """Has a space in unique-ids."""

    def unique_id(self, number: int) -> str:
        """Two words."""
        return "message " + super().unique_id(number)


@fault("pop3-unique-ids-of-71-characters", breaks="rfc1939/7/17")
class UniqueIdsOf71Characters(Pop3Core):
    """Has unique-ids of 71 characters."""

    def unique_id(self, number: int) -> str:
        """One too many."""
        return super().unique_id(number).rjust(71, "0")


@fault("pop3-unique-ids-by-size", breaks="rfc1939/7/17")
class UniqueIdsBySize(Pop3Core):
    """Makes the unique-id of the size, so that messages alike in size share it."""

    def unique_id(self, number: int) -> str:
        """The number of octets."""
        return str(self.maildrop.octets(number))


@fault("pop3-unique-ids-by-number", breaks=("rfc1939/7/17", "rfc1939/7/19"))
class UniqueIdsByNumber(Pop3Core):
    """Takes the message number for the unique-id, so that it changes when earlier messages go."""

    def unique_id(self, number: int) -> str:
        """The number."""
        return f"msg{number}"


@fault("pop3-unique-ids-of-the-session", breaks=("rfc1939/7/18", "rfc1939/7/17"))
class UniqueIdsOfTheSession(Pop3Core):
    """Gives a message another unique-id in every session."""

    def unique_id(self, number: int) -> str:
        """Made of something that is new for every connection."""
        if self._timestamp is None:
            return super().unique_id(number)
        return f"{hashlib.sha256(self._timestamp).hexdigest()[:12]}.{super().unique_id(number)}"


@fault("pop3-uidl-leaves-the-last-out", breaks="rfc1939/7/13")
class UidlLeavesTheLastOut(Pop3Core):
    """Lists one unique-id too few."""

    def on_uidl(self, argument: bytes) -> bytes:
        """Leaves the last line out."""
        response = super().on_uidl(argument)
        if argument or response.count(b"\r\n") < 3:
            return response
        lines = response.split(b"\r\n")
        return b"\r\n".join([*lines[:-3], *lines[-2:]])


@fault("pop3-uidl-of-one-is-another", breaks="rfc1939/7/11")
class UidlOfOneIsAnother(Pop3Core):
    """Tells another unique-id with UIDL and a number than in the whole listing."""

    def on_uidl(self, argument: bytes) -> bytes:
        """Adds a suffix."""
        response = super().on_uidl(argument)
        if not argument or not response.startswith(b"+OK"):
            return response
        return response.removesuffix(b"\r\n") + b"-x\r\n"
