"""Command lines that come over and over, looked up as a whole (RFC 5321 §4.1.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from reference_server.smtp.limits import MINIMUM
from reference_server.smtp.session import VERBS, Verb

# Verb, perhaps an argument, no control characters, nothing beyond ASCII; white space at the end does not count.
_LINE = re.compile(rb"([A-Za-z]{4,8})(?: ([\x20-\x7e]*?))?[ \t]*\r\n")

_LONGEST_KEPT_OCTETS = MINIMUM.command_line_octets

_READ_WITH_CARE = frozenset({Verb.AUTH, Verb.BDAT})
"""BDAT says how to go on reading, and what follows AUTH is not to be kept."""


def plain_command(octets: bytes, limit: int) -> tuple[Verb, bytes] | None:
    """Verb and argument of octets that are exactly one command line in good form; None for any others.

    A line of more than `limit` octets, or one that could be the longer for an extension, is among those.
    """
    if len(octets) > limit or len(octets) > _LONGEST_KEPT_OCTETS or octets[:4].upper() == b"AUTH":
        return None
    return _looked_up(octets)


@lru_cache(maxsize=1024)
def _looked_up(octets: bytes) -> tuple[Verb, bytes] | None:
    found = _LINE.fullmatch(octets)
    verb = VERBS.get(found[1].upper()) if found else None
    if found is None or verb is None or verb in _READ_WITH_CARE:
        return None
    return verb, found[2] or b""
