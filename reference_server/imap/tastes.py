"""Legal IMAP servers of another taste in what they tell of messages (RFC 3501 §5.2, §7; RFC 7888 §4).

Those that differ in dialogue and mailboxes are in `variants`.
"""

from __future__ import annotations

from datetime import UTC

from reference_server.imap import responses
from reference_server.imap.core import ImapCore
from reference_server.imap.fetch import Item
from reference_server.imap.literals import Announced
from reference_server.imap.mime import Entity
from reference_server.registry import variant
from reference_server.stores import Mailbox, StoredMessage


@variant("imap-piecemeal")
class Piecemeal(ImapCore):
    """Sends each data item in a FETCH response of its own, the UID with each after a UID command (RFC 3501 §7.4.2)."""

    def send_message_data(self, number: int, items: tuple[Item, ...], *, with_flags: bool) -> None:
        """One response for each item."""
        uid = Item(b"UID")
        # News of flags comes with the last piece.
        pieces = [item for item in items if item != uid or len(items) == 1]
        for piece in pieces:
            wanted = (uid, piece) if uid in items and piece != uid else (piece,)
            super().send_message_data(number, wanted, with_flags=with_flags and piece is pieces[-1])


@variant("imap-literal-minded")
class LiteralMinded(ImapCore):
    """Sends every string as a literal that need not be quoted (RFC 3501 §4.3; §9, media-text and media-message)."""

    def render_string(self, octets: bytes) -> bytes:
        """Quotes nothing."""
        return self.render_literal(octets.replace(b"\0", b""))

    def media_type(self, entity: Entity) -> tuple[bytes, bytes]:
        """TEXT and MESSAGE/RFC822 stand between quotes in the grammar."""
        kind, subtype = super().media_type(entity)
        if entity.embedded is not None:
            subtype = responses.quoted(entity.subtype)
        return responses.quoted(entity.type) if entity.embedded or entity.type == b"TEXT" else kind, subtype


@variant("imap-eager")
class Eager(ImapCore):
    """Tells counts and flags again and again, unasked, with codes that nobody knows (RFC 3501 §5.2, §7)."""

    def complete(self, status: bytes, text: bytes) -> None:
        """Says it all once more before each completion, but not what .SILENT asked it to keep."""
        self.untagged(b"OK [XFORTUNE cookie] still here")
        if self.view is not None:
            self.tell_sizes()
            if self.running.verb not in (b"STORE", b"UID STORE", b"CLOSE", b"LOGOUT"):
                for number in range(1, len(self.view.messages) + 1):
                    self.tell_flags(number)
        super().complete(status, text)


@variant("imap-otherwise")
class Otherwise(ImapCore):
    """Takes the other choice wherever there are two: order, case of names, zone, the end from which to work."""

    def untagged(self, data: bytes) -> None:
        """Writes names in small letters, which the grammar does not tell from capitals (RFC 3501 §9, note 1)."""
        number, space, rest = data.partition(b" ")
        if number.isdigit():
            name, blank, values = rest.partition(b" ")
            data = number + space + name.lower() + blank + values
        super().untagged(data)

    def item_data(self, number: int, message: StoredMessage, item: Item) -> bytes:
        """Writes the names of items in small letters too."""
        name, space, value = super().item_data(number, message, item).partition(b" ")
        return name.lower() + space + value if b"[" not in name else name + space + value

    def send_message_data(self, number: int, items: tuple[Item, ...], *, with_flags: bool) -> None:
        """Begins with the item asked for last."""
        super().send_message_data(number, items[::-1], with_flags=with_flags)

    def fetch_internaldate(self, number: int, message: StoredMessage) -> bytes:
        """Tells the same moment in universal time."""
        return responses.date_time(message.internal_date.astimezone(UTC))

    def expunge_numbers(self, gone: list[int]) -> list[int]:
        """Removes the last one first, so that no number moves that is still to come."""
        return gone[::-1]

    def tell_mailbox(self) -> None:
        """Begins with what SELECT of others ends with."""
        self.tell_uid_validity()
        self.tell_uid_next()
        self.tell_permanent_flags()
        self.tell_sizes()
        self.tell_highest_modseq()
        self.tell_flags_defined()

    def copy(self, messages: list[StoredMessage], target: Mailbox) -> list[int]:
        """Copies the last one first; no order is laid down."""
        return super().copy(messages[::-1], target)[::-1]


@variant("imap-small-literals")
class SmallLiterals(ImapCore):
    """Offers LITERAL- in place of LITERAL+: larger literals have to be announced and waited for (RFC 7888 §5)."""

    literal_extension = b"LITERAL-"


@variant("imap-short-tempered")
class ShortTempered(ImapCore):
    """Says BYE to literals that it does not want, and closes (RFC 7888 §4)."""

    def on_announced(self, literal: Announced) -> None:
        """Reads nothing that it will not use."""
        if not literal.synchronizing and literal.octets > 4096 and self.refusal_of(literal):
            self.bye(b"[TOOBIG] enough")
        elif literal.octets > 4_294_967_295:
            self.bye(b"there is no such number")
        else:
            super().on_announced(literal)

    def literal_limit(self, name: bytes) -> int:
        """Takes large literals for messages only."""
        return super().literal_limit(name) if name == b"APPEND" else 8192
