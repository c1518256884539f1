"""Running reference servers inside a process, each protocol on its own port, on threads of their own.

`running_server` is what tests use. `Host` is for who starts hundreds of them: one thread, any number of listeners.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from reference_server.admission import Admission, FailedLogIns
from reference_server.certificates import Certificate, certificate
from reference_server.core import Core, Settings, Surroundings
from reference_server.gate import Gate
from reference_server.imap.core import ImapCore
from reference_server.links import MakeLink
from reference_server.pop3.core import Pop3Core
from reference_server.shell import Listener, MakeCore, TlsMode, listen, new_event_loop
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores import Durable, Mailbox, Store
from reference_server.stores.memory import MemoryStore
from reference_server.stores.opening import opened_store

log = logging.getLogger(__name__)
T = TypeVar("T")

_OTHER_DESCRIPTORS = 64
"""Files and sockets that are no connections: who would be one too many can still be told so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How one URL scheme is served: by which core, with which TLS."""

    protocol: str
    mode: TlsMode = TlsMode.OFFERED
    submission: bool = False


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        "smtp": Service(protocol="smtp"),
        "smtps": Service(protocol="smtp", mode=TlsMode.IMPLICIT),
        "submission": Service(protocol="smtp", submission=True),
        "submissions": Service(protocol="smtp", mode=TlsMode.IMPLICIT, submission=True),
        "lmtp": Service(protocol="lmtp"),
        "pop3": Service(protocol="pop3"),
        "pop3s": Service(protocol="pop3", mode=TlsMode.IMPLICIT),
        "imap": Service(protocol="imap"),
        "imaps": Service(protocol="imap", mode=TlsMode.IMPLICIT),
    }
)
"""URL scheme to service, in the order in which they are named to people."""


def default_cores() -> dict[str, type]:
    """The conforming core of each protocol."""
    return {"smtp": SmtpCore, "lmtp": LmtpCore, "pop3": Pop3Core, "imap": ImapCore}


@dataclass(slots=True, kw_only=True)
class RunningServer:
    """A server that listens. `errors` are exceptions that came out of a core: always a mistake of ours."""

    urls: dict[str, str]
    store: Store
    certificates: Certificate
    errors: list[BaseException] = field(default_factory=list)
    _host: Host
    _listeners: list[Listener | Gate]

    @property
    def ca_pem(self) -> bytes:
        """The certificate authority that clients have to trust, in PEM."""
        return self.certificates.ca_pem

    def address(self, service: str) -> tuple[str, int]:
        """Host and port of a service by URL scheme, as the clients of the standard library want them.

        Raises:
            KeyError: that is not served.
        """
        url = urlsplit(self.urls[service])
        assert url.hostname is not None
        assert url.port is not None
        return url.hostname, url.port

    def tls_context(self) -> ssl.SSLContext:
        """A client's TLS context that trusts this server and nobody else."""
        return ssl.create_default_context(cadata=self.ca_pem.decode("ascii"))

    def mailbox(self, user: str, name: str = "INBOX") -> Mailbox:
        """A folder of a user's, who is named by his address; to look at, or to put mail into (`append`).

        Raises:
            LookupError: there is no such user or folder.
        """
        account = self.store.account(user)
        mailbox = account.mailbox(name) if account else None
        if mailbox is None:
            raise LookupError(f"{user} has no {name}" if account else f"there is no user {user}")
        return mailbox

    def messages(self, user: str, name: str = "INBOX") -> list[bytes]:
        """The messages in that folder, octet for octet as they are kept, in the order in which they came.

        Raises:
            LookupError: there is no such user or folder.
        """
        return [message.octets for message in self.mailbox(user, name).messages]

    def stop(self) -> None:
        """Close every socket of this server; the host goes on. A second call does nothing."""
        listeners, self._listeners = self._listeners, []
        if listeners:
            self._host.run(_close_all(listeners))


