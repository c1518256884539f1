"""A run without a URL goes to the reference server, in a process of its own: load and server share no interpreter."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from loadtest.scenarios.table import ROLES, Scenario

SERVICES = ("smtp", "submission", "lmtp", "pop3", "imap")
ACCOUNTS = ("alice@example.test:secret", "bob@example.test:secret")
"""Those that `mailspec serve` has when nobody says otherwise."""

END_S = 5.0

_PR_SET_PDEATHSIG = 1


class EmbeddedServerError(Exception):
    """The reference server did not start."""


@contextmanager
def embedded_server(scenario: Scenario) -> Iterator[tuple[str, ...]]:
    """The URLs of a reference server that fill the scenario's roles, for the length of a `with` block.

    Raises:
        EmbeddedServerError: it did not start.
    """
    command = [sys.executable, "-m", "mailspec", "serve", "--allow-cleartext", "--quota", "0"]
    command += ["--only", ",".join(SERVICES)]
    # A session of its own: Ctrl-C ends the run, and the run its server.
    server = subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=_end_with_the_run,
    )
    try:
        assert server.stdout is not None
        urls = dict(zip(SERVICES, [server.stdout.readline().strip() for _ in SERVICES], strict=True))
        if not all(urls.values()):
            raise EmbeddedServerError(f"the reference server ended with status {server.wait(END_S)}")
        by_scheme = {url.partition("://")[0]: url for url in urls.values()}
        yield tuple(by_scheme[scheme] for scheme in schemes_for(scenario))
    finally:
        server.terminate()
        try:
            server.wait(END_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if server.stdout is not None:
            server.stdout.close()


def _end_with_the_run() -> None:
    """A server whose run was killed must not stay behind; Linux can see to that, elsewhere it stays."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def schemes_for(scenario: Scenario) -> list[str]:
    """One service for each role that it needs, and one that gives mailboxes out if it takes such."""
    roles = list(scenario.needs)
    readers = [role for role in scenario.takes if role in ("imap", "pop3")]
    if not {"imap", "pop3"} & set(roles):
        roles += readers[:1]
    if not {"smtp", "inbound", "lmtp", "any"} & set(roles):
        roles += [role for role in scenario.takes if role in ("smtp", "inbound", "lmtp")][:1]
    chosen = []
    for role in roles:
        offered = [scheme for scheme in ROLES[role] if scheme in SERVICES]
        prefers_submission = scenario.logs_in and "submission" in offered
        chosen.append("submission" if prefers_submission else offered[0])
    return chosen
