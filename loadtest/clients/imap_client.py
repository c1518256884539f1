"""The IMAP client that makes the load and reads mailboxes (RFC 3501, 9051; RFC 2177, 4315, 4959, 6851, 7888).

Whatever a server does, each call returns or raises a LoadError in time.
"""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from conformance.wire.imap import Response, parse
from loadtest.clients.imap_answers import (
    Fetched,
    Literal,
    Selected,
    astring,
    capabilities,
    coded_numbers,
    fetched,
    figures,
    found,
    gone,
    mailbox,
    mailbox_names,
    number,
    uid_set,
    whole_message,
)
from loadtest.clients.imap_exchange import RESPONSES_A_TURN, ImapExchange, let_others_go_on
from loadtest.clients.session import MissingOfferError, Record, kind_of
from loadtest.plan import Patience, Route
from loadtest.target import Account

BATCH = 250
"""Messages asked for in one command by `messages`; a set of as many UIDs stays far below 8,192 octets (RFC 9051 §4)."""

MOST_UIDS = 5_000_000
"""UIDs of one search that are believed; an ESEARCH result of twenty octets can name four thousand million."""

LONGEST_IDLE_S = 29 * 60.0
"""How long IDLE may last before it is to be entered anew (RFC 2177 §3)."""

NEWS = frozenset({b"EXISTS", b"EXPUNGE", b"FETCH", b"RECENT", b"VANISHED"})
"""Untagged responses that tell of changes in the selected mailbox."""


