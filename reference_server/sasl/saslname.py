"""Names as GS2 headers and SCRAM carry them: comma and equals sign are escaped (RFC 5801 §4, RFC 5802 §5.1)."""

from __future__ import annotations

import re

# saslname = 1*(UTF8-char-safe / "=2C" / "=3D")
_SASLNAME = re.compile(rb"(?:[^\x00=,]|=2C|=3D)+")


def decode_saslname(written: bytes) -> str | None:
    """The name that was meant; None for an escape that there is none of, or for what is not UTF-8."""
    if not _SASLNAME.fullmatch(written):
        return None
    try:
        return written.replace(b"=2C", b",").replace(b"=3D", b"=").decode("utf-8")
    except UnicodeDecodeError:
        return None
