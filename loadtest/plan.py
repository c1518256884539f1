"""What a load run is to do, checked and complete, so that nothing is decided while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.scenarios import Scenario
from loadtest.target import Account, Address, Target, TlsUse
from loadtest.thresholds import Condition
from reports.load import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the client waits, in seconds. RFC 5321 §4.5.3.2 asks for minutes; a load run wants to know sooner."""

    connect_s: float = 5.0
    reply_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a session is set up: where to, with which TLS, as whom."""

    address: Address
    implicit_tls: bool = False
    tls: TlsUse = TlsUse.AUTO
    account: Account | None = None
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Whose mail a user hands in: as whom it logs in (or not at all), from which address, to whom."""

    account: Account | None
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """One run.

    Users take the personas in turn. `run_time_s` None means until told to end. `messages_per_session` 0 keeps a
    session for as long as the server does. `pace_per_s` is how many messages a user hands in per second at the most;
    0 means that it goes on as soon as it has its reply.
    """

    scenario: Scenario
    target: Target
    addresses: tuple[Address, ...]
    personas: tuple[Persona, ...]
    users: int
    spawn_rate_per_s: float
    run_time_s: float | None
    message_octets: int
    pipelining: bool
    messages_per_session: int
    pace_per_s: float
    tls: TlsUse
    patience: Patience
    seed: int
    conditions: tuple[Condition, ...]

    def route(self, persona: Persona, address: Address) -> Route:
        """How a user of this persona gets to the server at this address."""
        return Route(
            address=address,
            implicit_tls=self.target.implicit_tls,
            tls=self.tls,
            account=persona.account,
            patience=self.patience,
        )

    def parameters(self) -> dict[str, Parameter]:
        """The settings as a report shows them; accounts by name alone."""
        return {
            "load_model": "closed",
            "run_time_s": "until ended" if self.run_time_s is None else self.run_time_s,
            "spawn_rate_per_s": self.spawn_rate_per_s,
            "message_size_octets": self.message_octets,
            "pipelining": self.pipelining,
            "messages_per_session": self.messages_per_session or "unlimited",
            "pace_per_user_per_s": self.pace_per_s or "as fast as replies come",
            "tls": "implicit" if self.target.implicit_tls else self.tls.value,
            "reply_timeout_s": self.patience.reply_s,
            "accounts": tuple(persona.account.name for persona in self.personas if persona.account),
            "senders": tuple(dict.fromkeys(persona.sender for persona in self.personas)),
            "recipients": tuple(dict.fromkeys(r for persona in self.personas for r in persona.recipients)),
        }
