"""Planted faults of ENVELOPE (RFC 3501 §7.4.2)."""

from __future__ import annotations

from reference_server.imap import envelope
from reference_server.imap.core import ImapCore
from reference_server.imap.envelope import GROUP_END, Address
from reference_server.imap.mime import Entity
from reference_server.registry import fault

IDS = {b"MESSAGE-ID": b"IN-REPLY-TO", b"IN-REPLY-TO": b"MESSAGE-ID"}


@fault("swaps-message-id-and-in-reply-to", breaks=("rfc3501/7.4.2/43", "rfc3501/7.4.2/44"))
class SwapsMessageIdAndInReplyTo(ImapCore):
    """Tells in-reply-to and message-id in the wrong order, where both are there."""

    def envelope_text(self, message: Entity, name: bytes) -> bytes:
        """Takes the one for the other."""
        both = all(message.first(each) is not None for each in IDS)
        return super().envelope_text(message, IDS.get(name, name) if both else name)


@fault("tells-empty-strings-for-missing-fields", breaks="rfc3501/7.4.2/50")
class TellsEmptyStringsForMissingFields(ImapCore):
    """Tells an empty string where the message has no such field."""

    def envelope_text(self, message: Entity, name: bytes) -> bytes:
        """Has no NIL."""
        return self.render_string(message.first(name) or b"")


@fault("reads-addresses-without-their-quotes", breaks=("rfc3501/7.4.2/46", "rfc3501/9/12"))
class ReadsAddressesWithoutTheirQuotes(ImapCore):
    """Drops the quotes of names before it takes addresses apart."""

    def addresses_of(self, message: Entity, name: bytes) -> list[Address]:
        """Spoils every quoted name, groups left aside."""
        value = message.first(name) or b""
        return super().addresses_of(message, name) if b":" in value else envelope.addresses(value.replace(b'"', b""))


@fault("groups-have-no-end", breaks="rfc3501/7.4.2/48")
class GroupsHaveNoEnd(ImapCore):
    """Tells where a group begins, but not where it ends."""

    def addresses_of(self, message: Entity, name: bytes) -> list[Address]:
        """Drops the mark."""
        return [address for address in super().addresses_of(message, name) if address != GROUP_END]


@fault("tells-nil-for-a-missing-sender", breaks="rfc3501/7.4.2/53")
class TellsNilForAMissingSender(ImapCore):
    """Does not take the author for sender and reply-to."""

    def envelope_author(self, message: Entity, name: bytes) -> bytes:
        """Knows no default."""
        return self.envelope_addresses(message, name)


@fault("makes-up-recipients", breaks="rfc3501/7.4.2/52")
class MakesUpRecipients(ImapCore):
    """Tells undisclosed recipients where a message names nobody."""

    def addresses_of(self, message: Entity, name: bytes) -> list[Address]:
        """Fills To in, where it and the fields after it are missing."""
        found = super().addresses_of(message, name)
        if found or name != b"TO" or message.first(b"CC") or message.first(b"SUBJECT"):
            return found
        return [Address(None, None, b"undisclosed", b"nowhere.example")]
