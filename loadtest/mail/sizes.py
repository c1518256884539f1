"""Sizes of the messages of a load run: one for all, evenly spread over a range, or as real mail has them.

A distribution is a row of sizes, each as frequent as the others. A user goes through the whole row in an order of its
own before it begins again, so that even a short run has the distribution that is written here and no other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

STRATA = 256
"""Sizes in the row of a distribution."""

LARGEST_OCTETS = 1 << 30
"""What a message may have at the most: each process keeps the text of the largest one in memory, twice."""

REAL_MAIL = (
    (900, 0.0),
    (2 << 10, 0.2353),
    (4 << 10, 0.4917),
    (8 << 10, 0.6760),
    (16 << 10, 0.7958),
    (32 << 10, 0.8536),
    (64 << 10, 0.9047),
    (128 << 10, 0.9330),
    (256 << 10, 0.9574),
    (512 << 10, 0.9724),
    (1 << 20, 0.9849),
    (2 << 20, 0.9996),
    (4 << 20, 1.0),
)
"""Which share of mail is smaller than so many octets.

Source: Johannes Buchner, "Modelling realistic email traffic: email size distribution" (August 2009; docs/load.md has
the address), whose twelve cumulative shares these are; he also puts the least size at 900 octets, which headers need.
He took them from the counts of one mail server in a post to freebsd-net of October 2002, which we have not seen
(osdir.com/ml/freebsd.devel.net/2002-10/msg00203.html). The shape is that of studies of more mail: about log-normal,
with a heavy tail (Shah and Noble, "A study of e-mail patterns", 2007; Matsubara, "Fluctuations in email size", Eur.
Phys. J. Plus, 2017). Mail has grown since: take a folder of your own `.eml` files where today's sizes matter.

That sizes between two of the table are even on a logarithmic scale is our own reading; he has those below 2 KB even.
"""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZE = re.compile(r"([0-9]+)([kmg]?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sizes:
    """A row of sizes in octets, ascending, header and body together; `text` is how one writes it on a command line.

    `least_is_header`: where a header alone needs more than a size gives, the message is as large as it must be. Else
    that is an error, because somebody has asked for just that size.
    """

    text: str
    octets: tuple[int, ...]
    least_is_header: bool = False

    @property
    def mean_octets(self) -> int:
        """The mean size."""
        return sum(self.octets) // len(self.octets)


def fixed(octets: int) -> Sizes:
    """Every message of this size.

    Raises:
        ValueError: no message is of that size.
    """
    return Sizes(str(octets), (_checked(octets),))


def spread(least: int, most: int) -> Sizes:
    """Evenly spread from the least to the most, both included.

    Raises:
        ValueError: it is no range, or no message is that large.
    """
    if _checked(least) >= _checked(most):
        raise ValueError(f"{least}-{most} is no range of sizes: write the smaller one first")
    steps = min(STRATA, most - least + 1) - 1
    return Sizes(f"{least}-{most}", tuple(least + (most - least) * step // steps for step in range(steps + 1)))


def mixed() -> Sizes:
    """As real mail has them (see `REAL_MAIL`): half of it below 4.2 KB, and a few messages of more than a megabyte."""
    row = tuple(_real_mail_quantile((step + 0.5) / STRATA) for step in range(STRATA))
    return Sizes("mixed", row, least_is_header=True)


def parse_sizes(text: str) -> Sizes:
    """`4096`, `16k`, `1k-64k` or `mixed`; k, m and g are powers of 1024.

    Raises:
        ValueError: it is none of these, and the text says what to write.
    """
    if text == "mixed":
        return mixed()
    match [_SIZE.fullmatch(part) for part in text.split("-")]:
        case [re.Match() as size]:
            return fixed(_octets(size))
        case [re.Match() as least, re.Match() as most]:
            return spread(_octets(least), _octets(most))
    raise ValueError(f"{text!r} is no message size: write 4096, 16k, 1k-64k or mixed")


def _octets(match: re.Match[str]) -> int:
    return int(match[1]) * _UNITS[match[2].lower()]


def _checked(octets: int) -> int:
    if not 0 < octets <= LARGEST_OCTETS:
        raise ValueError(f"a message has from 1 to {LARGEST_OCTETS} octets, not {octets}")
    return octets


def _real_mail_quantile(share: float) -> int:
    """The size below which this share of mail lies; between two of the table's sizes on a logarithmic scale."""
    above = bisect_right(REAL_MAIL, share, key=lambda row: row[1])
    (low, share_low), (high, share_high) = REAL_MAIL[above - 1], REAL_MAIL[above]
    return int(low * (high / low) ** ((share - share_low) / (share_high - share_low)))
