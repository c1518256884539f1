"""Message IDs in header fields, in the one form by which they are compared (RFC 5322 §3.6.4, RFC 5256 §3)."""

from __future__ import annotations

import re

from reference_server.imap.lexer import QUOTED_PAIR

MAX_REFERENCES = 1000
"""Message IDs of one field that count: the last ones, which are the nearest ancestors."""

# msg-id  = "<" id-left "@" id-right ">"
# id-left = dot-atom-text / no-fold-quote       ; RFC 2822; whatever has no white space or brackets passes for a text
MESSAGE_ID = re.compile(rb'<[ \t]*+(?:"((?:[^"\\<>]|\\.)*+)"|([^\s"<>@]++))@([^\s<>]++)[ \t]*>')
# A comment, so that a message ID in one is none; those within comments are rare enough to be let go.
COMMENT = re.compile(rb"\([^()\\]*+\)")


def message_ids(value: bytes) -> list[bytes]:
    """The valid message IDs in a field's value, without brackets and needless quoting, in their order."""
    found = MESSAGE_ID.findall(COMMENT.sub(b"", value) if b"(" in value else value)
    return [
        (QUOTED_PAIR.sub(rb"\1", quoted) if quoted else bare) + b"@" + right
        for quoted, bare, right in found[-MAX_REFERENCES:]
    ]
