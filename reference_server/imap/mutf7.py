"""Modified UTF-7, the encoding of mailbox names (RFC 3501 §5.1.3)."""

from __future__ import annotations

import binascii
import re

# Printable ASCII stands for itself, "&" is written "&-", the rest is "&" base64 "-", with "," where base64 has "/".
PLAIN_RUN = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")
ENCODED = re.compile(rb"(?:[\x20-\x25\x27-\x7e]+|&(?:[A-Za-z0-9+,]*)-)*+")
SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode(name: str) -> bytes:
    """The name as it goes on the wire."""
    runs: list[bytes] = []
    for run in PLAIN_RUN.findall(name):
        if " " <= run[0] <= "~":
            runs.append(run.replace("&", "&-").encode("ascii"))
        else:
            octets = run.encode("utf-16-be", "surrogatepass")
            runs.append(b"&" + binascii.b2a_base64(octets, newline=False).rstrip(b"=").replace(b"/", b",") + b"-")
    return b"".join(runs)


def decode(octets: bytes) -> str:
    """The name that was on the wire.

    Only the one canonical spelling is taken, so that two spellings never name one mailbox: no shift for what is
    printable, no null shift between two shifts, no bits left over (§5.1.3 has all three as MUST NOT).

    Raises:
        ValueError: 8-bit or control octets, a shift that does not end, or any other spelling than `encode` gives.
    """
    if not ENCODED.fullmatch(octets):
        raise ValueError("not modified UTF-7")
    name = SHIFTED.sub(_utf8_of_shifted, octets).decode("utf-8")
    if encode(name) != octets:
        raise ValueError("not the canonical modified UTF-7")
    return name


def _utf8_of_shifted(found: re.Match[bytes]) -> bytes:
    if not found[1]:
        return b"&"
    base64 = found[1].replace(b",", b"/")
    octets = binascii.a2b_base64(base64 + b"=" * (-len(base64) % 4))
    return octets.decode("utf-16-be").encode("utf-8")
