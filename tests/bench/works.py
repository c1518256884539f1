"""The works: mail in by SMTP, IMAP command by command, POP3, ten thousand idle connections, the start."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from tests.bench import servers
from tests.bench.clients import ImapClient, Pop3Client, WrongAnswerError, message
from tests.bench.measuring import Books, in_turn, memory_octets, processor_time_s
from tests.bench.servers import MissingError, Server

MEMORY = "mailspec, memory"
SQLITE = "mailspec, sqlite"

SMTP_MESSAGES = 20_000
SMTP_MESSAGES_FOR_AIOSMTPD = 4_000
SMTP_SESSIONS = 20
MESSAGE_OCTETS = 4096

IMAP_MESSAGES = 3_000
SINGLES = 2_000
POP3_MESSAGES = 2_000
IDLE_CONNECTIONS = 10_000

SMTP = "SMTP: 4 KiB messages, 20 sessions kept open"
APPEND = "IMAP: APPEND of 4 KiB"
SELECT = "IMAP: SELECT of 3,000 messages"
FLAGS = "IMAP: FETCH FLAGS of all"
ENVELOPE_FIRST = "IMAP: FETCH ENVELOPE of all, the first time"
ENVELOPE = "IMAP: FETCH ENVELOPE of all, again"
BODY = "IMAP: FETCH BODY.PEEK[] of one"
STORE = "IMAP: STORE of one"
SUBJECT = "IMAP: SEARCH SUBJECT"
TEXT = "IMAP: SEARCH TEXT"
NOOP = "IMAP: NOOP"
STAT = "POP3: STAT"
UIDL = "POP3: UIDL of 2,000"
RETR = "POP3: RETR of 4 KiB"
IDLE_MEMORY = "10,000 IMAP connections in IDLE: server memory"
START = "start until the first greeting"

IMAP_WORKS = (APPEND, SELECT, FLAGS, ENVELOPE_FIRST, ENVELOPE, BODY, STORE, SUBJECT, TEXT, NOOP)
POP3_WORKS = (STAT, UIDL, RETR)

Start = Callable[[], AbstractContextManager[Server]]


# -- SMTP -------------------------------------------------------------------------------------------------------------


def smtp(books: Books, rounds: int) -> None:
    """smtp-source against each server in turn; every server starts afresh each round."""
    starts: dict[str, Start] = {
        "smtp-sink": servers.smtp_sink,
        "aiosmtpd": servers.aiosmtpd,
        MEMORY: lambda: servers.ours(MEMORY, "smtp"),
        SQLITE: lambda: servers.ours(SQLITE, "smtp", store="sqlite"),
    }
    try:
        with servers.postfix_tool("smtp-source") as (program, environment):
            for number in range(rounds):
                with _all_up(starts, (SMTP,), books) as up:
                    for name in in_turn(list(up), number):
                        messages = SMTP_MESSAGES_FOR_AIOSMTPD if name == "aiosmtpd" else SMTP_MESSAGES
                        # The warm-up lets each server import and allocate what it needs.
                        _send(program, environment, up[name], 400)
                        books.measure(
                            SMTP,
                            name,
                            up[name].pid,
                            lambda up=up[name], messages=messages: _send(program, environment, up, messages),  # type: ignore[misc]
                            count=messages,
                            unit="messages",
                        )
    except MissingError as error:
        for name in starts:
            books.missing(SMTP, name, f"no smtp-source: {error}")


def _send(program: str, environment: Mapping[str, str], to: Server, messages: int) -> None:
    done = subprocess.run(
        [
            *(program, "-d", "-s", str(SMTP_SESSIONS), "-m", str(messages), "-l", str(MESSAGE_OCTETS)),
            *("-f", "sender@client.example", "-t", "alice@example.test", f"127.0.0.1:{to.ports['smtp']}"),
        ],
        env=dict(environment),
        capture_output=True,
    )
    if done.returncode or done.stderr:
        raise WrongAnswerError(f"smtp-source says of {to.name}: {done.stderr.decode(errors='replace')[:300]}")


# -- IMAP -------------------------------------------------------------------------------------------------------------


def imap(books: Books, rounds: int) -> None:
    """One client, one command at a time; all servers are up at once and take turns at each kind of command."""
    starts: dict[str, Start] = {
        "Dovecot": servers.dovecot,
        "pymap": servers.pymap,
        MEMORY: lambda: servers.ours(MEMORY, "imap"),
        SQLITE: lambda: servers.ours(SQLITE, "imap", store="sqlite"),
    }
    mails = [message(number) for number in range(IMAP_MESSAGES)]
    with _all_up(starts, IMAP_WORKS, books) as up:
        for number in range(rounds):
            with ExitStack() as stack:
                clients: dict[str, ImapClient] = {}
                for name, server in up.items():
                    clients[name] = stack.enter_context(ImapClient(server.ports["imap"]))
                    clients[name].log_in(server.user, server.password)
                    clients[name].run(b"CREATE bench%d" % number)
                for work in _imap_steps(b"bench%d" % number, mails):
                    for name in in_turn(list(up), number):
                        books.measure(
                            work.name,
                            name,
                            up[name].pid,
                            lambda client=clients[name], work=work: work.do(client),  # type: ignore[misc]
                            count=work.count,
                            unit=work.unit,
                        )


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    count: int
    unit: str
    do: Callable[[ImapClient], None]


def _imap_steps(mailbox: bytes, mails: list[bytes]) -> list[_Step]:
    count = len(mails)

    def append(client: ImapClient) -> None:
        for mail in mails:
            client.append(mailbox, mail)

    def repeated(command: bytes, times: int, *, expect: bytes, occurrences: int) -> Callable[[ImapClient], None]:
        def do(client: ImapClient) -> None:
            for _ in range(times):
                answer = client.run(command)
                if answer.count(expect) != occurrences:
                    raise WrongAnswerError(f"{command!r}: {answer.count(expect)} times {expect!r} in the answer")

        return do

    def single_bodies(client: ImapClient) -> None:
        for number in range(1, SINGLES + 1):
            if len(client.run(b"FETCH %d BODY.PEEK[]" % number)) < MESSAGE_OCTETS:
                raise WrongAnswerError("a message came out shorter than it went in")

    def single_stores(client: ImapClient) -> None:
        for number in range(1, SINGLES + 1):
            if b"\\Flagged" not in client.run(b"STORE %d +FLAGS (\\Flagged)" % number):
                raise WrongAnswerError("no untagged FETCH after STORE")

    sought = sum(b"needle" in mail for mail in mails)
    hits = b" ".join(b"%d" % number for number, mail in enumerate(mails, 1) if b"needle" in mail)
    assert sought, "something is to be found"
    return [
        _Step(APPEND, count, "messages", append),
        _Step(SELECT, 20, "commands", repeated(b"SELECT " + mailbox, 20, expect=b" EXISTS\r\n", occurrences=1)),
        _Step(FLAGS, 5 * count, "messages", repeated(b"FETCH 1:* FLAGS", 5, expect=b"FLAGS (", occurrences=count)),
        _Step(
            ENVELOPE_FIRST,
            count,
            "messages",
            repeated(b"FETCH 1:* ENVELOPE", 1, expect=b"ENVELOPE (", occurrences=count),
        ),
        _Step(
            ENVELOPE,
            3 * count,
            "messages",
            repeated(b"FETCH 1:* ENVELOPE", 3, expect=b"ENVELOPE (", occurrences=count),
        ),
        _Step(BODY, SINGLES, "commands", single_bodies),
        _Step(STORE, SINGLES, "commands", single_stores),
        _Step(
            SUBJECT,
            5 * count,
            "messages",
            repeated(b"SEARCH SUBJECT needle", 5, expect=b"* SEARCH " + hits + b"\r\n", occurrences=1),
        ),
        _Step(
            TEXT,
            5 * count,
            "messages",
            repeated(b"SEARCH TEXT needle", 5, expect=b"* SEARCH " + hits + b"\r\n", occurrences=1),
        ),
        _Step(NOOP, SINGLES, "commands", repeated(b"NOOP", SINGLES, expect=b"OK", occurrences=1)),
    ]


# -- POP3 -------------------------------------------------------------------------------------------------------------


def pop3(books: Books, rounds: int) -> None:
    """One client, one command at a time, in a maildrop that was filled over IMAP."""
    starts: dict[str, Start] = {
        "Dovecot": servers.dovecot,
        MEMORY: lambda: servers.ours(MEMORY, "pop3", "imap"),
        SQLITE: lambda: servers.ours(SQLITE, "pop3", "imap", store="sqlite"),
    }
    with _all_up(starts, POP3_WORKS, books) as up:
        for server in up.values():
            _fill_inbox(server)
        for number in range(rounds):
            for name in in_turn(list(up), number):
                server = up[name]
                with Pop3Client(server.ports["pop3"]) as client:
                    client.log_in(server.user, server.password)
                    for work, count, unit, do in (
                        (STAT, 1000, "commands", _stat),
                        (UIDL, 10, "commands", _uidl),
                        (RETR, POP3_MESSAGES, "messages", _retr),
                    ):
                        books.measure(
                            work,
                            name,
                            server.pid,
                            lambda do=do, client=client: do(client),  # type: ignore[misc]
                            count=count,
                            unit=unit,
                        )
                    client.run(b"QUIT")


def _fill_inbox(server: Server) -> None:
    with ImapClient(server.ports["imap"]) as client:
        client.log_in(server.user, server.password)
        client.run(b"SELECT INBOX")
        if b" 0 EXISTS" not in client.run(b"SELECT INBOX"):
            client.run(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
            client.run(b"CLOSE")
        for number in range(POP3_MESSAGES):
            client.append(b"INBOX", message(number))


def _stat(client: Pop3Client) -> None:
    for _ in range(1000):
        if not client.run(b"STAT").startswith(b"+OK %d " % POP3_MESSAGES):
            raise WrongAnswerError("STAT counts other messages")


def _uidl(client: Pop3Client) -> None:
    for _ in range(10):
        if client.run_multiline(b"UIDL").count(b"\r\n") != POP3_MESSAGES + 2:
            raise WrongAnswerError("UIDL lists other messages")


def _retr(client: Pop3Client) -> None:
    for number in range(1, POP3_MESSAGES + 1):
        if len(client.run_multiline(b"RETR %d" % number)) < MESSAGE_OCTETS:
            raise WrongAnswerError("a message came out shorter than it went in")


# -- Size and start ---------------------------------------------------------------------------------------------------


def idle(books: Books, connections: int) -> tuple[str, dict[str, int]]:
    """Memory of our server, in octets, before and with that many connections logged in and in IDLE."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < connections + 100:
        return f"only {hard} open files are allowed here", {}
    with servers.ours(MEMORY, "imap") as server:
        before = memory_octets(server.pid)
        before_s, cpu_before_s = time.perf_counter(), processor_time_s(server.pid)
        after = asyncio.run(_idle(server, connections))
        books.note(
            "IMAP: connect, log in and IDLE",
            MEMORY,
            count=connections,
            unit="connections",
            elapsed_s=time.perf_counter() - before_s,
            cpu_s=processor_time_s(server.pid) - cpu_before_s,
        )
    return "", {
        "connections": connections,
        "rss_before_octets": before["Rss"],
        "rss_octets": after["Rss"],
        "pss_octets": after["Pss"],
    }


