"""Sessions as octets, so that a fuzzer that knows only octets can change them.

The first octet picks the opening. `ESCAPE` and the octet after it stand for something that befalls the session, for a
cut between two segments, or for `ESCAPE` itself; everything else is what the client sends.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.dialogues import OPENINGS
from tests.fuzz.harness import Feed, Happening, Step

ESCAPE = 0xFE
"""No octet of UTF-8 (RFC 3629 §3), so it is rare in what clients send."""

_HAPPENINGS = tuple(Happening)
_CUT, _ITSELF = len(_HAPPENINGS), len(_HAPPENINGS) + 1


def encoded(opening: int, steps: Sequence[Step]) -> bytes:
    """The octets for a session."""
    octets = bytes([opening])
    before: Step | None = None
    for step in steps:
        if isinstance(step, Feed):
            if isinstance(before, Feed):
                octets += bytes([ESCAPE, _CUT])
            octets += step.octets.replace(bytes([ESCAPE]), bytes([ESCAPE, _ITSELF]))
        else:
            octets += bytes([ESCAPE, _HAPPENINGS.index(step)])
        before = step
    return octets


def decoded(service: str, octets: bytes) -> list[Step]:
    """The session that any octets stand for."""
    openings = OPENINGS[service]
    steps: list[Step] = [Feed(openings[octets[0] % len(openings)])] if octets else []
    first, *rest = octets[1:].split(bytes([ESCAPE]))
    said = bytearray(first)
    for piece in rest:
        code = piece[0] % (len(_HAPPENINGS) + 2) if piece else _ITSELF
        if code == _ITSELF:
            said.append(ESCAPE)
        else:
            steps += [Feed(bytes(said))] if said else []
            steps += [_HAPPENINGS[code]] if code != _CUT else []
            said.clear()
        said += piece[1:]
    return steps + ([Feed(bytes(said))] if said else [])
