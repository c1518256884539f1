"""Mail systems for the interop tests, each started once a test session and only when a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.exim import running_exim
from tests.interop.postfix_dovecot import running_postfix_dovecot
from tests.interop.private_server import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.interop.private_server import MailSystem


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "interop: needs a real mail server or mail client from Debian's packages")


@pytest.fixture(scope="session")
def postfix_dovecot() -> Iterator[MailSystem]:
    """Postfix and Dovecot; its mailboxes are shared by all tests, so each test looks for its own messages only."""
    yield from _while_asked_for(running_postfix_dovecot())


@pytest.fixture(scope="session")
def exim() -> Iterator[MailSystem]:
    """Exim and Dovecot, shared likewise."""
    yield from _while_asked_for(running_exim())


def _while_asked_for(system: AbstractContextManager[MailSystem]) -> Iterator[MailSystem]:
    """The system, running; the tests skip where this machine cannot have it."""
    try:
        server = system.__enter__()
    except ServerUnavailableError as error:
        pytest.skip(f"no such server here: {error}")
    try:
        yield server
    finally:
        system.__exit__(None, None, None)
