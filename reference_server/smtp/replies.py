"""SMTP replies as octets (RFC 5321 §4.2, RFC 2034)."""

from __future__ import annotations

from functools import lru_cache

from reference_server.smtp.limits import MINIMUM


@lru_cache(maxsize=512)  # the same few replies are given over and over
def build(
    code: int, texts: tuple[str, ...], *, enhanced: str | None = None, limit: int = MINIMUM.reply_line_octets
) -> bytes:
    """One reply, a line for each text; `enhanced` comes first on every line (RFC 2034 §4).

    A text that would make a line longer than `limit` octets, code and CRLF included (RFC 5321 §4.5.3.1.5), is cut:
    only our own words get here, none of them near the limit but those that repeat a name.
    """
    prefix = f"{enhanced} " if enhanced else ""
    # 4 for "250-" or "250 ", 2 for CRLF.
    lines = [(prefix + text).encode("utf-8")[: limit - 6] for text in texts]
    return b"".join(
        b"%d%s%s\r\n" % (code, b" " if number == len(lines) else b"-", line) for number, line in enumerate(lines, 1)
    )
