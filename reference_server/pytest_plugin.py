"""Fixtures for the tests of mail clients: `pytest_plugins = ["reference_server.pytest_plugin"]` in a `conftest.py`.

`mail_server` is a server of each test's own, conforming, empty, on ports that the kernel chooses; `mail_server_factory`
makes others: broken, unusual, behind a bad line, with other users or another store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

import pytest

from reference_server.accounts import DEFAULT_USERS
from reference_server.core import Settings
from reference_server.links import link_named
from reference_server.running import Host, RunningServer
from reference_server.serving import cores_with
from reference_server.stores.opening import opened_store

MailServerFactory = Callable[..., RunningServer]
"""`Servers.start`."""


class Servers:
    """The servers of one test."""

    def __init__(self, host: Host, stack: ExitStack) -> None:
        self._host = host
        self._stack = stack

    def start(
        self,
        *,
        services: Iterable[str] | None = None,
        faults: Iterable[str] = (),
        variants: Iterable[str] = (),
        links: Iterable[str] = (),
        users: Mapping[str, str] | None = None,
        store: str = "memory",
        allow_cleartext: bool = False,
        settings: Settings | None = None,
    ) -> RunningServer:
        """Start a server; it is stopped when the test is over.

        `services` go by URL scheme, all of them if None. `faults`, `variants` and `links` are names out of
        `mailspec serve --list-faults`; `users` maps addresses to passwords in place of the default ones; `store` is
        `memory` or what else `mailspec serve --store` knows. `settings` are the rest, see `Settings`;
        `allow_cleartext` and the domains of the users are put into them.

        Raises:
            ValueError: a name is unknown, or two of them cannot be in one server.
            OSError: the store cannot be opened.
        """
        users = DEFAULT_USERS if users is None else users
        domains = frozenset(address.rpartition("@")[2].casefold() for address in users)
        settings = settings or Settings()
        server = self._host.start(
            store=self._stack.enter_context(opened_store(store, users)),
            cores=cores_with(faults, variants),
            links=[link_named(text) for text in links],
            settings=replace(
                settings,
                domains=domains or settings.domains,
                allow_cleartext=allow_cleartext or settings.allow_cleartext,
            ),
            services=services,
        )
        self._stack.callback(_stopped_in_order, server, len(server.errors))
        return server


def _stopped_in_order(server: RunningServer, errors_before: int) -> None:
    server.stop()
    errors = server.errors[errors_before:]
    assert not errors, f"a mistake of the reference server, not of the client: {errors}"


@pytest.fixture(scope="session")
def mail_server_host() -> Iterator[Host]:
    """The thread on which all servers of a test session run."""
    with Host() as host:
        yield host


@pytest.fixture
def mail_server_factory(mail_server_host: Host) -> Iterator[MailServerFactory]:
    """Starts servers for one test, as broken or unusual as is wanted: see `Servers.start`."""
    with ExitStack() as stack:
        yield Servers(mail_server_host, stack).start


@pytest.fixture
def mail_server(mail_server_factory: MailServerFactory) -> RunningServer:
    """A conforming server with all services and the default accounts, alice and bob at example.test."""
    return mail_server_factory()
