"""Bad lines around any core: what a network, or a middlebox, may make of a session that is conforming in itself.

A link is a core around another core, so it is sans-IO like that and works for every protocol, in clear and inside TLS.
TCP promises neither how octets are cut nor how soon they come (RFC 9293 §3.4): `split` and `stall` are legal as long
as no time-out passes, all others break the protocol that is spoken on top.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from reference_server.core import Action, Close, Core, HalfClose, Reset, Send

PAUSE_S = 0.001
"""Between two pieces, so that a peer that reads without delay gets each by itself."""

MakeLink = Callable[[Core], Core]
"""Puts a link around a core."""

PROTOCOLS = ("smtp", "lmtp", "pop3", "imap")
"""Around what a link can be put; submission is SMTP too."""

GARBAGE = bytes(range(0x80, 0x100))
"""What is put in where garbage is asked for: no octet of it belongs to any reply."""


class Link:
    """A core around another one that passes on what that does; subclasses spoil it in `passed`."""

    def __init__(self, inner: Core) -> None:
        self.inner = inner

    def connected(self, now: float) -> list[Action]:
        """See `Core.connected`."""
        return self.passed(self.inner.connected(now), now)

    def turned_away(self, now: float) -> list[Action]:
        """See `Core.turned_away`."""
        return self.passed(self.inner.turned_away(now), now)

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """See `Core.receive`."""
        return self.passed(self.inner.receive(octets, now), now)

    def tls_started(self, now: float) -> list[Action]:
        """See `Core.tls_started`."""
        return self.passed(self.inner.tls_started(now), now)

    def wake(self, now: float) -> list[Action]:
        """See `Core.wake`."""
        return self.passed(self.inner.wake(now), now)

    def timer(self, now: float) -> list[Action]:
        """See `Core.timer`."""
        return self.passed(self.inner.timer(now), now)

    def going_down(self, now: float) -> list[Action]:
        """See `Core.going_down`."""
        return self.passed(self.inner.going_down(now), now)

    @property
    def deadline(self) -> float | None:
        """See `Core.deadline`."""
        return self.inner.deadline

    def disconnected(self) -> None:
        """See `Core.disconnected`."""
        self.inner.disconnected()

    @property
    def busy(self) -> bool:
        """Whether the core has enough to do."""
        return bool(getattr(self.inner, "busy", False))

    @property
    def protocol(self) -> str:
        """What is spoken inside."""
        return _protocol_of(self.inner)

    @property
    def request_wake(self) -> Callable[[], None]:
        """What the inner core calls to be woken. Raises AttributeError where that has nothing to watch."""
        call: Callable[[], None] = self.inner.request_wake  # type: ignore[attr-defined]
        return call

    @request_wake.setter
    def request_wake(self, call: Callable[[], None]) -> None:
        self.inner.request_wake = call  # type: ignore[attr-defined]

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """What the peer gets of this."""
        return actions


class _Queued(Link):
    """Holds actions back and lets them go, in order, from `timer`."""

    def __init__(self, inner: Core) -> None:
        super().__init__(inner)
        self._queue: deque[tuple[float, Action]] = deque()

    def timer(self, now: float) -> list[Action]:
        """The inner core's time may be up, or that of what was held back."""
        deadline = self.inner.deadline
        return self.passed(self.inner.timer(now) if deadline is not None and deadline <= now else [], now)

    @property
    def deadline(self) -> float | None:
        """Whichever is earlier: the next release or the inner core's."""
        deadlines = [self.inner.deadline, self._queue[0][0] if self._queue else None]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def disconnected(self) -> None:
        """What was held back is lost."""
        self._queue.clear()
        super().disconnected()


class Split(_Queued):
    """Sends so many octets at a time, each in a TCP segment of its own, a millisecond after the one before."""

    def __init__(self, inner: Core, octets: int) -> None:
        super().__init__(inner)
        self._octets = octets
        self._free_at = -math.inf

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """One piece, unless the one before went only just now."""
        for action in actions:
            self._queue += [(self._free_at, piece) for piece in self._pieces(action)]
        if not self._queue or now < self._free_at:
            return []
        released = [self._queue.popleft()[1]]
        # What follows the last piece, such as the start of TLS, goes with it: the peer may act on that piece.
        while self._queue and not isinstance(self._queue[0][1], Send):
            released.append(self._queue.popleft()[1])
        self._free_at = now + PAUSE_S
        if self._queue:
            self._queue[0] = (self._free_at, self._queue[0][1])
        return released

    def _pieces(self, action: Action) -> list[Action]:
        if not isinstance(action, Send):
            return [action]
        octets = action.octets
        return [Send(octets[at : at + self._octets]) for at in range(0, len(octets), self._octets)]


