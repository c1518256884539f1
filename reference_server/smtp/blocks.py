"""Mail text many lines at a time, at the speed of the interpreter's own searches (RFC 5321 §4.1.1.4, §4.5.2).

Nothing here decides why a message is refused: a block that is not plain is gone through line by line by `data`.
"""

from __future__ import annotations

import re

# A dot at the start of a line. To look for the dot first and then behind it is less than half the work of looking for
# all three octets, since a search for one octet does not stop at every line end.
_DOT_AFTER_LINE_END = re.compile(rb"\.(?<=\r\n\.)")


def whole_lines(pending: bytes, at: int) -> tuple[int, int, bool]:
    """What stands in `pending` from the line start `at` on.

    Returns where the whole lines end, where the lone dot after them ends (0 if it is not there), and whether any of
    these lines begins with a dot.
    """
    if pending.startswith(b".\r\n", at):
        return at, at + 3, False
    # One search finds the lone dot of most messages: few have other lines that begin with a dot.
    found = _DOT_AFTER_LINE_END.search(pending, at + 2)
    first_dot = found.start() - 2 if found else -1
    if first_dot >= 0 and pending.startswith(b"\r\n", first_dot + 3):
        return first_dot + 2, first_dot + 5, pending.startswith(b".", at)
    end = pending.find(b"\r\n.\r\n", first_dot) if first_dot >= 0 else -1
    if end >= 0:
        return end + 2, end + 5, True
    stop = pending.rfind(b"\r\n", at)
    if stop < 0:
        return at, 0, False
    return stop + 2, 0, 0 <= first_dot < stop or pending.startswith(b".", at)


def unstuffed(block: bytes) -> bytes:
    """Whole lines with exactly one leading dot removed from each that has one (RFC 5321 §4.5.2)."""
    return (b"\r\n" + block).replace(b"\r\n.", b"\r\n")[2:]


def is_plain(block: bytes, *, line_octets: int, eight_bit: bool) -> bool:
    """Whether whole lines have neither bare CR, bare LF nor NUL, none is too long, and all octets are allowed."""
    if b"\0" in block or not (eight_bit or block.isascii()):
        return False
    # CR and LF stand only together exactly if the block comes back when all CR are taken out and one is put before each
    # LF. To replace single octets is several times faster than to count pairs.
    if block.replace(b"\r", b"").replace(b"\n", b"\r\n") != block:
        return False
    # From line start to the last line start within reach: each step passes as many lines as the limit has room for.
    at, last = 0, len(block) - line_octets
    while at < last:
        at = block.rfind(b"\n", at, at + line_octets) + 1
        if at == 0:
            return False
    return True
