"""What a load run is to do, checked and complete, so that nothing is decided while it runs.

A plan is plain data: it goes to every process that takes part as JSON. It holds passwords, which no report does.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from loadtest.scenarios.table import ROLES, Scenario
from loadtest.target import Account, Address, Target, TlsUse
from reports.load import Parameter

MOST_ALONE_S = 30.0
"""Users are alone before slow clients come for a third of the run, but no longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the client waits, in seconds. RFC 5321 §4.5.3.2 asks for minutes; a load run wants to know sooner."""

    connect_s: float = 5.0
    reply_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a session is set up: where to, with which TLS, as whom. `lmtp` says LHLO (RFC 2033 §4.1)."""

    address: Address
    implicit_tls: bool = False
    tls: TlsUse = TlsUse.AUTO
    account: Account | None = None
    patience: Patience = Patience()
    lmtp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server of the run, what it is to the scenario (see `ROLES`), and the addresses that its host's name has."""

    role: str
    target: Target
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Whose mail a user handles: as whom it logs in (or not at all), from which address, to whom."""

    account: Account | None
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """One run.

    Users take the personas in turn. `readers` are the accounts, by mail address, whose mailboxes can be read to close
    the ledger. `run_time_s` None means until told to end. `messages_per_session` 0 keeps a session for as long as the
    server does. `pace_per_s` is how many operations a user does per second at the most; 0 means that it goes on as soon
    as it has its reply, but for a pause of `think_s` on average. `arrivals` is an open schedule as text (see
    `schedule.parse_schedule`); None is a closed run. For `warm_up_s` seconds before it the load is there and is not
    measured. `feed_per_s` is how many messages a second come for those who only read. `messages` is a size in octets,
    `mixed`, or a folder.
    """

    scenario: Scenario
    endpoints: tuple[Endpoint, ...]
    personas: tuple[Persona, ...]
    readers: dict[str, Account]
    users: int
    spawn_rate_per_s: float
    run_time_s: float | None
    warm_up_s: float = 0.0
    messages: str = "4096"
    pipelining: bool = False
    messages_per_session: int = 1
    pace_per_s: float = 0.0
    think_s: float = 0.0
    arrivals: str | None = None
    max_rate_per_s: float | None = None
    feed_per_s: float = 1.0
    slow_clients: int = 0
    tls: TlsUse = TlsUse.AUTO
    patience: Patience = Patience()
    seed: int = 0
    fail_if: tuple[str, ...] = ()
    judge_share: float = 0.0
    late_after_s: float = 10.0
    settle_s: float = 10.0
    processes: int = 1

    def endpoint(self, role: str) -> Endpoint | None:
        """The server that fills this role: one that was given for it, or for anything and can be it."""
        fitting = [e for e in self.endpoints if e.role == role or (e.role == "any" and e.target.scheme in ROLES[role])]
        return next(iter(sorted(fitting, key=lambda endpoint: endpoint.role == "any")), None)

    @property
    def main(self) -> Endpoint:
        """The server that the load is put on."""
        return self.endpoints[0]

    @property
    def reads_mailboxes(self) -> bool:
        """Whether somebody can tell what became of the messages."""
        schemes = {endpoint.target.scheme for endpoint in self.endpoints if endpoint.role not in ("imap", "pop3")}
        takes_mail = bool(schemes & {*ROLES["smtp"], *ROLES["lmtp"]})
        return takes_mail and bool(self.readers) and any(self.endpoint(role) is not None for role in ("imap", "pop3"))

    def slots_of(self, persona: Persona) -> tuple[str, ...]:
        """Those of its recipients whose mailboxes are read, which close the ledger; each has the slot of its place."""
        if not self.reads_mailboxes:
            return ()
        return tuple(recipient for recipient in persona.recipients if recipient in self.readers)

    @property
    def slots(self) -> int:
        """The most slots that a message of the run has."""
        return max(len(self.slots_of(persona)) for persona in self.personas)

    @property
    def alone_s(self) -> float:
        """How many seconds users have before `slow_clients` come."""
        return MOST_ALONE_S / 3 if self.run_time_s is None else min(self.run_time_s / 3, MOST_ALONE_S)

    def persona_of(self, user_number: int) -> Persona:
        """The persona of a user."""
        return self.personas[user_number % len(self.personas)]

    @property
    def urls(self) -> str:
        """All targets, without credentials."""
        return " ".join(str(endpoint.target) for endpoint in self.endpoints)

    def route(self, endpoint: Endpoint, address: Address, account: Account | None) -> Route:
        """How a session with this server is set up."""
        return Route(
            address=address,
            implicit_tls=endpoint.target.implicit_tls,
            tls=self.tls,
            account=account,
            patience=self.patience,
            lmtp=endpoint.target.scheme == "lmtp",
        )

    def parameters(self) -> dict[str, Parameter]:
        """The settings as a report shows them; accounts by name alone."""
        return {
            "load_model": "open" if self.arrivals else "closed",
            "arrivals": self.arrivals or "a user goes on when it has its reply",
            "run_time_s": "until ended" if self.run_time_s is None else self.run_time_s,
            "warm_up_s": self.warm_up_s,
            "spawn_rate_per_s": self.spawn_rate_per_s,
            "message_size_octets": int(self.messages) if self.messages.isdigit() else self.messages,
            "pipelining": self.pipelining,
            "messages_per_session": self.messages_per_session or "unlimited",
            "pace_per_user_per_s": "as arrivals come"
            if self.arrivals
            else self.pace_per_s or "as fast as replies come",
            "think_time_s": "as arrivals come" if self.arrivals else self.think_s,
            "feed_rate_per_s": self.feed_per_s,
            **({"slow_clients": self.slow_clients} if self.slow_clients else {}),
            "max_rate_per_s": self.max_rate_per_s or "unlimited",
            "processes": self.processes,
            "tls": "implicit" if self.main.target.implicit_tls else self.tls.value,
            "reply_timeout_s": self.patience.reply_s,
            "late_after_s": self.late_after_s,
            "accounts": tuple(persona.account.name for persona in self.personas if persona.account),
            "senders": tuple(dict.fromkeys(persona.sender for persona in self.personas)),
            "recipients": tuple(dict.fromkeys(r for persona in self.personas for r in persona.recipients)),
            "mailboxes_read": tuple(self.readers),
        }

    def encode(self) -> bytes:
        """As JSON, passwords included."""
        return msgspec.json.encode(self)


def decode_plan(data: bytes) -> LoadPlan:
    """Read what `LoadPlan.encode` wrote.

    Raises:
        ValueError: it is no plan.
    """
    try:
        return msgspec.json.decode(data, type=LoadPlan)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a plan: {error}") from error
