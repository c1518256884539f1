"""Generated MIME messages whose structure is known part by part (RFC 2045, RFC 2046; RFC 3501 §6.4.5, §7.4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.imap.strategies_messages import ODD_LINES, PLAIN_FIELDS, text_lines

Parameters = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part as it was written, with what FETCH has to say of it. None is what the header does not have."""

    type: bytes
    subtype: bytes
    parameters: Parameters = ()
    id: bytes | None = None
    description: bytes | None = None
    encoding: bytes | None = None
    disposition: tuple[bytes, Parameters] | None = None
    language: bytes | None = None
    text: bytes = b""
    parts: tuple[Part, ...] = ()
    message: Part | None = None
    boundary: bytes = b""
    front: tuple[bytes, ...] = ()
    """Field lines before those of MIME: those of RFC 5322, where the part is a message."""

    @property
    def header(self) -> bytes:
        """The header with its blank line."""
        lines = [*self.front, b"Content-Type: %b/%b%b\r\n" % (self.type, self.subtype, _written(self._all_parameters))]
        if self.encoding is not None:
            lines.append(b"Content-Transfer-Encoding: %b\r\n" % self.encoding)
        if self.id is not None:
            lines.append(b"Content-ID: %b\r\n" % self.id)
        if self.description is not None:
            lines.append(b"Content-Description: %b\r\n" % self.description)
        if self.disposition is not None:
            lines.append(b"Content-Disposition: %b%b\r\n" % (self.disposition[0], _written(self.disposition[1])))
        if self.language is not None:
            lines.append(b"Content-Language: %b\r\n" % self.language)
        return b"".join(lines) + b"\r\n"

    @property
    def _all_parameters(self) -> Parameters:
        return ((b"boundary", self.boundary), *self.parameters) if self.parts else self.parameters

    @property
    def body(self) -> bytes:
        """The octets after the blank line: boundaries and all for a multipart."""
        if self.message is not None:
            return self.message.octets
        if not self.parts:
            return self.text
        pieces = [b"--%b\r\n%b\r\n" % (self.boundary, part.octets) for part in self.parts]
        return self.text + b"".join(pieces) + b"--%b--\r\n" % self.boundary

    @property
    def octets(self) -> bytes:
        """Header and body."""
        return self.header + self.body

    def told_parameters(self) -> Parameters:
        """The parameters as they were written, the boundary among them."""
        return self._all_parameters


def _written(parameters: Parameters) -> bytes:
    return b"".join(b"; %b=%b" % (name, _value(value)) for name, value in parameters)


def _value(value: bytes) -> bytes:
    if value.isalnum():
        return value
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def numbered(message: Part) -> Iterator[tuple[str, Part]]:
    """Every part below a message with its section number, outer ones first (RFC 3501 §6.4.5)."""
    if not message.parts:
        # A message that is no multipart is its own part 1.
        yield "1", message
        if message.message is not None:
            yield from ((f"1.{number}", part) for number, part in numbered(message.message))
        return
    yield from _below(message.parts)


