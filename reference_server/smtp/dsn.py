"""What a sender may ask of delivery status notifications: RET, ENVID, NOTIFY and ORCPT (RFC 3461 §4, RFC 6533 §3).

Values are kept as they were written, since whoever passes them on must not change them (RFC 3461 §5.2.1); here is also
how to read them.
"""

from __future__ import annotations

import re

from reference_server.smtp.grammar import SyntaxProblem

# xtext   = *( xchar / hexchar )
# xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
# hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
XTEXT = re.compile(rb"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*")
_UTF8_XTEXT = re.compile(rb"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e\x80-\xff]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")

# original-recipient-address = addr-type ";" xtext
# addr-type                  = atom              (RFC 822: no specials, no space, no controls)
_ORIGINAL = re.compile(rb"""(?P<type>[^\x00-\x20()<>@,;:\\".\[\]\x7f-\xff]+);(?P<address>.*)""", re.DOTALL)

# EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"
_EMBEDDED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")

# Before its encoding the value is of graphic and white space characters of ASCII (RFC 3461 §4.2, §4.4).
_PRINTABLE = re.compile(rb"[\t\x20-\x7e]*")

_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})
NEVER = "NEVER"


def decoded_xtext(octets: bytes, *, utf8: bool = False) -> bytes:
    """What an xtext stands for; with `utf8`, octets above 127 stand for themselves (RFC 6531 §3.3).

    Raises:
        SyntaxProblem: it is none.
    """
    if not (_UTF8_XTEXT if utf8 else XTEXT).fullmatch(octets):
        raise SyntaxProblem("not an xtext")
    return _HEXCHAR.sub(lambda found: bytes([int(found[1], 16)]), octets)


def _printable(xtext: bytes) -> bytes:
    octets = decoded_xtext(xtext)
    if not _PRINTABLE.fullmatch(octets):
        raise SyntaxProblem("the xtext stands for characters that are not printable")
    return octets


def parse_ret(value: bytes | None) -> str:
    """`FULL` or `HDRS` (RFC 3461 §4.3).

    Raises:
        SyntaxProblem: it is neither.
    """
    wanted = (value or b"").upper()
    if wanted not in {b"FULL", b"HDRS"}:
        raise SyntaxProblem("RET is FULL or HDRS")
    return wanted.decode("ascii")


def parse_envid(value: bytes | None) -> bytes:
    """The envelope identifier as it is written (RFC 3461 §4.4).

    Raises:
        SyntaxProblem: it is no xtext, or stands for something that is not printable.
    """
    if value is None:
        raise SyntaxProblem("ENVID needs a value")
    _printable(value)
    return value


def parse_notify(value: bytes | None) -> frozenset[str]:
    """When to notify: `NEVER` alone, or any of the three others (RFC 3461 §4.1).

    notify-esmtp-value = "NEVER" / 1#notify-list-element; the `#` of RFC 822 §2.7 lets elements be empty.

    Raises:
        SyntaxProblem: it is something else.
    """
    wanted = frozenset(filter(None, (value or b"").decode("latin-1").upper().split(",")))
    if not wanted or (wanted - _NOTIFY and (value or b"").upper() != b"NEVER"):
        raise SyntaxProblem("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return wanted


def parse_orcpt(value: bytes | None) -> bytes:
    """The original recipient as it is written, type and all (RFC 3461 §4.2, RFC 6533 §3).

    Raises:
        SyntaxProblem: there is no type, or the address is no xtext, or stands for something that is not printable.
    """
    original = _ORIGINAL.fullmatch(value or b"")
    if original is None:
        raise SyntaxProblem("ORCPT is a type of address, a semicolon and an address in xtext")
    if original["type"].lower() != b"utf-8":
        _printable(original["address"])
    # QUCHAR and EmbeddedUnicodeChar; whatever else is labelled so is passed on as it is (RFC 6533 §3).
    elif not _is_utf8(original["address"]):
        raise SyntaxProblem("not UTF-8")
    return value or b""


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def readable_original(orcpt: bytes, *, utf8: bool) -> str:
    """An ORCPT as a header field or a report shows it: `rfc822;user@example.org`, without its encoding.

    An address of the type utf-8 loses its encoding only where UTF-8 may stand (RFC 6533 §3).
    """
    kind, _, address = orcpt.decode("utf-8").partition(";")
    if kind.lower() != "utf-8":
        address = decoded_xtext(address.encode("ascii")).decode("ascii")
    elif utf8:
        address = _EMBEDDED.sub(_embedded, address)
    return f"{kind};{address}"


def _embedded(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    # No code point of a control: it could end the field; surrogates and numbers beyond the last are no characters.
    usable = 0x20 <= point < 0xD800 or 0xE000 <= point < 0x110000
    return chr(point) if usable and point != 0x7F and not 0x80 <= point < 0xA0 else found[0]
