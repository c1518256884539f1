"""Generated SMTP commands: verbs, paths, parameters and lengths at their limits (RFC 5321 §4.1, §4.5.3.1)."""

from __future__ import annotations

import string
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

MAX_LOCAL_PART = 64
MAX_DOMAIN = 253
MAX_PATH = 256
MAX_COMMAND_LINE = 512
"""Octets, as RFC 5321 §4.5.3.1 counts them: a path with its angle brackets, a command line with its CRLF.

The domain's 255 octets are those of RFC 1035 §2.3.4, which counts those of length and the root: 253 as text.
"""

MAX_LABEL = 63
"""Octets of one label of a domain (RFC 1035 §2.3.4)."""

_ATEXT = string.ascii_letters + string.digits + "!#$&'*+-/=?^_`{|}~"
"""Without the percent sign, which old relays read as routing."""

# Verbs of RFCs and of well-known servers: whoever knows one does not answer that it is unknown.
_TAKEN = (
    "HELO EHLO LHLO MAIL RCPT DATA RSET NOOP QUIT VRFY EXPN HELP SEND SOML SAML TURN ATRN ETRN AUTH STARTTLS BDAT BURL "
    "XCLIENT XFORWARD XADR XSTA XCIR XGEN XEXCH50 VERB ONEX QUEU DEBUG WIZ GET POST CONNECT HEAD PUT OPTIONS"
)


def case_patterns() -> SearchStrategy[list[bool]]:
    """Which letters of a word are capitals; `in_case` repeats the pattern along the word."""
    return st.lists(st.booleans(), min_size=1, max_size=8)


def in_case(text: str, pattern: Sequence[bool]) -> str:
    """The text with its letters in the case of the pattern."""
    return "".join(letter.upper() if pattern[at % len(pattern)] else letter.lower() for at, letter in enumerate(text))


def unknown_verbs() -> SearchStrategy[str]:
    """Words that are no command anywhere: near misses of real ones, private ones, anything of letters."""
    near = st.sampled_from(["XYZZY", "EHL", "MAILX", "RCP", "DATAS", "QUITS", "HEL0", "XMAILSPEC", "N00P"])
    letters = st.text(string.ascii_uppercase, min_size=3, max_size=12)
    return (near | letters).filter(lambda word: word not in _TAKEN.split())


def trailing_spaces() -> SearchStrategy[str]:
    """White space such as people and old programs leave at the end of a line."""
    return st.text(" \t", min_size=1, max_size=6)


def lengths_up_to(limit: int, *, at_least: int = 1) -> SearchStrategy[int]:
    """Octet counts that must be taken: the limit, just under it, and any below."""
    return st.sampled_from([limit, limit - 1]) | st.integers(at_least, limit)


def overlong_lines() -> SearchStrategy[int]:
    """Octet counts of command lines above the limit: just above, and around the sizes of common buffers."""
    edges = [513, 514, 1000, 1024, 1025, 2048, 2049, 4096, 4098, 8193, 16385, 65536]
    return st.sampled_from(edges) | st.integers(MAX_COMMAND_LINE + 1, 20000)


def local_parts(octets: int) -> SearchStrategy[str]:
    """Local-parts of exactly that many octets: an atom, or atoms with single dots between."""

    def dotted(atoms: str) -> str:
        # A dot in the middle, where neither neighbour can be one.
        return atoms if len(atoms) < 3 else f"{atoms[: len(atoms) // 2]}.{atoms[len(atoms) // 2 + 1 :]}"

    atoms = st.text(string.ascii_lowercase + string.digits, min_size=octets, max_size=octets)
    return atoms | atoms.map(dotted)


def any_local_parts() -> SearchStrategy[str]:
    """Short local-parts of any characters that need no quotes."""
    return st.text(_ATEXT, min_size=1, max_size=20)


def domain_of(octets: int, parent: str) -> str:
    """A domain of exactly that many octets below `parent`, with no label above its limit.

    Raises:
        ValueError: there is no room for a label.
    """
    left = octets - len(parent)
    if left < 2:
        raise ValueError(f"no domain of {octets} octets lies below {parent}")
    labels: list[str] = []
    while left:
        # Never leave a single octet: a label and its dot need two.
        take = min(MAX_LABEL + 1, left) if left - min(MAX_LABEL + 1, left) != 1 else min(MAX_LABEL + 1, left) - 1
        labels.append("x" * (take - 1))
        left -= take
    return ".".join([*labels, parent])


def address_literals() -> SearchStrategy[str]:
    """Address literals as RFC 5321 §4.1.3 writes them, of addresses that documentation and loopback own."""
    v4 = st.sampled_from(["[127.0.0.1]", "[192.0.2.1]", "[198.51.100.255]", "[203.0.113.0]"])
    v6 = st.sampled_from(
        [
            "[IPv6:::1]",
            "[IPv6:2001:db8::1]",
            "[IPv6:2001:DB8:0:0:8:800:200C:417A]",
            "[IPv6:2001:db8:1:2:3:4:5:6]",
            "[IPv6:::ffff:192.0.2.1]",
            "[IPv6:2001:db8::192.0.2.33]",
            "[IPv6:2001:db8:0:0:0:0:192.0.2.33]",
            "[IPv6:2001:db8:1:2:3:4::]",
        ]
    )
    made = st.ip_addresses(v=6, network="2001:db8::/32").map(lambda address: f"[IPv6:{address}]")
    in_full = st.ip_addresses(v=6, network="2001:db8::/32").map(lambda address: f"[IPv6:{address.exploded}]")
    return v4 | v6 | made | in_full


def escapes() -> SearchStrategy[list[bool]]:
    """Which characters of a quoted local-part have a backslash; `quoted_with` repeats the pattern along it."""
    return st.lists(st.booleans(), min_size=1, max_size=6)


def quoted_with(local_part: str, escaped: Sequence[bool]) -> str:
    """The local-part as a quoted string (RFC 5321 §4.1.2), with backslashes where the pattern has them."""
    return '"' + "".join(("\\" if escaped[at % len(escaped)] else "") + c for at, c in enumerate(local_part)) + '"'


def unknown_parameters() -> SearchStrategy[str]:
    """Parameters of MAIL and RCPT that no extension defines, with and without a value."""
    keywords = st.sampled_from(["XMAILSPEC", "X-MAILSPEC", "9XMAILSPEC", "xmailspec-a-b"])
    values = st.just("") | st.text(string.ascii_letters + string.digits + "!#<>,;:.-+", min_size=1, max_size=12).map(
        lambda value: f"={value}"
    )
    return st.builds(lambda keyword, value: keyword + value, keywords, values)


def source_routes() -> SearchStrategy[str]:
    """Source routes with their colon, of one to three hosts in domains that nobody has."""
    hosts = st.lists(st.sampled_from(["@relay.example", "@a.client.example", "@hop-2.invalid"]), min_size=1, max_size=3)
    return hosts.map(lambda route: ",".join(route) + ":")
