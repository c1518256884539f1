"""How things are called in a Maildir: folders, message files and the letters of their flags (as Dovecot has them).

A message file is `new/BASE` or `cur/BASE:2,LETTERS`. BASE begins with the seconds of its delivery, is unique, and stays
with the message; behind it, `,S=` is the size of the file and `,W=` what it would be with CRLF at each line's end.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import time
from collections.abc import Iterable, Mapping

from reference_server.imap import mutf7

SYSTEM_LETTERS: Mapping[str, str] = {
    "D": "\\Draft",
    "F": "\\Flagged",
    "R": "\\Answered",
    "S": "\\Seen",
    "T": "\\Deleted",
}
"""Letter to flag; the other capitals are not ours to interpret, and stay."""

KEYWORD_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""What stands for the keywords in the order of the folder's `dovecot-keywords`."""

_OF_SYSTEM_FLAG = {flag: letter for letter, flag in SYSTEM_LETTERS.items()}
_SECONDS = re.compile(r"(\d{1,12})[.,:]")
_SIZE = re.compile(r",S=(\d+)(?=,|$)")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_counter = itertools.count(1)
# "/" and ":" have a meaning in file names here.
_HOST = socket.gethostname().replace("/", "\\057").replace(":", "\\072").replace(",", "\\054") or "localhost"


def new_base(octets: int) -> str:
    """A name that no other message has, made of the time, this process and a counter."""
    now_us = time.time_ns() // 1000
    unique = f"{now_us // 1_000_000}.M{now_us % 1_000_000:06}P{os.getpid()}Q{next(_counter)}.{_HOST}"
    return f"{unique},S={octets}"


def base_of(file_name: str) -> str:
    """The part of a file's name that stays."""
    return file_name.partition(":")[0]


def letters_of(file_name: str) -> str:
    """The letters behind `:2,`, or none."""
    return file_name.partition(":2,")[2].partition(",")[0]


def with_letters(base: str, letters: Iterable[str]) -> str:
    """The name in `cur` of a message with these letters, which go in the order of ASCII."""
    return f"{base}:2,{''.join(sorted(set(letters)))}"


def delivered_at(base: str) -> int:
    """Seconds since 1970 that a name begins with; 0 where it does not."""
    found = _SECONDS.match(base)
    return int(found[1]) if found else 0


def is_verbatim(base: str, octets: int) -> bool:
    """Whether the file has the message octet for octet, as we write it.

    Others mostly write Unix lines; they say so with `,W=`, or give no size at all.
    """
    found = _SIZE.search(base)
    return ",W=" not in base and found is not None and int(found[1]) == octets


def to_wire(octets: bytes) -> bytes:
    """A message in Unix lines as it goes over the wire. What has CRLF keeps it: copies that mutt makes have both."""
    return _BARE_LF.sub(b"\r\n", octets)


def flags_in(letters: str, keywords: Mapping[int, str]) -> frozenset[str]:
    """What the letters mean in a folder with these keywords, by number."""
    flags = {SYSTEM_LETTERS.get(letter) or keywords.get(KEYWORD_LETTERS.find(letter)) for letter in letters}
    return frozenset(flag for flag in flags if flag)


def letters_for(flags: Iterable[str], numbers: Mapping[str, int]) -> tuple[str, frozenset[str]]:
    """Letters for flags in a folder that has given its keywords these numbers, and the flags that have none."""
    letters, without = [], []
    for flag in flags:
        number = numbers.get(flag, len(KEYWORD_LETTERS))
        if flag in _OF_SYSTEM_FLAG:
            letters.append(_OF_SYSTEM_FLAG[flag])
        elif number < len(KEYWORD_LETTERS):
            letters.append(KEYWORD_LETTERS[number])
        else:
            without.append(flag)
    return "".join(letters), frozenset(without)


def other_letters(letters: str) -> str:
    """The letters that are not ours to change, such as P."""
    return "".join(letter for letter in letters if letter not in SYSTEM_LETTERS and letter not in KEYWORD_LETTERS)


def directory_of(name: str) -> str:
    """The directory of a folder that is not INBOX: `.level.level`, each in modified UTF-7 (RFC 3501 §5.1.3).

    A dot within a level is written as `\\2e` and a backslash as `\\5c`, as Dovecot's listescape plugin does.
    """
    levels = (mutf7.encode(level).decode("ascii") for level in name.split("/"))
    return "".join("." + level.replace("\\", "\\5c").replace(".", "\\2e") for level in levels)


def name_of(directory: str) -> str | None:
    """The folder whose directory that is, or None if it is none of ours."""
    try:
        levels = [
            mutf7.decode(level.replace("\\2e", ".").replace("\\5c", "\\").encode("ascii"))
            for level in directory[1:].split(".")
        ]
    except ValueError:
        return None
    name = "/".join(levels)
    # One spelling for each: what `directory_of` would not write belongs to somebody else.
    return name if directory.startswith(".") and all(levels) and directory_of(name) == directory else None


def account_directory(address: str) -> str:
    """The directory of an account below the store's path."""
    written = address.casefold().replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "%2E" + written[1:] if written.startswith(".") else written
