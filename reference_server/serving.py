"""What `mailspec serve` does: a reference server in the foreground, until a signal ends it."""

from __future__ import annotations

import gc
import importlib
import signal
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from reference_server.accounts import DEFAULT_USERS, Directory, User
from reference_server.accounts.users_file import read
from reference_server.certificates import Certificate, certificate, certificate_from
from reference_server.core import Settings
from reference_server.links import link_named
from reference_server.registry import FAULTS, VARIANTS, Fault, Variant
from reference_server.running import Host, allow_many_descriptors, default_cores
from reference_server.seed import seed
from reference_server.stores.opening import opened_store

# Where faults and variants are declared; importing a module registers them.
_DECLARATIONS = (
    *(f"reference_server.{package}.{kind}" for package in ("smtp", "pop3", "imap") for kind in ("faults", "variants")),
    "reference_server.imap.tastes",
    "reference_server.smtp.lookalikes",
    "reference_server.smtp.variants_utf8",
)


def load_faults_and_variants() -> None:
    """Register every fault and variant. A second call does nothing.

    Raises:
        ImportError: a module of declarations is broken.
    """
    for name in _DECLARATIONS:
        importlib.import_module(name)


def list_faults() -> list[Fault]:
    """Every planted fault, by protocol and name."""
    load_faults_and_variants()
    return sorted(FAULTS.values(), key=lambda fault: (fault.protocol, fault.name))


def list_variants() -> list[Variant]:
    """Every legal variant, by protocol and name."""
    load_faults_and_variants()
    return sorted(VARIANTS.values(), key=lambda variant: (variant.protocol, variant.name))


def cores_with(faults: Iterable[str] = (), variants: Iterable[str] = ()) -> dict[str, type]:
    """The cores to serve, by protocol, with these faults and variants in them.

    Several of one protocol become one class that inherits from all; what comes first has the last word.

    Raises:
        ValueError: a name is unknown, or two of them cannot be in one server.
    """
    load_faults_and_variants()
    wanted: dict[str, list[type]] = {}
    for name in faults:
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name}; `mailspec list faults` names them")
        wanted.setdefault(FAULTS[name].protocol, []).append(FAULTS[name].core)
    for name in variants:
        if name not in VARIANTS:
            raise ValueError(f"there is no variant {name}; `mailspec list variants` names them")
        wanted.setdefault(VARIANTS[name].protocol, []).append(VARIANTS[name].core)
    return {protocol: combined(cores) for protocol, cores in wanted.items()}


def combined(cores: Sequence[type]) -> type:
    """One class that behaves like all of these.

    Raises:
        ValueError: their order of inheritance contradicts itself.
    """
    distinct = list(dict.fromkeys(cores))
    if len(distinct) == 1:
        return distinct[0]
    name = "And".join(core.__name__ for core in distinct)
    try:
        return type(name, tuple(distinct), {"__doc__": f"{name}: several in one server."})
    except TypeError as error:
        raise ValueError(f"these cannot be combined: {', '.join(core.__name__ for core in distinct)}") from error


DEFAULT_QUOTA_OCTETS = 10**9
"""What a user may have in all folders together, unless told otherwise: a client that copies in a loop stops there."""

MESSAGES_WITHIN_QUOTA = 500_000
"""How many messages he may have then, which need memory even when they are empty."""


def directory(
    users: Mapping[str, str] | None = None,
    users_file: Path | None = None,
    *,
    shared_secrets: bool = True,
    quota_octets: int = 0,
) -> Directory:
    """Who may log in: the users of the file, then those that are given by address and password; else the default ones.

    `quota_octets` is for all of whom the file does not say what they may have, with a limit on the number of their
    messages; 0 is no limit of either kind. Without `shared_secrets` no password is kept in clear, and CRAM-MD5 and APOP
    are not offered.

    Raises:
        ValueError: the file is not of its form, an address is no address, or is there twice.
        OSError: the file cannot be read.
    """
    if users is None and users_file is None:
        users = DEFAULT_USERS
    listed = [] if users_file is None else read(users_file)
    listed += [User(address=address, password=password) for address, password in (users or {}).items()]
    return Directory([_with_quota(user, quota_octets) for user in listed], shared_secrets=shared_secrets)


