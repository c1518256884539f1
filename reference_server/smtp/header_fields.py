"""Fields in the header of a submitted message: addresses (RFC 5322 §3.4) and Message-ID (§3.6.4), as RFC 6409 has them.

A field is cut into tokens, each token becomes one letter, and the grammar is a pattern over those letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A field body: the rest of its line, and the lines that fold it (RFC 5322 §2.2.3).
_BODY = rb"[ \t]*:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)"
_ADDRESSES = re.compile(rb"^(?:(?:resent-)?(?:from|sender|to|cc|bcc)|reply-to)" + _BODY, re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^message-id" + _BODY + rb"\r\n", re.IGNORECASE | re.MULTILINE)

# FWS; 1*atext (RFC 5322 §3.2.3), UTF-8 among it (RFC 6532 §3.2); quoted-string; domain-literal; the specials that
# separate. Comments nest, so that they are passed over by other means.
_TOKEN = re.compile(
    rb"[ \t\r\n]++"
    rb"|([A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]++)"
    rb'|("(?:[^"\\]|\\.)*+")'
    rb"|(\[[^\[\]\\\r\n]*+\])"
    rb"|([.@,:;<>])",
    re.DOTALL,
)
_LETTERS = " aqd"
_IN_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)

# domain = dot-atom / domain-literal ; addr-spec = local-part "@" domain
_DOMAIN = r"(?:a(?:\.a)*+|d)"
_SPEC = rf"[aq](?:\.[aq])*+@{_DOMAIN}"
# mailbox = addr-spec / [display-name] angle-addr ; §4.4 has a route in front, and dots in display names
_MAILBOX = rf"(?:{_SPEC}|[aq.]*+<(?:,*+@{_DOMAIN}(?:,++(?:@{_DOMAIN})?+)*+:)?{_SPEC}>)"
# group = display-name ":" [group-list] ";" ; §4.4 has empty elements in lists
_GROUP = rf"[aq.]++:,*+(?:{_MAILBOX}(?:,++{_MAILBOX})*+)?,*+;"
_ADDRESS = rf"(?:{_MAILBOX}|{_GROUP})"
_LIST = re.compile(rf"(?:,*+{_ADDRESS}(?:,++{_ADDRESS})*+,*+)?")
_EACH_DOMAIN = re.compile(rf"@({_DOMAIN})")
_ONE_ID = re.compile(rf"<{_SPEC}>")


def address_fields(header: bytes) -> Iterator[bytes]:
    """The bodies of the fields that hold addresses, folded as they came."""
    return (found[1] for found in _ADDRESSES.finditer(header))


def domains_in(body: bytes) -> list[bytes] | None:
    """The domains of all addresses in an address field; None if the field breaks the grammar. A blank one has none."""
    read = _tokens(body)
    if read is None or not _LIST.fullmatch(read[0]):
        return None
    letters, tokens = read
    return [b"".join(tokens[found.start(1) : found.end(1)]) for found in _EACH_DOMAIN.finditer(letters)]


def with_message_id(header: bytes, new: bytes) -> bytes:
    """The header with a Message-ID that is one: its own, or `new`, in angle brackets, at the top."""
    found = _MESSAGE_ID.search(header)
    read = _tokens(found[1]) if found else None
    if read is not None and _ONE_ID.fullmatch(read[0]):
        return header
    return b"Message-ID: " + new + b"\r\n" + _MESSAGE_ID.sub(b"", header)


def _tokens(body: bytes) -> tuple[str, list[bytes]] | None:
    """One letter for each token, and the tokens; None where there is something that is none."""
    letters: list[str] = []
    tokens: list[bytes] = []
    at = 0
    while at < len(body):
        if body[at] == ord("("):
            end = _after_comment(body, at)
            if not end:
                return None
            at = end
            continue
        found = _TOKEN.match(body, at)
        if found is None:
            return None
        at = found.end()
        if found.lastindex is not None:
            tokens.append(found[0])
            letters.append(found[0].decode("ascii") if found.lastindex == 4 else _LETTERS[found.lastindex])
    return "".join(letters), tokens


def _after_comment(body: bytes, at: int) -> int:
    """Index behind the comment that begins there, those within it included; 0 if it has no end."""
    depth = 0
    for found in _IN_COMMENT.finditer(body, at):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return 0
