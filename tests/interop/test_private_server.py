"""The private layer keeps the machine as it is, says why it cannot be had, and goes away whole.

Tried on tiny recipes that need no package.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.private_server import ServerUnavailableError, running_server

pytestmark = pytest.mark.interop

WRITES = "/etc/mailspec-trace /usr/mailspec-trace /var/mailspec-trace /run/mailspec-trace"
LISTENS = """
prepare() { :; }
serve() {
  touch %s
  perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ENV{PORT_ECHO},
    Listen => 5) or die "$!\\n"; while (my $c = $s->accept) { print $c $ENV{RUN}; close $c }' &
}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "tiny.sh"


def run(recipe: Path) -> str:
    """Start the server of the recipe once; what it sends to a client."""
    try:
        with running_server(recipe, services=["echo"], accounts={}) as server:
            url = urlsplit(server.urls["echo"])
            with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as client:
                return client.makefile().read()
    except ServerUnavailableError as error:
        pytest.skip(str(error))


def test_what_the_server_writes_stays_in_its_layer_and_goes_with_it(recipe: Path) -> None:
    recipe.write_text(LISTENS % WRITES)
    run_directory = Path(run(recipe))
    assert run_directory.name.startswith("mailspec-tiny-")
    assert not run_directory.exists()
    assert not [path for path in WRITES.split() if Path(path).exists()]


def test_a_second_run_needs_no_second_installation(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(LISTENS % "/etc/passwd")
    run(recipe)
    log = tmp_path / "cache" / "mailspec" / "interop" / "tiny" / "install.log"
    installed_at = log.stat().st_mtime_ns
    run(recipe)
    assert log.stat().st_mtime_ns == installed_at


def test_an_installation_that_fails_says_why(recipe: Path) -> None:
    recipe.write_text(LISTENS % "/etc/passwd")
    run(recipe)  # skips where no server can be had
    recipe.write_text('prepare() { echo "the moon is not full"; return 1; }\n')
    with (
        pytest.raises(ServerUnavailableError, match="the moon is not full"),
        running_server(recipe, services=["echo"], accounts={}),
    ):
        pytest.fail("a server without its packages was started")


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(recipe: Path) -> None:
    recipe.write_text(LISTENS % "/etc/passwd")
    run(recipe)  # skips where no server can be had
    recipe.write_text("prepare() { :; }\nserve() { echo out of luck & }\n")
    with (
        pytest.raises(RuntimeError, match="out of luck"),
        running_server(recipe, services=["echo"], accounts={}),
    ):
        pytest.fail("a server that ended was taken for a running one")


def test_without_root_the_reason_is_one_sentence(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        pytest.raises(ServerUnavailableError, match=r"^a private mount namespace needs root$"),
        running_server(recipe, services=["echo"], accounts={}),
    ):
        pytest.fail("a server was started without root")
