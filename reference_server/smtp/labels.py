"""Domains in ASCII and in Unicode: A-labels and U-labels (RFC 5890 §2.3.2.1, as RFC 6531 §3.2 and §3.7.3 need them).

The conversion is that of the standard library's codec (RFC 3490). It differs from RFC 5891 in a few characters, which
matters to a registry; here it only tells whether two spellings are one domain.
"""

from __future__ import annotations


def in_a_labels(domain: str) -> str:
    """The domain in ASCII and small letters; one that has no such form is returned as it is."""
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain


def in_u_labels(domain: str) -> str:
    """The domain in Unicode; one that has no such form is returned as it is."""
    if "xn--" not in domain.lower():
        return domain
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain
