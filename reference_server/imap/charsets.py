"""Charsets of mail and Python's codecs for them (RFC 2045 §2.2, RFC 2978).

Names come from strangers' mail. Only those of a closed list reach the codec registry: it remembers every name it is
ever asked for, and some of its codecs are no charsets (`unicode_escape`) or take quadratic time (`punycode`).
"""

from __future__ import annotations

from collections.abc import Mapping
from encodings import normalize_encoding
from encodings.aliases import aliases
from types import MappingProxyType

_NO_CHARSETS = frozenset({
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec", "raw_unicode_escape",
    "rot_13", "undefined", "unicode_escape", "uu_codec", "zlib_codec",
})  # fmt: skip
# Charsets that Python knows by no other name than its own, and a name of the registry that it does not know.
_WITHOUT_ALIAS = {name: name for name in ("cp720", "cp737", "cp856", "cp874", "cp875", "cp1006", "koi8_t", "koi8_u")}
_FURTHER = {"windows_874": "cp874", "x_gbk": "gbk", "unknown_8bit": "latin_1"}

CODECS: Mapping[str, str] = MappingProxyType({
    name: codec
    for name, codec in (
        *((codec, codec) for codec in aliases.values()), *aliases.items(), *_WITHOUT_ALIAS.items(), *_FURTHER.items()
    )
    if codec not in _NO_CHARSETS
})  # fmt: skip
"""Charset, normalized as Python's registry does it, to codec."""

MAX_NAME_CHARACTERS = 64
"""No registered charset has a longer name."""


def codec_of(charset: str) -> str | None:
    """The codec for a charset's name, case apart; None if it is not known."""
    if len(charset) > MAX_NAME_CHARACTERS or not charset.isascii():
        return None
    return CODECS.get(normalize_encoding(charset).lower())


def to_text(octets: bytes, charset: str) -> str:
    """Octets in a charset; UTF-8 stands in for one that is not known. What cannot be decoded is replaced."""
    return octets.decode(codec_of(charset) or "utf-8", "replace")
