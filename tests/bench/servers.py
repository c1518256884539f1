"""The servers that are compared, each in processes of its own, on loopback, ended by pid.

Ours is started as a user would start it. Peers come from Debian's packages, in the private layer of the interop tests,
and from PyPI. What cannot be had here raises `MissingError`, and the table says so.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from tests.bench.measuring import own_child
from tests.interop.postfix_dovecot import RECIPE, running_postfix_dovecot
from tests.interop.private_server import ServerUnavailableError, free_ports, installed

START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
MEMORY_FILES = Path("/dev/shm")
"""Where sqlite keeps its file: Dovecot's Maildir lies in memory as well, so neither waits for a disk."""


class MissingError(Exception):
    """This server cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: `pid` is the process under which all of its own run."""

    name: str
    pid: int
    ports: dict[str, int]
    user: str = "alice@example.test"
    password: str = "secret"


@contextmanager
def ours(name: str, *services: str, store: str = "memory") -> Iterator[Server]:
    """`mailspec serve` with clear-text log-in; `store` is `memory` or `sqlite`."""
    with ExitStack() as stack:
        arguments = ["serve", "--allow-cleartext", "--only", ",".join(services)]
        if store == "sqlite":
            if "--store" not in _output([sys.executable, "-m", "mailspec", "serve", "--help"]):
                raise MissingError("this version has no sqlite store")
            folder = MEMORY_FILES if MEMORY_FILES.is_dir() else None
            path = stack.enter_context(tempfile.TemporaryDirectory(prefix="mailspec-bench-", dir=folder))
            arguments += ["--store", f"sqlite:{path}/mail.sqlite"]
        process = stack.enter_context(_child([sys.executable, "-m", "mailspec", *arguments]))
        assert process.stdout is not None
        ports = {}
        for _ in services:
            url = urlsplit(process.stdout.readline().decode().strip())
            ports[url.scheme] = url.port or 0
        yield Server(name=name, pid=process.pid, ports=ports)


@contextmanager
def dovecot() -> Iterator[Server]:
    """Debian's Dovecot: Maildir on a file system in memory, where nothing waits for a disk."""
    try:
        with own_child() as pid_of_child, running_postfix_dovecot() as system:
            ports = {name: urlsplit(url).port or 0 for name, url in system.urls.items()}
            yield Server(name="Dovecot", pid=pid_of_child(), ports=ports)
    except ServerUnavailableError as error:
        raise MissingError(str(error)) from error


@contextmanager
def pymap() -> Iterator[Server]:
    """pymap from PyPI with its store in memory."""
    _needs("pymap")
    (port,) = free_ports(1)
    program = str(Path(sys.executable).with_name("pymap"))
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--no-tls", "--no-service", "admin"]
    backend = ["dict", "--demo-data", "--demo-user", "alice", "--demo-password", "secret"]
    with _child([program, *arguments, *backend], quiet=True) as process:
        _wait_for(process, port, program)
        yield Server(name="pymap", pid=process.pid, ports={"imap": port}, user="alice")


@contextmanager
def aiosmtpd() -> Iterator[Server]:
    """aiosmtpd from PyPI, its sessions kept in one event loop, each message kept in a list."""
    _needs("aiosmtpd")
    with _child([sys.executable, str(Path(__file__).with_name("aiosmtpd_server.py"))]) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Server(name="aiosmtpd", pid=process.pid, ports={"smtp": port})


@contextmanager
def smtp_sink(*, counted: Path | None = None) -> Iterator[Server]:
    """Postfix's smtp-sink: reads mail and throws it away. `counted` is a file where it writes how much so far."""
    (port,) = free_ports(1)
    with postfix_tool("smtp-sink") as (program, environment), ExitStack() as stack:
        as_root = ["-u", getpass.getuser()] if os.geteuid() == 0 else []
        counting = ["-c"] if counted else []
        out = stack.enter_context(counted.open("wb")) if counted else None
        command = [program, *counting, *as_root, f"127.0.0.1:{port}", "128"]
        process = stack.enter_context(_child(command, environment, out=out))
        _wait_for(process, port, program)
        yield Server(name="smtp-sink", pid=process.pid, ports={"smtp": port})


@contextmanager
def postfix_tool(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Path and environment of a program of Debian's postfix package, the machine's own or the private layer's."""
    with ExitStack() as stack:
        found = shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
        if found:
            yield found, dict(os.environ)
            return
        try:
            layer = stack.enter_context(installed(RECIPE))
        except ServerUnavailableError as error:
            raise MissingError(str(error)) from error
        usr = layer / "usr" / "upper"
        libraries = f"{usr}/lib/postfix:{usr}/lib/{os.uname().machine}-linux-gnu"
        yield str(usr / "sbin" / name), {**os.environ, "LD_LIBRARY_PATH": libraries}


def versions() -> dict[str, str]:
    """Versions of the peers that are here."""
    found = {}
    for name in ("aiosmtpd", "pymap", "uvloop"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    try:
        with installed(RECIPE) as layer:
            status = (layer / "var" / "upper" / "lib" / "dpkg" / "status").read_text()
    except (ServerUnavailableError, OSError):
        return found
    for package in ("postfix", "dovecot-core"):
        _, _, rest = status.partition(f"Package: {package}\n")
        found[package] = next((line[9:] for line in rest.splitlines() if line.startswith("Version: ")), "unknown")
    return found


@contextmanager
def _child(
    command: list[str],
    environment: dict[str, str] | None = None,
    *,
    quiet: bool = False,
    out: BinaryIO | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    stderr = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, stdout=out or subprocess.PIPE, stderr=stderr, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_for(process: subprocess.Popen[bytes], port: int, program: str) -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise MissingError(f"{program} did not come up") from None
            time.sleep(0.02)


def _needs(package: str) -> None:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise MissingError(f"{package} is not installed (the dependency group `bench`)") from None


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