class Host:
    """One thread with one event loop, on which servers can be started and stopped; close it at the end.

    With `own_thread` off it is the caller's thread, and servers are served only in `serve`.
    """

    def __init__(self, *, own_thread: bool = True) -> None:
        self._loop = new_event_loop()
        self._errors: list[BaseException] = []
        self._servers: list[RunningServer] = []
        self._loop.set_exception_handler(self._note)
        self._thread: threading.Thread | None = None
        if own_thread:
            self._thread = threading.Thread(target=self._run, name="reference-server", daemon=True)
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        *,
        store: Store | None = None,
        cores: Mapping[str, type] | None = None,
        settings: Settings | None = None,
        services: Iterable[str] | None = None,
        ports: Mapping[str, int] | None = None,
        links: Iterable[MakeLink] = (),
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        certificates: Certificate | None = None,
    ) -> RunningServer:
        """Start a server; `cores` replaces cores by protocol, `ports` fixes ports by URL scheme.

        The store, a new one in memory unless given, stays the caller's to close. Without `services` every service is
        started for which there is a core. `links` are put around every core, the first of them next to it.
        `certificates` stand in for those that are made for the settings' domains.

        Raises:
            ValueError: a service, or the protocol of a core, is unknown; or the host is not loopback.
            OSError: a port is taken.
        """
        chosen = {**default_cores(), **(cores or {})}
        unknown = set(cores or ()) - {service.protocol for service in SERVICES.values()}
        wanted = list(services) if services is not None else [s for s in SERVICES if SERVICES[s].protocol in chosen]
        unknown |= {name for name in wanted if name not in SERVICES} | (set(ports or ()) - SERVICES.keys())
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
        store = store if store is not None else MemoryStore()
        settings = settings or Settings()
        tls = certificates or certificate(settings.domains)
        links = tuple(links)
        listeners, urls = self.run(
            self._listen(
                {name: _maker(chosen[SERVICES[name].protocol], store, settings, links) for name in wanted},
                store,
                ports or {},
                host,
                tls.context,
                Admission(
                    most=min(settings.max_connections, _most_descriptors() - _OTHER_DESCRIPTORS),
                    most_from_one_address=settings.max_connections_per_address,
                    failed_log_ins=FailedLogIns(
                        most=settings.max_failed_log_ins_per_address,
                        remembered_s=settings.failed_log_ins_remembered_s,
                    ),
                ),
                allow_remote=allow_remote,
            )
        )
        server = RunningServer(
            urls=urls,
            store=store,
            certificates=tls,
            errors=self._errors,
            _host=self,
            _listeners=listeners,
        )
        self._servers = [running for running in self._servers if running._listeners]
        self._servers.append(server)
        return server

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the host's loop and wait for it."""
        if self._thread is None:
            return self._loop.run_until_complete(work)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop the servers that still run, then end the thread. A second call does nothing."""
        if self._loop.is_closed():
            return
        for server in self._servers:
            server.stop()
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def serve(self) -> None:
        """Serve in the caller's thread until `stop_soon` was called, be it before."""
        self._loop.run_forever()

    def stop_soon(self) -> None:
        """Have `serve` return. From any thread, and from a signal handler."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            log.error("%s", context.get("message"), exc_info=error)
            self._errors.append(error)
        else:
            loop.default_exception_handler(context)

    async def _listen(
        self,
        makers: Mapping[str, MakeCore],
        store: Store,
        ports: Mapping[str, int],
        host: str,
        context: ssl.SSLContext,
        admission: Admission,
        *,
        allow_remote: bool,
    ) -> tuple[list[Listener | Gate], dict[str, str]]:
        listeners: list[Listener | Gate] = []
        urls: dict[str, str] = {}
        gates = [Gate(store, self._loop)] if isinstance(store, Durable) else []
        try:
            for name, make_core in makers.items():
                service = SERVICES[name]
                listener = await listen(
                    make_core,
                    host=host,
                    port=ports.get(name, 0),
                    mode=service.mode,
                    context=context,
                    submission=service.submission,
                    allow_remote=allow_remote,
                    gate=next(iter(gates), None),
                    admission=admission,
                )
                listeners.append(listener)
                urls[name] = f"{name}://{f'[{host}]' if ':' in host else host}:{listener.port}"
        except BaseException:
            await _close_all([*listeners, *gates])
            raise
        # The gate closes last: what the sessions do when they end is committed as well.
        return [*listeners, *gates], urls


def _most_descriptors() -> int:
    """How many files and sockets this process may have open."""
    try:
        import resource
    except ImportError:
        return sys.maxsize
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def allow_many_descriptors() -> None:
    """Let this process have as many files and sockets as it may; by default that is often a thousand."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems name a limit here that they do not grant.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _maker(core: type, store: Store, settings: Settings, links: tuple[MakeLink, ...]) -> MakeCore:
    def make(surroundings: Surroundings) -> Core:
        made: Core = core(store, settings, surroundings)
        for link in links:
            made = link(made)
        return made

    return make


async def _close_all(listeners: Iterable[Listener | Gate]) -> None:
    for listener in listeners:
        await listener.close()


@contextmanager
def running_server(
    *,
    store: Store | str | None = None,
    cores: Mapping[str, type] | None = None,
    settings: Settings | None = None,
    protocols: Iterable[str] | None = None,
    ports: Mapping[str, int] | None = None,
    links: Iterable[MakeLink] = (),
    host: str = "127.0.0.1",
    on: Host | None = None,
    certificates: Certificate | None = None,
) -> Iterator[RunningServer]:
    """A reference server for the length of a `with` block; on a thread of its own unless a `Host` is given.

    `protocols` names services by URL scheme (`smtp`, `pop3s`, …); all of them if None. `store` may also be a name
    such as `sqlite:PATH` (see `opened_store`): it is then opened for the default users, and closed at the end. For the
    rest see `Host.start`.

    Raises:
        ValueError: see `Host.start`; or there is no store of that name.
        OSError: a port is taken, or the store cannot be opened.
    """
    with ExitStack() as stack:
        if isinstance(store, str):
            store = stack.enter_context(opened_store(store))
        runner = on or stack.enter_context(Host())
        server = runner.start(
            store=store,
            cores=cores,
            settings=settings,
            services=protocols,
            ports=ports,
            links=links,
            host=host,
            certificates=certificates,
        )
        stack.callback(server.stop)
        yield server
