"""What a check is and how it is declared: a plain function with its citation, its level and its generated input.

    @must("rfc5321/4.5.2/3")
    @given(body=dotted_bodies())
    def check_removes_exactly_one_leading_dot(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
        \"\"\"A leading period is removed from every line that has more on it.\"\"\"

The other parameters are fixtures by name (`conformance.fixtures`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, TypeVar

from hypothesis.strategies import SearchStrategy

from reports.records import Level

F = TypeVar("F", bound=Callable[..., None])

SUITES = ("smtp", "lmtp", "pop3", "imap", "delivery")
"""The folders of this package that hold checks, in the order in which they run."""


class Tier(IntEnum):
    """How much a check may do to the server. A run includes all tiers up to the one it names."""

    SAFE = 1
    INTRUSIVE = 2
    DESTRUCTIVE = 3


TIER_OF_FIXTURE = MappingProxyType({"mailbox": Tier.INTRUSIVE, "maildrop": Tier.INTRUSIVE})
"""Fixtures that put mail into the accounts' INBOX. All other fixtures leave it alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One declared check."""

    id: str
    function: Callable[..., None]
    requirements: tuple[str, ...]
    level: Level
    strategies: Mapping[str, SearchStrategy[Any]]
    tier: Tier
    at_most_examples: int | None
    cuts_itself: bool
    takes_minutes: bool = False
    judges_refusals: bool = False

    @property
    def suite(self) -> str:
        """The first part of the id: `smtp`, `lmtp`, `pop3`, `imap`, `delivery` or a user's own folder."""
        return self.id.partition("/")[0]

    @property
    def title(self) -> str:
        """The rule in one line: the docstring's first."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[0]

    @property
    def rationale(self) -> str:
        """The rest of the docstring: why it matters, history, what to fix."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[2].strip()

    @property
    def fixtures(self) -> tuple[str, ...]:
        """Names of the parameters that no strategy fills."""
        return tuple(name for name in inspect.signature(self.function).parameters if name not in self.strategies)


@dataclass(slots=True)
class _Draft:
    """What the decorators below `must` have said so far."""

    strategies: Mapping[str, SearchStrategy[Any]] = field(default_factory=dict)
    tier: Tier | None = None
    at_most_examples: int | None = None
    cuts_itself: bool = False
    takes_minutes: bool = False
    judges_refusals: bool = False


def _draft(function: Callable[..., None]) -> _Draft:
    if check_of(function) is not None:
        # It would change nothing, and a check that floods would pass for a safe one.
        raise TypeError(f"{function.__name__} is declared already: put @must, @should or @may above all others")
    draft: _Draft | None = getattr(function, "mailspec_draft", None)
    if draft is None:
        draft = _Draft()
        function.mailspec_draft = draft  # type: ignore[attr-defined]
    return draft


def given(*, at_most: int | None = None, **strategies: SearchStrategy[Any]) -> Callable[[F], F]:
    """Generated input, one value of each strategy for every example, as keyword arguments.

    `at_most` caps the number of examples whatever the profile, for checks that are slow on any server.
    """

    def attach(function: F) -> F:
        unknown = set(strategies) - set(inspect.signature(function).parameters)
        if unknown:
            raise TypeError(f"{function.__name__} has no parameter {', '.join(sorted(unknown))}")
        draft = _draft(function)
        draft.strategies = MappingProxyType(strategies)
        draft.at_most_examples = at_most
        return function

    return attach


def destructive(function: F) -> F:
    """Mark a check that floods or may kill the server."""
    _draft(function).tier = Tier.DESTRUCTIVE
    return function


def intrusive(function: F) -> F:
    """Mark a check that delivers mail without a fixture that shows it."""
    _draft(function).tier = Tier.INTRUSIVE
    return function


def cuts_itself(function: F) -> F:
    """Mark a check that is about segments and so is not run again with other ones."""
    _draft(function).cuts_itself = True
    return function


def takes_minutes(function: F) -> F:
    """Mark a check that waits for minutes of the server's own time-outs; only runs that ask for such have it."""
    draft = _draft(function)
    draft.takes_minutes = draft.cuts_itself = True
    return function


def judges_refusals(function: F) -> F:
    """Mark a check of servers that refuse service in their greeting, with which no other check can begin anything."""
    _draft(function).judges_refusals = True
    return function


def _id_of(function: Callable[..., None]) -> str:
    path = Path(inspect.getfile(function))
    topic = path.stem.removeprefix("check_")
    return f"{path.parent.name}/{topic}/{function.__name__.removeprefix('check_')}"


def _declare(level: Level, requirements: tuple[str, ...]) -> Callable[[F], F]:
    if not requirements:
        raise TypeError("name the requirement: @must('rfc5321/4.1.1.5/2')")

    def attach(function: F) -> F:
        if not function.__doc__:
            raise TypeError(f"{function.__name__} has no docstring: state the rule that it checks")
        draft = _draft(function)
        parameters = inspect.signature(function).parameters
        of_fixtures = [TIER_OF_FIXTURE[name] for name in parameters if name in TIER_OF_FIXTURE]
        check = Check(
            id=_id_of(function),
            function=function,
            requirements=requirements,
            level=level,
            strategies=draft.strategies,
            tier=draft.tier or max(of_fixtures, default=Tier.SAFE),
            at_most_examples=draft.at_most_examples,
            cuts_itself=draft.cuts_itself,
            takes_minutes=draft.takes_minutes,
            judges_refusals=draft.judges_refusals,
        )
        function.mailspec_check = check  # type: ignore[attr-defined]
        return function

    return attach


def must(*requirements: str) -> Callable[[F], F]:
    """A check of requirements of level MUST (or MUST NOT); the verdict is about the first one named."""
    return _declare(Level.MUST, requirements)


def should(*requirements: str) -> Callable[[F], F]:
    """A check of requirements of level SHOULD (or SHOULD NOT)."""
    return _declare(Level.SHOULD, requirements)


def may(*requirements: str) -> Callable[[F], F]:
    """A check of what an RFC permits and, where it is done, says how."""
    return _declare(Level.MAY, requirements)


def check_of(function: object) -> Check | None:
    """The Check that a function was declared as, or None for any other object."""
    check = getattr(function, "mailspec_check", None)
    return check if isinstance(check, Check) else None


def checks_in(module: ModuleType) -> Iterator[Check]:
    """The checks that a module defines, in source order."""
    for value in vars(module).values():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            check = check_of(value)
            if check is not None:
                yield check


@cache
def all_checks() -> Mapping[str, Check]:
    """All checks of the suites that come with mailspec, by id, in the order in which they run."""
    found: dict[str, Check] = {}
    for suite in SUITES:
        package = importlib.import_module(f"conformance.{suite}")
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            if info.name.startswith("check_"):
                for check in checks_in(importlib.import_module(f"conformance.{suite}.{info.name}")):
                    found[check.id] = check
    return MappingProxyType(found)