class Stall(_Queued):
    """Holds everything back for so many seconds, and loses nothing."""

    def __init__(self, inner: Core, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """What has waited long enough."""
        self._queue += [(now + self._seconds, action) for action in actions]
        released: list[Action] = []
        while self._queue and self._queue[0][0] <= now:
            released.append(self._queue.popleft()[1])
        return released


class _Ending(Link):
    """Passes so many octets on; then something happens to the line, and nothing more passes."""

    what_happens: Sequence[Action] = ()
    still_passes: tuple[type[Action], ...] = ()

    def __init__(self, inner: Core, octets: int) -> None:
        super().__init__(inner)
        self._left = octets
        self._over = False

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """As much of it as still passes."""
        got: list[Action] = []
        for action in actions:
            if self._over:
                got += [action] if isinstance(action, self.still_passes) else []
                continue
            if not isinstance(action, Send) or len(action.octets) < self._left:
                self._left -= len(action.octets) if isinstance(action, Send) else 0
                got.append(action)
                continue
            got += [Send(action.octets[: self._left])] if self._left else []
            got += self.what_happens
            self._over = True
        return got


class ResetAt(_Ending):
    """Sends so many octets in all and then resets the connection."""

    what_happens = (Reset(),)


class HalfCloseAt(_Ending):
    """Sends so many octets in all, then ends its direction of the stream and goes on reading."""

    what_happens = (HalfClose(),)
    still_passes = (Close,)


class SilenceAt(_Ending):
    """Sends so many octets in all, then nothing ever again, and leaves the connection open."""


class Truncate(Link):
    """Leaves out the last so many octets of every reply but the greeting.

    Where commands were pipelined, their replies count as one.
    """

    def __init__(self, inner: Core, octets: int) -> None:
        super().__init__(inner)
        self._octets = octets

    def connected(self, now: float) -> list[Action]:
        """The greeting is spared, so that there is a session to be spoiled."""
        return self.inner.connected(now)

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """Everything but the ends."""
        cut = [Send(act.octets[: -self._octets]) if isinstance(act, Send) else act for act in actions]
        return [action for action in cut if action != Send(b"")]


class Garbage(Link):
    """Puts so many octets of garbage before every reply but the greeting."""

    def __init__(self, inner: Core, octets: int) -> None:
        super().__init__(inner)
        self._garbage = (GARBAGE * (octets // len(GARBAGE) + 1))[:octets]

    def connected(self, now: float) -> list[Action]:
        """The greeting is spared, so that there is a session to be spoiled."""
        return self.inner.connected(now)

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """The same with something before it."""
        return [Send(self._garbage + action.octets) if isinstance(action, Send) else action for action in actions]


class BareLf(Link):
    """Makes LF of every CRLF, in messages too."""

    def __init__(self, inner: Core) -> None:
        super().__init__(inner)
        self._held = b""

    def passed(self, actions: list[Action], now: float) -> list[Action]:
        """The same with other line ends. A CR at the end waits for what comes after it."""
        got: list[Action] = []
        for action in actions:
            octets = self._held + (action.octets if isinstance(action, Send) else b"")
            self._held = b"\r" if isinstance(action, Send) and octets.endswith(b"\r") else b""
            if octets := octets.removesuffix(self._held).replace(b"\r\n", b"\n"):
                got.append(Send(octets))
            if not isinstance(action, Send):
                got.append(action)
        return got


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKind:
    """A link as it is asked for by name. `argument` says what the figure after the colon counts, if one may be given.

    `legal` says that no protocol is broken by it, below the time-outs.
    """

    name: str
    summary: str
    make: Callable[[Core, float], Core]
    argument: Literal["octets", "seconds"] | None = None
    default: float = 0
    legal: bool = False


def _protocol_of(core: Core) -> str:
    protocol: str = core.protocol  # type: ignore[attr-defined]
    return protocol


def _counted(link: Callable[[Core, int], Core]) -> Callable[[Core, float], Core]:
    return lambda inner, figure: link(inner, int(figure))


_KINDS = (
    LinkKind(
        name="split",
        summary="Sends N octets in a TCP segment, 1 by default",
        make=_counted(Split),
        argument="octets",
        default=1,
        legal=True,
    ),
    LinkKind(
        name="stall",
        summary="Holds every reply back for N seconds, 1 by default",
        make=Stall,
        argument="seconds",
        default=1,
        legal=True,
    ),
    LinkKind(
        name="half-close",
        summary="After N octets, 100 by default, ends its direction of the stream and goes on reading",
        make=_counted(HalfCloseAt),
        argument="octets",
        default=100,
    ),
    LinkKind(
        name="reset",
        summary="After N octets, 100 by default, resets the connection",
        make=_counted(ResetAt),
        argument="octets",
        default=100,
    ),
    LinkKind(
        name="silence",
        summary="After N octets, 100 by default, says nothing more and stays connected",
        make=_counted(SilenceAt),
        argument="octets",
        default=100,
    ),
    LinkKind(
        name="truncate",
        summary="Leaves out the last N octets of every reply but the greeting, 2 by default",
        make=_counted(Truncate),
        argument="octets",
        default=2,
    ),
    LinkKind(
        name="garbage",
        summary="Puts N octets that belong to no reply before every one but the greeting, 4 by default",
        make=_counted(Garbage),
        argument="octets",
        default=4,
    ),
    LinkKind(name="bare-lf", summary="Makes LF of every CRLF", make=lambda inner, _: BareLf(inner)),
)

LINKS: Mapping[str, LinkKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""Every link by its name."""


def link_named(text: str) -> MakeLink:
    """The link of `NAME` or `NAME:N`; `PROTOCOL/` before it spares the sessions of all other protocols.

    Raises:
        ValueError: there is no such link or protocol, the link takes no argument, or that is no positive number of its
            kind.
    """
    protocol, slash, rest = text.rpartition("/")
    if slash and protocol not in PROTOCOLS:
        raise ValueError(f"there is no protocol {protocol}; there are {', '.join(PROTOCOLS)}")
    name, colon, given = rest.partition(":")
    if name not in LINKS:
        raise ValueError(f"there is no link {name}; there are {', '.join(LINKS)}")
    kind = LINKS[name]
    figure = kind.default
    if colon:
        if kind.argument is None:
            raise ValueError(f"{name} takes no argument")
        figure = _figure(given, kind)

    def around(inner: Core) -> Core:
        return inner if slash and _protocol_of(inner) != protocol else kind.make(inner, figure)

    return around


def _figure(text: str, kind: LinkKind) -> float:
    try:
        figure = int(text) if kind.argument == "octets" else float(text)
    except ValueError:
        figure = 0
    if not 0 < figure < math.inf:
        raise ValueError(f"{kind.name}:{text}: write a positive number of {kind.argument}")
    return figure
