"""The load scenarios by name. Nothing here imports locust: naming them must not patch the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A kind of load. `about` says what a person or machine would do, with units; `user_class` is `module:class`."""

    name: str
    summary: str
    about: str
    schemes: tuple[str, ...]
    user_class: str


_ALL = (
    Scenario(
        name="submit",
        summary="users whose mail programs hand in messages over SMTP, each waiting for the reply before the next",
        about=(
            "A person's mail program: it connects, secures the session where it must, logs in, hands in one message "
            "(4096 octets, unless told otherwise) and quits. With --messages-per-session it hands in so many before "
            "it quits, with --pace at most so many per second. After a refusal or a failure it waits 0.1 s, twice as "
            "long each further time, at most 2 s."
        ),
        schemes=("smtp", "smtps", "submission", "submissions"),
        user_class="loadtest.submit:SubmittingUser",
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _ALL})
