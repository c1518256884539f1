"""What is done with an input, by the name under which it is fuzzed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from tests.fuzz.encoding import decoded
from tests.fuzz.harness import CORES, check
from tests.fuzz.messages import check_message


def _session(service: str, octets: bytes) -> None:
    check(service, decoded(service, octets))


def _message(octets: bytes) -> None:
    check_message(octets)


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {**{service: partial(_session, service) for service in CORES}, "message": _message}
)
"""Each raises AssertionError, or what the server raised, if a promise is broken."""
