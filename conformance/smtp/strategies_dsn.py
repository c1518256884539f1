"""Generated values of the DSN parameters, valid ones and others (RFC 3461 §4)."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

LONGEST_ENVID = 100
LONGEST_ORCPT = 500
"""Characters that ENVID and ORCPT may have in all, keyword included (RFC 3461 §4.2, §4.4, §5.4)."""

# xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
_XCHARS = "".join(chr(octet) for octet in range(33, 127) if chr(octet) not in "+=")

ALL_XTEXT = _XCHARS[:60] + "+20+2B+3D"
"""Many of the plain characters, and those that have to be encoded, a space among them."""


def xtexts(*, most: int = 40) -> SearchStrategy[str]:
    """Values of printable characters in xtext, any of which may be encoded (RFC 3461 §4)."""
    encoded = st.integers(0x20, 0x7E).map("+{:02X}".format)
    return st.lists(st.one_of(st.sampled_from(_XCHARS), encoded), min_size=1, max_size=most // 3).map("".join)


def in_any_case(words: SearchStrategy[str]) -> SearchStrategy[str]:
    """The words with each letter in either case."""
    return st.builds(
        lambda word, upper: "".join(
            letter.upper() if up else letter.lower() for letter, up in zip(word, upper, strict=False)
        ),
        words,
        st.lists(st.booleans(), min_size=30, max_size=30),
    )


def notify_values() -> SearchStrategy[str]:
    """NEVER, or some of the three other words, in any case (RFC 3461 §4.1)."""
    some = st.lists(st.sampled_from(("SUCCESS", "FAILURE", "DELAY")), min_size=1, max_size=3, unique=True)
    return in_any_case(st.one_of(st.just("NEVER"), st.just("SUCCESS,FAILURE,DELAY"), some.map(",".join)))


BAD_OF_MAIL = (*("RET=", "RET=WHOLE", "RET=FULL,HDRS", "RET=FULLY", "ENVID=a+b", "ENVID=a+2", "ENVID=+", "ENVID=a+ZZ"),)
"""Parameters of MAIL with values that are none: of another word, or with a plus sign that encodes nothing.

An empty ENVID is not among them: it is an xtext (§4), though no esmtp-value of RFC 5321 §4.1.2.
"""

NEARLY_XTEXT = ("ENVID=a=b", "ENVID=a+2b", "ENVID=+3d")
"""What lenient readers take: an equals sign that stands for itself, and encoded octets in small letters."""

BAD_OF_RCPT = (
    *("NOTIFY=", "NOTIFY=SOMETIMES", "NOTIFY=NEVER,SUCCESS", "NOTIFY=FAILURE,NEVER", "NOTIFY=SUCCESS;DELAY"),
    *("ORCPT=", "ORCPT=rfc822;a+b", "ORCPT=rfc822;+ZZ", "ORCPT=alice", "ORCPT=;alice"),
)
"""Parameters of RCPT with values that are none: NEVER beside others, an address without a type, a stray plus sign."""
