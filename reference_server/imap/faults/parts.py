"""Planted faults of body parts and their structure (RFC 3501 §6.4.5, §7.4.2)."""

from __future__ import annotations

import dataclasses

from reference_server.imap.core import ImapCore
from reference_server.imap.faults.fetching import ChangedSections
from reference_server.imap.mime import Entity
from reference_server.imap.sections import Section
from reference_server.registry import fault
from reference_server.stores import StoredMessage

OTHER_TEXT = {
    "imap/sizes/bodystructure_counts_the_octets_of_each_part": "the part fetched is not the one described",
    "imap/sizes/bodystructure_counts_the_lines_of_texts_and_messages": "the part fetched is not the one described",
}


@fault("a-multipart-is-its-first-part", breaks="rfc3501/6.4.5/12")
class AMultipartIsItsFirstPart(ChangedSections):
    """The number of a multipart inside the message brings the first of its parts."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Goes one level too deep."""
        if len(section.part) != 1 or section.text:
            return octets
        part = self.part_at(self.selected.parsed(message), section.part)
        return part.parts[0].body_octets if part is not None and part.parts else octets


@fault("parts-of-parts-are-the-outer-part", breaks="rfc3501/6.4.5/13", also=OTHER_TEXT)
class PartsOfPartsAreTheOuterPart(ChangedSections):
    """Looks at the first number only, where a multipart is inside a multipart."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Stays on the first level."""
        outer = self.part_at(self.selected.parsed(message), section.part[:1])
        if len(section.part) < 2 or outer is None or not outer.parts or section.text:
            return octets
        return outer.body_octets


@fault("messages-in-messages-have-no-parts", breaks="rfc3501/6.4.5/14", also=OTHER_TEXT)
class MessagesInMessagesHaveNoParts(ChangedSections):
    """Finds no part in a MESSAGE/RFC822 part."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Stops at the message."""
        outer = self.part_at(self.selected.parsed(message), section.part[:1])
        if len(section.part) < 2 or outer is None or outer.embedded is None or section.text:
            return octets
        return None


@fault("header-of-a-part-is-that-of-the-message", breaks="rfc3501/6.4.5/15")
class HeaderOfAPartIsThatOfTheMessage(ChangedSections):
    """HEADER after the number of a MESSAGE/RFC822 part brings the header of the whole message."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Forgets the number."""
        return self.selected.parsed(message).header_octets if section.part and section.text == b"HEADER" else octets


@fault("mime-without-its-blank-line", breaks="rfc3501/6.4.5/21")
class MimeWithoutItsBlankLine(ImapCore):
    """MIME ends with the last field."""

    def mime_header_of(self, part: Entity) -> bytes:
        """Cuts the blank line off."""
        return super().mime_header_of(part).removesuffix(b"\r\n")


@fault("counts-line-ends-as-one-octet", breaks=("rfc3501/7.4.2/33", "rfc3501/7.4.2/32"))
class CountsLineEndsAsOneOctet(ImapCore):
    """Counts the octets of a part as they lie in a store without CR."""

    def body_size(self, entity: Entity) -> int:
        """Counts another text than it sends."""
        return len(entity.body_octets.replace(b"\r\n", b"\n"))


@fault("counts-lines-of-the-header-too", breaks=("rfc3501/7.4.2/35", "rfc3501/7.4.2/36"))
class CountsLinesOfTheHeaderToo(ImapCore):
    """Counts lines that are not the part's."""

    def body_lines(self, entity: Entity) -> int:
        """Begins too early."""
        return super().body_lines(entity) + entity.header_octets.count(b"\n")


@fault("flattens-multiparts", breaks=("rfc3501/7.4.2/15", "rfc3501/7.4.2/14"), also=OTHER_TEXT)
class FlattensMultiparts(ImapCore):
    """Tells the parts of a multipart inside a multipart as parts of the outer one."""

    def render_multipart(self, entity: Entity, *, extended: bool) -> bytes:
        """Lifts them up."""
        parts = [inner for part in entity.parts for inner in (part.parts or [part])]
        return super().render_multipart(dataclasses.replace(entity, parts=parts), extended=extended)


@fault("calls-every-multipart-mixed", breaks="rfc3501/7.4.2/16")
class CallsEveryMultipartMixed(ImapCore):
    """Gives every multipart the subtype MIXED."""

    def render_multipart(self, entity: Entity, *, extended: bool) -> bytes:
        """Knows no other."""
        return super().render_multipart(dataclasses.replace(entity, subtype=b"MIXED"), extended=extended)


@fault("forgets-parameters", breaks="rfc3501/7.4.2/28")
class ForgetsParameters(ImapCore):
    """Tells the parameters of multiparts and dispositions only."""

    def body_fields(self, entity: Entity) -> tuple[bytes, ...]:
        """Drops charsets and names."""
        return super().body_fields(dataclasses.replace(entity, parameters=()))


@fault("forgets-the-parameters-of-multiparts", breaks="rfc3501/7.4.2/19")
class ForgetsTheParametersOfMultiparts(ImapCore):
    """Tells NIL for the parameters of a multipart."""

    def render_multipart(self, entity: Entity, *, extended: bool) -> bytes:
        """Drops the boundary."""
        return super().render_multipart(dataclasses.replace(entity, parameters=()), extended=extended)


@fault("calls-untyped-text-enriched", breaks=("rfc3501/7.4.2/13", "rfc3501/6.4.5/30"))
class CallsUntypedTextEnriched(ImapCore):
    """A message without Content-Type is TEXT/ENRICHED."""

    def media_type(self, entity: Entity) -> tuple[bytes, bytes]:
        """Has another default."""
        if entity.first(b"CONTENT-TYPE") is None:
            entity = dataclasses.replace(entity, subtype=b"ENRICHED")
        return super().media_type(entity)


@fault("gives-inner-messages-no-subject", breaks="rfc3501/7.4.2/34")
class GivesInnerMessagesNoSubject(ImapCore):
    """The envelope told of a message inside has none of its texts."""

    inside = False

    def render_body(self, entity: Entity, *, extended: bool) -> bytes:
        """Notes that envelopes from here on are of messages inside."""
        self.inside = True
        try:
            return super().render_body(entity, extended=extended)
        finally:
            self.inside = False

    def envelope_text(self, message: Entity, name: bytes) -> bytes:
        """Tells it of the outermost message only."""
        return b"NIL" if self.inside else super().envelope_text(message, name)


@fault("body-has-extension-data", breaks=("rfc3501/6.4.5/7", "rfc3501/7.4.2/2"))
class BodyHasExtensionData(ImapCore):
    """BODY is BODYSTRUCTURE with everything."""

    def render_body(self, entity: Entity, *, extended: bool) -> bytes:
        """Makes no difference."""
        return super().render_body(entity, extended=True)


@fault("calls-everything-an-attachment", breaks="rfc3501/7.4.2/40")
class CallsEverythingAnAttachment(ImapCore):
    """Tells the disposition ATTACHMENT where the part says INLINE."""

    def body_disposition(self, entity: Entity) -> bytes:
        """Knows no other."""
        return super().body_disposition(entity).replace(b"INLINE", b"ATTACHMENT")