def _below(parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    for number, part in enumerate(parts, 1):
        yield str(number), part
        if part.message is not None:
            yield from ((f"{number}.{deeper}", each) for deeper, each in numbered(part.message))
        elif part.parts:
            yield from ((f"{number}.{deeper}", each) for deeper, each in _below(part.parts))


def _lines(octets: list[bytes], last: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in octets) + last


_texts = st.builds(
    _lines,
    st.lists(st.one_of(text_lines(), st.sampled_from(ODD_LINES[:-1])), max_size=4),
    st.sampled_from((b"", b"no line end", b"")),
)
_names = st.sampled_from((b"report", b"two words.txt", b'quo"ted', b"back\\slash", b"semi;colon", b"(paren)"))


def text_parts() -> SearchStrategy[Part]:
    """Parts of text, with charset and now and then a description, an id, a disposition or a language."""
    return st.builds(
        lambda subtype, charset, encoding, text, extra: Part(
            type=b"Text",
            subtype=subtype,
            parameters=((b"charset", charset),),
            encoding=encoding,
            text=text,
            description=b"a note" if extra & 1 else None,
            id=b"<part@client.example>" if extra & 2 else None,
            disposition=(b"attachment", ((b"filename", b"a name.txt"),)) if extra & 4 else None,
            language=b"de" if extra & 8 else None,
        ),
        st.sampled_from((b"plain", b"HTML", b"x-odd")),
        st.sampled_from((b"us-ascii", b"UTF-8")),
        st.sampled_from((None, b"7bit", b"quoted-printable")),
        _texts,
        st.integers(0, 15),
    )


def other_parts() -> SearchStrategy[Part]:
    """Parts that are no text: no count of lines belongs to them."""
    return st.builds(
        lambda subtype, name: Part(
            type=b"application",
            subtype=subtype,
            parameters=((b"name", name),),
            encoding=b"base64",
            text=b"bWFpbHNwZWM=\r\n" * 3,
            disposition=(b"inline", ()),
        ),
        st.sampled_from((b"octet-stream", b"PDF")),
        _names,
    )


def _bounded(part: Part, path: str) -> Part:
    """The same part with boundaries put in, none of which is the beginning of another (RFC 2046 §5.1.2)."""
    parts = tuple(_bounded(each, f"{path}-{number}") for number, each in enumerate(part.parts, 1))
    message = None if part.message is None else _bounded(part.message, f"{path}-m")
    return Part(
        type=part.type,
        subtype=part.subtype,
        parameters=part.parameters,
        id=part.id,
        description=part.description,
        encoding=part.encoding,
        disposition=part.disposition,
        language=part.language,
        text=part.text,
        parts=parts,
        message=message,
        boundary=f"={path}=part".encode(),
        front=part.front,
    )


def _multipart(subtype: bytes, parts: Sequence[Part], *, preamble: bytes = b"", front: Sequence[bytes] = ()) -> Part:
    return Part(type=b"multipart", subtype=subtype, parts=tuple(parts), text=preamble, front=tuple(front))


def _encapsulated(inner: Part) -> Part:
    fields = (b"From: inner@client.example\r\n", b"Subject: inside\r\n", b"MIME-Version: 1.0\r\n")
    message = Part(
        type=inner.type,
        subtype=inner.subtype,
        parameters=inner.parameters,
        encoding=inner.encoding,
        text=inner.text,
        parts=inner.parts,
        front=fields,
    )
    return Part(type=b"message", subtype=b"rfc822", message=message)


def mime_messages() -> SearchStrategy[Part]:
    """Multipart messages in which there is always a text, another kind, a multipart in the multipart and two messages.

    One of the messages inside is a multipart again and one is not, so that every way of numbering parts comes up.
    """
    leaf = st.one_of(text_parts(), other_parts())

    def assemble(
        leaves: Sequence[Part], more: Sequence[Part], order: Sequence[int], preamble: bytes, subtype: bytes
    ) -> Part:
        text, other, inner_text, inner_other, single = leaves
        parts = [
            text,
            other,
            _multipart(b"alternative", [inner_text, inner_other]),
            _encapsulated(_multipart(b"mixed", [inner_other, text])),
            _encapsulated(single),
            *more,
        ]
        arranged = [parts[index] for index in order] + parts[len(order) :]
        front = (*PLAIN_FIELDS, b"MIME-Version: 1.0\r\n")
        return _bounded(_multipart(subtype, arranged, preamble=preamble, front=front), "p")

    return st.builds(
        assemble,
        st.tuples(text_parts(), other_parts(), text_parts(), other_parts(), text_parts()),
        st.lists(leaf, max_size=2),
        st.permutations(range(5)),
        st.sampled_from((b"", b"This is a preamble.\r\n")),
        st.sampled_from((b"mixed", b"Related")),
    )