class ImapSession(ImapExchange):
    """One open session, and the commands that a mail program says in it."""

    __slots__ = ("_idle_tag",)

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        super().__init__(sock, patience, record)
        self._idle_tag = b""

    # -- set-up and end ----------------------------------------------------------------------------------------------

    def _set_up(self, route: Route) -> None:
        began = time.perf_counter()
        greeting = parse(self._next("greeting", began + self._patience.reply_s))
        self._record("greeting", time.perf_counter() - began)
        if greeting.tag == b"*" and greeting.name == b"BYE":
            self._turned_away("greeting", greeting.raw)
        if greeting.tag != b"*" or greeting.name not in (b"OK", b"PREAUTH"):
            self._break("greeting", "unintelligible", None)
        self._learn_offers(greeting)
        takes_passwords = b"AUTH=PLAIN" in self.offers or b"LOGINDISABLED" not in self.offers
        offered = b"STARTTLS" in self.offers
        if self._wants_tls(route, command="STARTTLS", offered=offered, takes_passwords=takes_passwords):
            began = time.perf_counter()
            deadline = began + self._patience.reply_s
            self._finish("tls", self._say("tls", (b"STARTTLS",), deadline), deadline, None)
            if self._ready or self._reader.pending:
                # Said in clear, so anybody may have said it (RFC 9051 §11.1).
                self._break("tls", "octets before the handshake", None)
            self._handshake(began)
            self._learn_offers(None)
        if route.account is not None and greeting.name != b"PREAUTH":
            self._log_in(route.account)

    def _learn_offers(self, status: Response | None) -> None:
        """The capabilities out of a status response's code, or by asking (RFC 9051 §6.1.1)."""
        word, _, offers = (b"", b"", b"") if status is None else status.code.partition(b" ")
        if word.upper() == b"CAPABILITY":
            self.offers = capabilities(offers)
        else:
            # The untagged CAPABILITY is taken note of wherever it comes.
            self.offers = frozenset()
            self.command("capability", b"CAPABILITY")

    def _log_in(self, account: Account) -> None:
        """AUTHENTICATE PLAIN, with an initial response where that may be (RFC 4616, RFC 4959), or else LOGIN."""
        name, password = account.name.encode(), account.password.encode()
        before = self.offers
        began = time.perf_counter()
        deadline = began + self._patience.reply_s
        if b"AUTH=PLAIN" in before:
            token = base64.b64encode(b"\0%b\0%b" % (name, password))
            if b"SASL-IR" in before:
                tag = self._say("auth", (b"AUTHENTICATE PLAIN " + token,), deadline)
            else:
                tag = self._say("auth", (b"AUTHENTICATE PLAIN",), deadline)
                self._go_ahead("auth", tag, deadline)
                self._send("auth", token + b"\r\n")
        elif b"LOGINDISABLED" not in before:
            tag = self._say("auth", (b"LOGIN ", astring(name), b" ", astring(password)), deadline)
        else:
            raise MissingOfferError("auth", "the server offers neither AUTHENTICATE PLAIN nor LOGIN")
        answer = self._finish("auth", tag, deadline, began)
        if self.offers is before:
            # What is offered to somebody known differs as a rule (RFC 9051 §6.2.2).
            self._learn_offers(answer.done)

    def logout(self, *, within_s: float | None = None) -> None:
        """Say LOGOUT, wait for its answer and close (RFC 9051 §6.1.3). The session is closed whatever happens.

        Raises:
            LoadError: no such answer came; nothing is lost by it.
        """
        try:
            began = time.perf_counter()
            within_s = self._patience.reply_s if within_s is None else within_s
            deadline = began + within_s
            if self._idle_tag:
                self._send("logout", b"DONE\r\n")
            tag = self._say("logout", (b"LOGOUT",), deadline)
            while True:
                # BYE comes first, and before it may come the end of IDLE and whatever the server still has to tell.
                self._sock.settimeout(max(deadline - time.perf_counter(), 0.001))
                raw = self._next("logout", deadline)
                if parse(raw).tag == tag:
                    break
            self._check("logout", parse(raw), began)
        finally:
            self.close()

    # -- commands ----------------------------------------------------------------------------------------------------

    def enable(self, *names: bytes) -> frozenset[bytes]:
        """Ask for what changes how the server speaks; what it switched on, upper-cased (RFC 5161 §3)."""
        told = self.command("enable", b"ENABLE ", b" ".join(names), wants=(b"ENABLED",)).data
        return frozenset(name.upper() for response in told for name in response.values if isinstance(name, bytes))

    def namespace(self) -> None:
        """Ask where mailboxes are to be found (RFC 2342 §5)."""
        self.command("namespace", b"NAMESPACE")

    def select(self, name: str, parameters: bytes = b"") -> Selected:
        """Open a mailbox (RFC 9051 §6.3.2), with parameters such as `(CONDSTORE)` (RFC 4466 §2.1, RFC 7162 §3)."""
        self.exists = 0
        after = b" " + parameters if parameters else b""
        wants = (b"OK", b"FETCH", b"VANISHED") if parameters else (b"OK",)
        data = self.command("select", b"SELECT ", mailbox(name), after, wants=wants).data
        told = coded_numbers(data)
        return Selected(
            self.exists,
            told.get(b"UIDNEXT", 0),
            told.get(b"UIDVALIDITY", 0),
            told.get(b"HIGHESTMODSEQ", 0),
            changed=sum(response.name == b"FETCH" for response in data),
            vanished=sum(gone(response)[0] for response in data if response.name == b"VANISHED"),
        )

    def close_mailbox(self) -> None:
        """Close the selected mailbox; what is flagged as deleted goes (RFC 9051 §6.4.1)."""
        self.command("close", b"CLOSE")
        self.exists = 0

    def noop(self) -> tuple[Response, ...]:
        """The news of the selected mailbox (RFC 9051 §6.1.2)."""
        return self.command("noop", b"NOOP", wants=NEWS).data

    def status(self, name: str, items: str = "MESSAGES UIDNEXT UNSEEN") -> dict[bytes, int]:
        """Figures of a mailbox that need not be selected (RFC 9051 §6.3.11)."""
        parts = (b"STATUS ", mailbox(name), b" (%b)" % items.encode())
        return figures(self.command("status", *parts, wants=(b"STATUS",)).data)

    def list_mailboxes(self, pattern: str = "*", *, options: bytes = b"") -> list[str]:
        """The names of mailboxes that can be opened, as they cross the wire (RFC 9051 §6.3.9).

        `options` are return options such as `RETURN (SPECIAL-USE)`; the server has to offer them (RFC 5258 §3).
        """
        after = b" " + options if options else b""
        return mailbox_names(self.command("list", b'LIST "" ', mailbox(pattern), after, wants=(b"LIST",)).data)

    def create(self, name: str) -> None:
        """Make a mailbox (RFC 9051 §6.3.4)."""
        self.command("create", b"CREATE ", mailbox(name))

    def delete(self, name: str) -> None:
        """Remove a mailbox (RFC 9051 §6.3.5)."""
        self.command("delete", b"DELETE ", mailbox(name))

    def uid_fetch(self, uids: str, items: str) -> list[Fetched]:
        """What is asked for of these messages, such as `(FLAGS RFC822.SIZE)` (RFC 9051 §6.4.5, §6.4.9)."""
        answer = self.command("fetch", f"UID FETCH {uids} {items}".encode(), wants=(b"FETCH",))
        found = []
        for told, response in enumerate(answer.data, 1):
            if (seen := fetched(response)) is not None:
                found.append(seen)
            if told % RESPONSES_A_TURN == 0:
                let_others_go_on()
        return found

    def messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        r"""UID and octets of each of these messages that is still there, as they come; \Seen stays as it is.

        Has to be read to its end: what is left off in the middle closes the session. The time allowed counts anew
        with each message. Messages that nobody asked for, or that came before, are dropped.
        """
        wanted = sorted(set(uids))
        for start in range(0, len(wanted), BATCH):
            yield from self._batch(wanted[start : start + BATCH])

    def _batch(self, uids: list[int]) -> Iterator[tuple[int, bytes]]:
        began = time.perf_counter()
        patience_s = self._patience.reply_s
        deadline = began + patience_s
        left = set(uids)
        over = False
        try:
            tag = self._say("fetch", (b"UID FETCH %b (UID BODY.PEEK[])" % uid_set(uids),), deadline)
            while not over:
                raw = self._next("fetch", deadline)
                message = whole_message(raw)
                if message is None:
                    response = self._hear("fetch", raw, tag, frozenset())
                    if over := response is not None and response.tag == tag:
                        self._check("fetch", response, began)
                elif message[0] in left:
                    left.discard(message[0])
                    deadline = time.perf_counter() + patience_s
                    yield message
        finally:
            if not over:
                self.close()

    def uid_store(self, uids: str, change: str) -> None:
        r"""Change flags: `+FLAGS.SILENT (\Seen)` (RFC 9051 §6.4.6)."""
        self.command("store", f"UID STORE {uids} {change}".encode())

    def uid_copy(self, uids: str, name: str) -> None:
        """Copy messages (RFC 9051 §6.4.7)."""
        self.command("copy", f"UID COPY {uids} ".encode(), mailbox(name))

    def uid_move(self, uids: str, name: str) -> None:
        """Move messages; the server has to offer MOVE (RFC 6851)."""
        self.command("move", f"UID MOVE {uids} ".encode(), mailbox(name))

    def expunge(self, uids: str | None = None) -> None:
        """Remove what is flagged as deleted; of these UIDs alone where the server offers UIDPLUS (RFC 4315 §2.1)."""
        self.command("expunge", b"EXPUNGE" if uids is None else f"UID EXPUNGE {uids}".encode())

    def uid_search(self, criteria: str) -> list[int]:
        """UIDs of what matches, such as `UNSEEN` (RFC 9051 §6.4.4).

        Raises:
            BrokenError: also where the result names more messages than a mailbox holds.
        """
        answer = self.command("search", f"UID SEARCH {criteria}".encode(), wants=(b"SEARCH", b"ESEARCH"))
        numbers = found(answer.data, at_most=MOST_UIDS)
        return self._break("search", "endless reply", None) if numbers is None else numbers

    def uids_from(self, first: int, *, that_are: str = "") -> list[int]:
        """UIDs from this one on, ascending; of messages that match the criteria besides, such as `UNSEEN`.

        `n:*` names the last message even where its UID is smaller (RFC 9051 §6.4.9), which is not wanted here.
        """
        return sorted(uid for uid in self.uid_search(f"{that_are} UID {first}:*".strip()) if uid >= first)

    def append_all(self, name: str, texts: Iterable[bytes]) -> None:
        """Store several messages, all of them or none; the server has to offer MULTIAPPEND (RFC 3502 §6.3.11)."""
        parts = [part for text in texts for part in (b" ", Literal(text))]
        self.command("multiappend", b"APPEND ", mailbox(name), *parts)

    def append(self, name: str, octets: bytes, flags: str = "") -> int:
        """Store a message; its UID where the server tells it, else 0 (RFC 9051 §6.3.12, RFC 4315 §3)."""
        middle = f" ({flags}) ".encode() if flags else b" "
        words = self.command("append", b"APPEND ", mailbox(name), middle, Literal(octets)).done.code.split()
        return (number(words[2]) or 0) if len(words) == 3 and words[0].upper() == b"APPENDUID" else 0

    # -- waiting for news --------------------------------------------------------------------------------------------

    @contextmanager
    def idle(self) -> Iterator[Idling]:
        """Wait for what happens in the selected mailbox (RFC 2177). Until the server's go-ahead is timed as `idle`.

        Leaving the block says DONE, which is timed as `done`. Leaving it by an exception says nothing: then the session
        is fit to be logged out or closed, and for nothing else.
        """
        began = time.perf_counter()
        deadline = began + self._patience.reply_s
        tag = self._say("idle", (b"IDLE",), deadline)
        self._go_ahead("idle", tag, deadline)
        self._record("idle", time.perf_counter() - began)
        self._idle_tag = tag
        yield Idling(self)
        if self._idle_tag:
            self._idle_tag = b""
            began = time.perf_counter()
            self._send("done", b"DONE\r\n")
            self._finish("done", tag, began + self._patience.reply_s, began)

    def _news(self, within_s: float) -> list[Response]:
        """What the server tells during IDLE. Here nothing is broken where nothing comes."""
        deadline = time.perf_counter() + within_s
        if self._flood is not None and not self._ready:
            self._break("idle", "endless reply", self._flood)
        try:
            while not self._ready:
                left_s = deadline - time.perf_counter()
                if left_s <= 0:
                    return []
                self._sock.settimeout(left_s)
                octets = self._some(deadline)
                if not octets:
                    self._break("idle", "closed", None)
                self._take_in("idle", octets)
        except TimeoutError:
            return []
        except OSError as error:
            self._break("idle", kind_of(error), error)
        finally:
            if self.is_open:
                self._sock.settimeout(self._patience.reply_s)
        news = []
        while self._ready:
            response = self._hear("idle", self._ready.popleft(), self._idle_tag, None)
            assert response is not None
            if response.tag == self._idle_tag:
                # The server ended it by itself; OK would be as odd as NO, but harms nobody.
                self._idle_tag = b""
                self._check("idle", response, None)
                break
            news.append(response)
        return news


class Idling:
    """A session during IDLE."""

    __slots__ = ("_session",)

    def __init__(self, session: ImapSession) -> None:
        self._session = session

    def wait(self, timeout_s: float) -> list[Response]:
        """What the server tells, as soon as it tells anything; empty if nothing came in that time.

        Servers may end a session that idles for half an hour, so IDLE is to be left and entered again before
        (RFC 2177 §3).

        Raises:
            RefusedError: the server ended IDLE, or said BYE.
            BrokenError: the connection is gone, or what came makes no sense.
        """
        return self._session._news(timeout_s)
