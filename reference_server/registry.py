"""Faults and variants: how a subclass of a core becomes something that can be asked for by name.

A fault is a core that breaks one named requirement; a variant is a core that is unusual but within the RFCs. The
core itself knows of neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeVar

Protocol = Literal["smtp", "lmtp", "pop3", "imap"]
T = TypeVar("T", bound=type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A planted fault. `also` names further checks that rightly convict it, each with the reason.

    `rare` is empty for a fault that any check of its requirement convicts. Else it says why none can be counted on to
    meet it, and what convicts it in their place.
    """

    name: str
    protocol: Protocol
    breaks: tuple[str, ...]
    core: type
    summary: str
    also: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rare: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A legal server of another taste."""

    name: str
    protocol: Protocol
    core: type
    summary: str


FAULTS: dict[str, Fault] = {}
VARIANTS: dict[str, Variant] = {}


def _protocol_of(core: type) -> Protocol:
    protocol: Protocol = core.protocol  # type: ignore[attr-defined]
    return protocol


def _summary_of(core: type) -> str:
    if not core.__doc__:
        raise TypeError(f"{core.__name__} has no docstring: say what the server does wrong")
    return core.__doc__.strip().splitlines()[0]


def fault(
    name: str, *, breaks: str | tuple[str, ...], also: Mapping[str, str] | None = None, rare: str = ""
) -> Callable[[T], T]:
    """Register a core as the fault `name` that breaks these requirements (catalogue ids).

    Raises:
        ValueError: the name is taken.
    """

    def register(core: T) -> T:
        if name in FAULTS:
            raise ValueError(f"two faults are called {name}")
        FAULTS[name] = Fault(
            name=name,
            protocol=_protocol_of(core),
            breaks=(breaks,) if isinstance(breaks, str) else breaks,
            core=core,
            summary=_summary_of(core),
            also=MappingProxyType(dict(also or {})),
            rare=rare,
        )
        return core

    return register


def variant(name: str) -> Callable[[T], T]:
    """Register a core as the legal variant `name`.

    Raises:
        ValueError: the name is taken.
    """

    def register(core: T) -> T:
        if name in VARIANTS:
            raise ValueError(f"two variants are called {name}")
        VARIANTS[name] = Variant(name=name, protocol=_protocol_of(core), core=core, summary=_summary_of(core))
        return core

    return register
