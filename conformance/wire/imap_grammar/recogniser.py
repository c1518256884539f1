"""Whether one IMAP server response is in the grammar (RFC 3501 §7 and §9, RFC 9051 §7 and §9, and extensions)."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from conformance.wire.imap_grammar.compiled import COMPILED, Matchers, read_compiled
from conformance.wire.imap_grammar.compiler import CLOSE_TOKEN, OPEN_TOKEN, GroupKind
from conformance.wire.imap_grammar.deviations import Deviation
from conformance.wire.imap_grammar.skeleton import Folded, Skeleton, bad_octets, cut, fold

MAX_LINE = 1 << 20
"""Octets outside literals in one response that are still judged."""

EMPTY_TOKEN = OPEN_TOKEN + CLOSE_TOKEN
"""The token of a group that is of no kind the grammar knows."""

# Everything but "* " and a name other than these is a status line, free text included (RFC 9051 §7.1, §7.6).
_STATUS = re.compile(r"(?!\* )|\* (?:OK|NO|BAD|PREAUTH|BYE)(?![^ \r\n])", re.IGNORECASE)

KNOWN_RESPONSES = re.compile(
    "OK|NO|BAD|PREAUTH|BYE|FLAGS|LIST|LSUB|ESEARCH|STATUS|EXISTS|RECENT|NAMESPACE|SEARCH|SORT|THREAD|VANISHED|QUOTA"
    "|QUOTAROOT|GENURLAUTH|URLFETCH|ACL|LISTRIGHTS|MYRIGHTS|ID|METADATA|LANGUAGE|COMPARATOR|EXPUNGE|FETCH|CAPABILITY|ENABLED"
)
"""Names whose syntax is fixed here; an untagged response with another name is not judged."""


@cache
def matchers() -> Matchers:
    """The grammar as `building` compiled it; reading the rules themselves would take seconds in each process."""
    return read_compiled(COMPILED.read_bytes())


def _token(inside: str, kinds: tuple[GroupKind, ...]) -> str:
    return OPEN_TOKEN + "".join(k.marker for k in kinds if k.pattern.fullmatch(inside)) + CLOSE_TOKEN


# Shapes recur: once strings are tokens, the addresses of all messages look alike.
@lru_cache(maxsize=8192)
def _cached_paren(inside: str) -> str:
    return _token(inside, matchers().parens)


@lru_cache(maxsize=8192)
def _cached_quote(inside: str) -> str:
    return _token(inside, matchers().quotes)


_CACHED_UP_TO = 400


def _paren_token(inside: str) -> str:
    return _cached_paren(inside) if len(inside) <= _CACHED_UP_TO else _token(inside, matchers().parens)


def quote_token(inside: str) -> str:
    """The token for a quoted string, from its inside."""
    return _cached_quote(inside) if len(inside) <= _CACHED_UP_TO else _token(inside, matchers().quotes)


def is_status(line: str) -> bool:
    """Whether a line is a status response or a continuation request, which end in free text."""
    return _STATUS.match(line) is not None


def folded(text: str) -> Folded:
    """A skeleton with its groups replaced by tokens of this grammar."""
    return fold(text, _paren_token)


def conforms(text: str) -> bool:
    """Whether a line without its CRLF (of a data response: its skeleton) is in the grammar."""
    if is_status(text):
        return matchers().status.fullmatch(text) is not None
    line = folded(text)
    return line.problem is None and matchers().data.fullmatch(line.text) is not None


def recognise(raw: bytes) -> tuple[Deviation, ...]:
    """Every departure of one complete response from the grammar; empty if it conforms.

    `raw` is the response as received: a line with its literals, up to and including its last CRLF. Nothing is
    repaired. Look at `Deviation.proven` before convicting: some kinds only say why there is no verdict.
    """
    from conformance.wire.imap_grammar.diagnosis import explain  # it builds on this module

    deviations: list[Deviation] = []
    end = len(raw)
    if raw.endswith(b"\r\n"):
        end -= 2
    elif raw.endswith(b"\n"):
        end -= 1
        deviations.append(Deviation("bare_lf", end, "line ends in LF without CR (RFC 9051 §2.2)"))
    else:
        deviations.append(Deviation("no_line_end", end, "no CRLF at the end (RFC 9051 §2.2)"))
    if is_status(raw[:16].decode("latin-1")):
        if end > MAX_LINE:
            return (*deviations, _too_long(end))
        skeleton = Skeleton(raw[:end].decode("latin-1"))
        skeleton.deviations = bad_octets(raw, end)
    else:
        skeleton = cut(raw, end, quote_token)
        if len(skeleton.text) > MAX_LINE:
            return (*deviations, *skeleton.deviations, _too_long(len(skeleton.text)))
    deviations += skeleton.deviations
    # An octet that may not occur at all makes the grammar fail too; once is enough.
    if not deviations and not conforms(skeleton.text):
        deviations += explain(raw[:end], skeleton)
    return tuple(deviations)


def _too_long(octets: int) -> Deviation:
    return Deviation("too_long", MAX_LINE, f"{octets} octets outside literals: not judged")
