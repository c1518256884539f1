"""A real mail server from Debian's packages, run by a recipe in a private layer on loopback ports.

The layer (`private_layer.sh`) needs root, Linux namespaces, overlayfs and apt-get; without them, or without the
packages, `ServerUnavailableError` says what is missing. A recipe is a shell file; `postfix_dovecot.sh` is one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HERE = Path(__file__).parent
IN_OWN_NAMESPACES = (
    *("unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--mount-proc"),
    *("--fork", "--kill-child=KILL", "--"),
)
INSTALL_LIMIT_S = 300.0
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
START_ATTEMPTS = 3
"""A port is free when it is chosen, but another program may take it before the server does."""


class ServerUnavailableError(Exception):
    """This machine cannot provide the server; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSystem:
    """A running mail system, one URL for each service, and how to log in to it."""

    urls: Mapping[str, str]
    """Service name to URL, for example `"imaps": "imaps://127.0.0.1:40993"`."""
    accounts: Mapping[str, str]
    """Address to password; each address is a mailbox and, with or without its domain, a log-in name."""
    ca_pem: bytes
    """The certificate authority that vouches for the server, valid for 127.0.0.1 and localhost."""


@contextmanager
def running_server(recipe: Path, *, services: Sequence[str], accounts: Mapping[str, str]) -> Iterator[MailSystem]:
    """Install (the first time), start and, however the block ends, stop the server of `recipe`.

    Raises `ServerUnavailableError` when it cannot be installed here, `RuntimeError` when it does not come up.
    """
    authority = trustme.CA()
    with ExitStack() as cleanup:
        layer = cleanup.enter_context(installed(recipe))
        run = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix=f"mailspec-{recipe.stem}-")))
        certificate = authority.issue_cert("127.0.0.1", "localhost", "mail.example.test")
        for directory in ("tls", "memory"):
            (run / directory).mkdir()
        certificate.private_key_pem.write_to_path(run / "tls" / "key.pem")
        for link in certificate.cert_chain_pems:
            link.write_to_path(run / "tls" / "cert.pem", append=True)
        ports = cleanup.enter_context(_started(recipe, layer, run, services))
        yield MailSystem(
            urls={service: f"{service}://127.0.0.1:{port}" for service, port in ports.items()},
            accounts=dict(accounts),
            ca_pem=authority.cert_pem.bytes(),
        )


@contextmanager
def installed(recipe: Path) -> Iterator[Path]:
    """The directory with the recipe's packages installed, locked against removal while in use."""
    if os.geteuid() != 0:
        raise ServerUnavailableError("a private mount namespace needs root")
    for program in ("unshare", "apt-get", "bash"):
        if shutil.which(program) is None:
            raise ServerUnavailableError(f"the program {program} is not here")
    probe = subprocess.run([*IN_OWN_NAMESPACES, "true"], capture_output=True)
    if probe.returncode != 0:
        raise ServerUnavailableError(f"no private namespaces here: {probe.stderr.decode(errors='replace').strip()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mailspec" / "interop"
    cache.mkdir(parents=True, exist_ok=True)
    layer = cache / recipe.stem
    # The installation lies over the machine's own files, so it is made anew when the machine's packages change.
    made_for = hashlib.sha256(recipe.read_bytes() + Path("/var/lib/dpkg/status").read_bytes()).hexdigest()
    with (cache / f"{recipe.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not _is_current(layer, made_for):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_current(layer, made_for):
                _install(recipe, layer)
                (layer / "made_for").write_text(made_for)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield layer


def _is_current(layer: Path, made_for: str) -> bool:
    mark = layer / "made_for"
    return mark.exists() and mark.read_text() == made_for


def _install(recipe: Path, layer: Path) -> None:
    shutil.rmtree(layer, ignore_errors=True)
    layer.mkdir()
    log = layer / "install.log"
    with log.open("wb") as output:
        process = _in_private_layer("install", recipe, {"LAYER": str(layer)}, output)
        try:
            process.communicate(timeout=INSTALL_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise ServerUnavailableError(f"the packages were not installed in {INSTALL_LIMIT_S:.0f} s") from None
        finally:
            _kill(process)
    if process.returncode != 0:
        why = (_last_lines(log, 1) or "no output").strip()
        raise ServerUnavailableError(f"{recipe.stem} cannot be installed here: {why} (see {log})")


@contextmanager
def _started(recipe: Path, layer: Path, run: Path, services: Sequence[str]) -> Iterator[Mapping[str, int]]:
    for attempt in range(1, START_ATTEMPTS + 1):
        ports = dict(zip(services, free_ports(len(services)), strict=True))
        variables = {f"PORT_{service.upper()}": str(port) for service, port in ports.items()}
        log = run / f"log-{attempt}"
        with log.open("wb") as output:
            process = _in_private_layer("serve", recipe, {"LAYER": str(layer), "RUN": str(run), **variables}, output)
        try:
            if _answers(process, ports.values()):
                yield ports
                return
        finally:
            _stop(process)
        if b"Address already in use" not in log.read_bytes():
            break
    raise RuntimeError(f"{recipe.stem} did not come up; it says:\n{_last_lines(log, 30)}")


def _in_private_layer(
    action: str, recipe: Path, variables: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start `private_layer.sh`; it ends when its standard input does, and with it everything it started."""
    return subprocess.Popen(
        [*IN_OWN_NAMESPACES, "bash", str(HERE / "private_layer.sh"), action, str(recipe)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        start_new_session=True,  # Ctrl-C reaches this program, which then stops the server in order
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Return once nothing of the layer runs any more."""
    try:
        process.communicate(b"end\n", timeout=STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # --kill-child: the first process of the layer goes with it, and so the rest
    process.communicate()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different because all are held until the last is known."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(process: subprocess.Popen[bytes], ports: Iterable[int]) -> bool:
    """Whether every port takes a connection before the server ends or the time is up."""
    deadline_s = time.monotonic() + START_LIMIT_S
    for port in ports:
        while True:
            if process.poll() is not None or time.monotonic() > deadline_s:
                return False
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
    return process.poll() is None


def _last_lines(log: Path, count: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
