"""SMTP replies as octets (RFC 5321 §4.2, RFC 2034)."""

from __future__ import annotations

MAX_REPLY_LINE_OCTETS = 512
"""Code and CRLF included (RFC 5321 §4.5.3.1.5)."""

# 4 for "250-" or "250 ", 2 for CRLF; an enhanced code is at most "5.999.999 ".
_MAX_TEXT_OCTETS = MAX_REPLY_LINE_OCTETS - 4 - 2


def build(code: int, texts: tuple[str, ...], *, enhanced: str | None = None) -> bytes:
    """One reply, a line for each text; `enhanced` comes first on every line (RFC 2034 §4).

    A text that would make the line too long is cut: only our own words get here, none of them near the limit but
    those that repeat a name.
    """
    prefix = f"{enhanced} " if enhanced else ""
    lines = [(prefix + text).encode("utf-8")[:_MAX_TEXT_OCTETS] for text in texts]
    return b"".join(
        b"%d%s%s\r\n" % (code, b" " if number == len(lines) else b"-", line) for number, line in enumerate(lines, 1)
    )
