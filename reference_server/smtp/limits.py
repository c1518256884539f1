"""Sizes of RFC 5321 §4.5.3.1, and by how much extensions lengthen the lines of commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # told apart by identity: it is a key of caches
class SmtpLimits:
    """Greatest sizes in octets, for every SMTP core; the sizes of whole messages are among `core.Settings`.

    The defaults are what every server must be able to take (§4.5.3.1.1 to §4.5.3.1.6), so that a smaller value breaks
    the RFC: local-parts and domains alone, paths with brackets and source route, lines with CRLF, lines of text
    without the dot that is added for transparency. `reply_line_octets` is the other way round: no reply line of ours
    is longer. `hops` are the Received fields from which on a message is taken to loop (§6.3).
    """

    local_part_octets: int = 64
    domain_octets: int = 255
    path_octets: int = 256
    command_line_octets: int = 512
    reply_line_octets: int = 512
    text_line_octets: int = 1000
    hops: int = 100


MINIMUM = SmtpLimits()
"""What every server must be able to take."""

LONGER_BY_EXTENSION: Mapping[str, Mapping[bytes, int]] = MappingProxyType(
    {
        "SIZE": {b"MAIL": 26},  # RFC 1870 §3
        "AUTH": {b"MAIL": 500},  # RFC 4954 §3
        "BINARYMIME": {b"MAIL": 16},  # RFC 3030 §3
        "SMTPUTF8": {b"MAIL": 10},  # RFC 6531 §3.1
        "DSN": {b"MAIL": 110, b"RCPT": 530},  # RFC 3461 §5.4: RET and ENVID, NOTIFY and ORCPT, a space before each
        "REQUIRETLS": {b"MAIL": 11},  # RFC 8689 §2
    }
)
"""Octets by which an extension, offered under that keyword, lengthens the line of a command.

What is not here has no share of its own: 8BITMIME (RFC 6152) and CHUNKING (RFC 3030) among them.
"""


def longer_by(keywords: list[str]) -> dict[bytes, int]:
    """By how many octets the line of each command is longer where extensions with these keywords are offered."""
    longer: dict[bytes, int] = {}
    for keyword in keywords:
        for verb, octets in LONGER_BY_EXTENSION.get(keyword, {}).items():
            longer[verb] = longer.get(verb, 0) + octets
    return longer
