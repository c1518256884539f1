"""What the messages of a run are made of, as one writes it: a size, a range, `mixed`, or a folder of `.eml` files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from loadtest.mail.corpus import Corpus, CorpusPress, load_corpus
from loadtest.mail.messages import Letterhead, MessagePress, Press
from loadtest.mail.sizes import Sizes, parse_sizes


@lru_cache(maxsize=4)
def supply_of(text: str) -> Sizes | Corpus:
    """What the text means. A folder is read once in a process, however many users send out of it.

    Raises:
        ValueError: it means nothing, or the folder cannot be used.
    """
    path = Path(text)
    if path.is_dir() or "/" in text:
        return load_corpus(path)
    try:
        return parse_sizes(text)
    except ValueError as error:
        raise ValueError(f"{error}, or the path of a folder of .eml files") from None


def press_of(letterhead: Letterhead, text: str, *, seed: int, eight_bit: bool = True) -> Press:
    """What makes the messages of one user out of this supply.

    `eight_bit`: all eight bits of an octet get through, as in APPEND (RFC 3501 §6.3.11) and where a server of SMTP
    offers 8BITMIME (RFC 6152 §3). Elsewhere those of a folder that need it stay at home.

    Raises:
        ValueError: the text means nothing, or no message of such a size can have this letterhead.
    """
    supply = supply_of(text)
    if isinstance(supply, Sizes):
        return MessagePress(letterhead, octets=supply, seed=seed)
    return CorpusPress(letterhead, supply if eight_bit else supply.seven_bit(), seed=seed)


def left_out_of(text: str) -> int:
    """How many messages of a folder stay at home where 8BITMIME is not offered.

    Raises:
        ValueError: the text means nothing, or the folder cannot be used.
        CorpusError: all of them do.
    """
    supply = supply_of(text)
    if isinstance(supply, Sizes):
        return 0
    return len(supply.letters) - len(supply.seven_bit().letters)


def largest_octets(text: str) -> int:
    """About how large messages get, for a server that has a limit (RFC 1870); those of a folder get two fields more.

    Raises:
        ValueError: the text means nothing, or the folder cannot be used.
    """
    supply = supply_of(text)
    if isinstance(supply, Sizes):
        return supply.octets[-1]
    return max(len(letter.header) + len(letter.body) for letter in supply.letters) + 2
