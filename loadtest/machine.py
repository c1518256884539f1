"""The limits of the machine that makes the load: what keeps it from connecting and is no doing of the server's.

The words are those of connect(2) and socket(2) on Linux. Ports run out because the side that closes first keeps its own
in TIME-WAIT (RFC 9293 §3.6.1).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "EADDRNOTAVAIL": "no port was free to connect from",
        "EMFILE": "a process of mailspec may have no more files open (ulimit -Hn)",
        "ENFILE": "the system may have no more files open",
        "ENOBUFS": "the system had no memory left for connections",
    }
)
"""Kinds of failure by their names in errno, and what each says."""

# What a person or a program of the run met with, itself or in a session beside: `connect: EMFILE`,
# `reader: connect: EMFILE`. A reply's words cannot look like that, as a code or a tag begins it.
_MET = re.compile(rf"(?:[a-z ]+: )?[a-z_]+: ({'|'.join(LIMITS)})")


def allow_many_files() -> None:
    """Let this process have as many sockets as it may: often that is a thousand until somebody asks for more."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems name a limit here that they do not grant.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limits_met(errors_by_kind: Mapping[str, int]) -> str:
    """What this machine's limits prevented, in words; empty where nothing."""
    met: Counter[str] = Counter()
    for kind, number in errors_by_kind.items():
        if match := _MET.fullmatch(kind):
            met[match[1]] += number
    return "; ".join(
        f"{number:,} connection{'s were' if number > 1 else ' was'} not made, as {LIMITS[name]}: {name}"
        for name, number in met.most_common()
    )
