"""Access rights: letters, what stands for several of them, and what a list of them gives to a user (RFC 4314 §2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

LETTERS = "lrswipkxtea"
"""Every right that there is, in the order in which they are shown (RFC 4314 §2.1)."""

ALL = frozenset(LETTERS)
"""What the owner of a mailbox has, whatever else is set."""

VIRTUAL: Mapping[str, str] = MappingProxyType({"c": "kx", "d": "te"})
"""Obsolete rights, and what each of them stands for (RFC 4314 §2.1.1)."""

WRITING = frozenset("ieswt")
"""Without any of these a mailbox can only be read: \\Seen and the other flags are shared (RFC 4314 §5.2)."""

KNOWING = frozenset("lrikxa")
"""Whoever has one of these may ask which he has (RFC 4314 §4, MYRIGHTS)."""

ANNOTATING = frozenset("rswip")
"""With `l`, one of these lets a user read and set metadata (RFC 5464 §3.3)."""

RIGHT_FOR: Mapping[str, str] = MappingProxyType({"\\Deleted": "t", "\\Seen": "s"})
"""Flag to the right that changing it takes; `w` for every other (RFC 4314 §4)."""

ANYONE = "anyone"


def expanded(letters: Iterable[str]) -> frozenset[str]:
    """The rights that these letters stand for.

    Raises:
        ValueError: there is no such right; capitals are none (RFC 4314 §3.1).
    """
    rights: set[str] = set()
    for letter in letters:
        if letter not in ALL and letter not in VIRTUAL:
            raise ValueError(letter)
        rights.update(VIRTUAL.get(letter, letter))
    return frozenset(rights)


def shown(rights: Collection[str]) -> str:
    """The rights as ACL and MYRIGHTS tell them: with `c` or `d` too as soon as one of their members is there."""
    virtual = [letter for letter, members in VIRTUAL.items() if set(members) & set(rights)]
    return "".join([*(letter for letter in LETTERS if letter in rights), *virtual])


def stored(rights: Collection[str]) -> str:
    """The rights as a store keeps them."""
    return "".join(letter for letter in LETTERS if letter in rights)


def given_to(name: str, rights: Mapping[str, str]) -> frozenset[str]:
    """What a list of rights gives to a user: by name and as anyone, but not what is taken away again."""
    identifiers = (name, ANYONE)
    gained = {letter for each in identifiers for letter in rights.get(each, "")}
    return frozenset(gained.difference(*(rights.get("-" + each, "") for each in identifiers)))


def may_change(flag: str, rights: Collection[str]) -> bool:
    """Whether these rights let a user change the flag (RFC 4314 §4, STORE)."""
    return RIGHT_FOR.get(flag, "w") in rights
