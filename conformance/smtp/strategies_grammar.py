"""Generated arguments in the grammar of RFC 5321 §4.1.2 and §4.1.3, and near misses outside it."""

from __future__ import annotations

import string

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.smtp.strategies_commands import MAX_LOCAL_PART, source_routes

# atext of RFC 5322 §3.2.3, without the percent sign and the exclamation mark, which old relays read as routes.
_ATEXT = string.ascii_letters + string.digits + "#$&'*+-/=?^_`{|}~"

# qtextSMTP = %d32-33 / %d35-91 / %d93-126, without what old relays read as routes, outside quotes or in them.
_QTEXT = "".join(chr(octet) for octet in range(0x20, 0x7F) if chr(octet) not in '"\\%!@')


def dot_strings() -> SearchStrategy[str]:
    """Dot-string = Atom *("." Atom)."""
    atoms = st.text(_ATEXT, min_size=1, max_size=12)
    return st.lists(atoms, min_size=1, max_size=4).map(".".join)


def quoted_strings() -> SearchStrategy[str]:
    """Quoted-string with at least one character: qtextSMTP, and quoted-pairSMTP of what needs one and what does not."""
    pairs = st.sampled_from(['\\"', "\\\\", "\\ ", "\\a", "\\.", "\\<"])
    parts = st.lists(st.sampled_from(_QTEXT) | pairs, min_size=1, max_size=12).map("".join)
    return parts.map(lambda text: f'"{text}"').filter(lambda text: len(text) <= MAX_LOCAL_PART)


def labels() -> SearchStrategy[str]:
    """sub-domain = Let-dig [Ldh-str]; without hyphens in third and fourth place, which IDNA keeps for itself."""
    inside = st.text(string.ascii_letters + string.digits + "-", max_size=8)
    ends = st.sampled_from(string.ascii_lowercase + string.digits)
    long_ones = st.builds(lambda first, middle, last: first + middle + last, ends, inside, ends)
    return (ends | long_ones).filter(lambda label: label[2:4] != "--")


def mailboxes_below(domain: str) -> SearchStrategy[str]:
    """Mailboxes in `domain`, and in subdomains of it that nobody has; some behind a source route."""
    local_parts = dot_strings() | quoted_strings()
    domains = st.just(domain) | st.lists(labels(), min_size=1, max_size=2).map(lambda some: ".".join([*some, domain]))
    routes = st.just("") | st.just("") | source_routes()
    return st.builds(lambda route, local, at: f"{route}{local}@{at}", routes, local_parts, domains)


BROKEN_PATHS = (
    "<.a@{0}>",
    "<a.@{0}>",
    "<a..b@{0}>",
    "<a b@{0}>",
    '<"a@{0}>',
    '<"a"b"@{0}>',
    "<a@{0}",
    "<a@-{0}>",
    "<a@x-.{0}>",
    "<a@.{0}>",
    "<a@x..{0}>",
    "<a@[192.0.2.256]>",
    "<a@[192.0.2]>",
    "<a@[192.0.2.1>",
    "<a@[IPv6:2001:db8::1::2]>",
    "<a@[IPv6:2001:db8:1:2:3:4:5]>",
    "<a@[IPv6:12345::1]>",
    "<@x.{0},a@{0}>",
    "<@x.{0}:>",
    "<a,b@{0}>",
    "<a;@{0}>",
)
"""Reverse-paths each of which breaks one rule of the grammar; the domain goes into the braces."""

BROKEN_PARAMETERS = ("=5", "SIZE==5", "SIZE=", "SIZE=1=2", "-SIZE=5", "SI_ZE=5", "SIZE = 5")
"""Parameters of MAIL each of which breaks one rule of the grammar."""

STRINGS = ("postmaster", "mail-spec+1", '"postmaster"', '"two words"', '"with \\" and \\\\"')
"""String = Atom / Quoted-string: the argument of VRFY, EXPN, HELP and NOOP."""