def _with_quota(user: User, octets: int) -> User:
    limits = user.limits
    if not octets or (limits.storage_octets, limits.messages) != (None, None):
        return user
    return replace(user, limits=replace(limits, storage_octets=octets, messages=MESSAGES_WITHIN_QUOTA))


def certificates_for(
    domains: frozenset[str], files: Sequence[tuple[Path, Path]] = (), client_ca: Path | None = None
) -> Certificate:
    """The certificates to serve with: those in the files, pairs of chain and key in PEM; else made ones.

    With `client_ca`, the certificate of an authority in PEM, clients are asked for certificates of its making.

    Raises:
        ValueError: a file is not what it should be.
        OSError: a file cannot be read.
    """
    try:
        authority = None if client_ca is None else client_ca.read_text("ascii")
        return certificate_from(files, client_ca=authority) if files else certificate(domains, authority)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise ValueError(f"{client_ca} is no certificate of an authority in PEM: {error}") from error


def serve(
    *,
    ports: Mapping[str, int] | None = None,
    only: Iterable[str] | None = None,
    users: Mapping[str, str] | None = None,
    faults: Iterable[str] = (),
    variants: Iterable[str] = (),
    links: Iterable[str] = (),
    store: str = "memory",
    seeded: bool = False,
    allow_cleartext: bool = False,
    allow_remote: bool = False,
    host: str = "127.0.0.1",
    ca_file: Path | None = None,
    users_file: Path | None = None,
    shared_secrets: bool = True,
    certificates: Sequence[tuple[Path, Path]] = (),
    client_ca: Path | None = None,
    login_delay_s: int = 0,
    quota_octets: int = DEFAULT_QUOTA_OCTETS,
) -> None:
    """Serve until SIGINT or SIGTERM. Once all services listen, their URLs go to standard output, one a line.

    `only` and `ports` go by URL scheme; `users` and `users_file` stand in for the default users, see `directory`;
    `certificates` and `client_ca` see `certificates_for`; `ca_file` is where to leave the certificate authority's
    certificate in PEM; `links` are as `link_named` reads them, and `store` as `opened_store` does; `login_delay_s` is
    POP3's LOGIN-DELAY; `quota_octets` is as in `directory`. Call it from the main thread.

    `seeded` puts a little mail into the first default user's INBOX where the store is memory.

    Raises:
        ValueError: a name is unknown, an address is no address, or the host is not loopback and `allow_remote` is off;
            or there is no such store.
        OSError: a port is taken, the file cannot be written, or the store not be opened.
    """
    allow_many_descriptors()
    known = directory(users, users_file, shared_secrets=shared_secrets, quota_octets=quota_octets)
    domains = known.domains or Settings.domains
    own = certificates_for(domains, certificates, client_ca)
    came: list[int] = []
    stops: list[Callable[[], None]] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        for stop in stops:
            stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # The main thread allocates memory at less cost than others do.
        with opened_store(store, known) as opened, Host(own_thread=False) as runner, _rare_collections():
            if seeded and store == "memory" and users is None and users_file is None:
                for account in opened.accounts[:1]:
                    seed(account.boxes()[0])
            server = runner.start(
                store=opened,
                cores={**default_cores(), **cores_with(faults, variants)},
                settings=Settings(domains=domains, allow_cleartext=allow_cleartext, pop3_login_delay_s=login_delay_s),
                services=only,
                ports=ports,
                links=[link_named(text) for text in links],
                host=host,
                allow_remote=allow_remote,
                certificates=own,
            )
            if ca_file is not None:
                ca_file.write_bytes(server.ca_pem)
            for url in server.urls.values():
                sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            # From here on a signal ends the loop. The loop's own handlers would lose one that comes before it runs.
            stops.append(runner.stop_soon)
            if came:
                runner.stop_soon()
            runner.serve()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the collector of reference cycles run seldom: a server that stores mail makes many objects and few cycles."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