async def _idle(server: Server, connections: int) -> dict[str, int]:
    gate = asyncio.Semaphore(64)
    writers: list[asyncio.StreamWriter] = []

    async def one() -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["imap"])
            writers.append(writer)
            await reader.readline()
            writer.write(f"a LOGIN {server.user} {server.password}\r\n".encode())
            if not (await reader.readuntil(b"a OK")).endswith(b"a OK"):
                raise WrongAnswerError("no log-in")
            await reader.readline()
            writer.write(b"b SELECT INBOX\r\n")
            await reader.readuntil(b"b OK")
            await reader.readline()
            writer.write(b"c IDLE\r\n")
            if not (await reader.readline()).startswith(b"+"):
                raise WrongAnswerError("no IDLE")

    await asyncio.gather(*(one() for _ in range(connections)))
    memory = memory_octets(server.pid)
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return memory


def start(books: Books, rounds: int) -> None:
    """From nothing to the first greeting of a whole `mailspec serve`."""
    for _ in range(rounds):
        begun_s = time.perf_counter()
        with servers.ours(MEMORY, "imap") as server:
            with socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=30) as sock:
                if not sock.recv(4096).startswith(b"* OK"):
                    raise WrongAnswerError("no greeting")
            elapsed_s = time.perf_counter() - begun_s
            cpu_s = processor_time_s(server.pid)
        books.note(START, MEMORY, count=1, unit="starts", elapsed_s=elapsed_s, cpu_s=cpu_s)


@contextmanager
def _all_up(starts: Mapping[str, Start], works: tuple[str, ...], books: Books) -> Iterator[dict[str, Server]]:
    """Start what can be had; what cannot is noted as missing in all these works."""
    with ExitStack() as stack:
        up: dict[str, Server] = {}
        for name, begin in starts.items():
            try:
                up[name] = stack.enter_context(begin())
            except MissingError as error:
                for work in works:
                    books.missing(work, name, str(error))
        yield up
