"""The POP3 server core: octets in, responses and actions out (RFC 1939, RFC 2449).

The parts stand in modules named after the states; here is what drives them. Each behaviour that a requirement names is
one small method, so that a fault or a variant is a subclass that overrides one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reference_server.core import MAX_OUTPUT_AT_ONCE_OCTETS, Action, Close, Send, Settings, StartTls, Surroundings
from reference_server.pop3.authorization import Authorization
from reference_server.pop3.international import International
from reference_server.pop3.session import VERBS, Event, State, Verb
from reference_server.pop3.transaction import Transaction
from reference_server.stores import MailboxError, Store

MAX_COMMAND_LINE_OCTETS = 255
"""CRLF included (RFC 2449 §4)."""

# Keyword and arguments are printable ASCII (RFC 1939 §3).
_UNPRINTABLE = re.compile(rb"[^\x20-\x7e]")

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

_MAY_BE_UTF8 = frozenset({Verb.USER, Verb.PASS, Verb.APOP})

_DEAF = frozenset({State.SECURING, State.CLOSED})


class Pop3Core(Authorization, Transaction, International):
    """One POP3 session; implements `core.Core`."""

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        super().__init__(store, settings, surroundings)
        self._pending = b""
        self._inside_overlong_line = False
        self._with_argument: Mapping[Verb, Callable[[bytes], bytes]] = {
            Verb.USER: self.on_user,
            Verb.PASS: self.on_pass,
            Verb.APOP: self.on_apop,
            Verb.AUTH: self.on_auth,
            Verb.LIST: self.on_list,
            Verb.UIDL: self.on_uidl,
            Verb.RETR: self.on_retr,
            Verb.DELE: self.on_dele,
            Verb.TOP: self.on_top,
            Verb.LANG: self.on_lang,
        }
        self._without_argument: Mapping[Verb, Callable[[], bytes]] = {
            Verb.STLS: self.on_stls,
            Verb.UTF8: self.on_utf8,
            Verb.CAPA: self.on_capa,
            Verb.STAT: self.on_stat,
            Verb.NOOP: self.on_noop,
            Verb.RSET: self.on_rset,
            Verb.QUIT: self.on_quit,
        }

    # What the shell calls.

    def connected(self, now: float) -> list[Action]:
        """Greet."""
        self.heard_at = now
        return [Send(self.greeting())]

    def turned_away(self, now: float) -> list[Action]:
        """Refuse service for now, in place of a greeting (RFC 3206 §4: trouble that may pass)."""
        self.state = State.CLOSED
        return [Send(self.err("too many connections, try again later", code="SYS/TEMP")), Close()]

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Answer every command that is complete, in order (RFC 2449 §6.8)."""
        self.heard_at = now
        if self.state in _DEAF:
            return []
        self._pending += octets
        return self.run_what_is_complete()

    def run_what_is_complete(self) -> list[Action]:
        """Answer the commands that are there; when that is a lot of octets, some, and the others when woken."""
        pending = self._pending
        at = said = 0
        responses: list[bytes] = []
        while at < len(pending) and self.state not in _DEAF and said < MAX_OUTPUT_AT_ONCE_OCTETS:
            at, response = self.read_line(pending, at)
            if response is None:
                break
            responses.append(response)
            said += len(response)
            self.bad_commands = self.bad_commands + 1 if response.startswith(b"-ERR") else 0
        self._pending = self.left_over(pending[at:])
        self.busy = said >= MAX_OUTPUT_AT_ONCE_OCTETS and self._pending != b""
        actions: list[Action] = [Send(b"".join(responses))] if responses else []
        if self.state is State.SECURING:
            actions.append(StartTls())
        elif self.state is State.CLOSED:
            actions.append(Close())
        elif self.busy:
            self.request_wake()
        return actions

    def left_over(self, octets: bytes) -> bytes:
        """What is kept for later: nothing once STLS or QUIT was accepted (RFC 2595 §4)."""
        return b"" if self.state in _DEAF else octets

    def tls_started(self, now: float) -> list[Action]:
        """Still in AUTHORIZATION, and without a new greeting (RFC 2595 §4)."""
        if self.state is not State.SECURING:
            return []
        self.heard_at = now
        self.tls = True
        self.forget_session()
        self.advance(Event.TLS_STARTED)
        return self.receive(b"", now)

    def wake(self, now: float) -> list[Action]:
        """Go on with what was put off. The maildrop stays as it was at the log-in, whatever happens to it."""
        return self.run_what_is_complete() if self.busy else []

    def timer(self, now: float) -> list[Action]:
        """Close without a word, and without removing anything (RFC 1939 §3)."""
        if self.deadline is None or now < self.deadline:
            return []
        self.release()
        self.state = State.CLOSED
        return [Close()]

    def going_down(self, now: float) -> list[Action]:
        """Close without a word, since the protocol has none that was not asked for, and without removing anything."""
        self.release()
        self.state = State.CLOSED
        return [Close()]

    @property
    def deadline(self) -> float | None:
        """When the client will have been silent for too long, on the clock of `now`."""
        return None if self.state is State.CLOSED else self.heard_at + self.settings.pop3_timeout_s

    def disconnected(self) -> None:
        """The connection is gone without QUIT: nothing is removed (RFC 1939 §6)."""
        self.release()
        self._pending = b""
        self.busy = False
        self.state = State.CLOSED

    # How a command line is read.

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Take one line from `pending`, from `at` on; returns where it ended and the answer, None if not whole."""
        limit = self.line_limit()
        end = self.command_line_end(pending, at)
        if not end:
            if len(pending) - at > limit:
                self._inside_overlong_line = True
                at = len(pending) - 1
            return at, None
        line = pending[at:end]
        if self._inside_overlong_line or len(line) > limit:
            self._inside_overlong_line = False
            return end, self.on_overlong_line()
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        return end, self.on_auth_line(line) if self.state is State.AUTHENTICATING else self.on_command(line)

    def command_line_end(self, pending: bytes, at: int) -> int:
        """Index after the next line end at or after `at`, 0 if there is none yet (RFC 1939 §3: only CRLF)."""
        end = pending.find(b"\r\n", at)
        return end + 2 if end >= 0 else 0

    def line_limit(self) -> int:
        """Longest line in octets, CRLF included."""
        return self.auth_line_limit() if self.state is State.AUTHENTICATING else MAX_COMMAND_LINE_OCTETS

    def on_overlong_line(self) -> bytes:
        """A line beyond its limit came to its end; none of it is obeyed."""
        if self.state is State.AUTHENTICATING:
            return self.auth_line_too_long()
        return self.err("line too long")

    def on_command(self, line: bytes) -> bytes:
        """Run one command line, CRLF removed."""
        word, space, argument = line.partition(b" ")
        verb = VERBS.get(word.upper())
        if verb is not Verb.PASS:
            self.drop_user_name()
        if verb is not Verb.QUIT and self.has_had_enough():
            return self.too_many_errors()
        if not self.octets_allowed(line, verb):
            return self.err("invalid character")
        if verb is None:
            return self.err("unknown command")
        if (self.state, verb) not in self.transitions:
            return self.out_of_place()
        if space and not argument and verb is not Verb.PASS:
            return self.err("a space and no argument after it")
        if verb in self._with_argument:
            return self._with_argument[verb](argument)
        if argument:
            return self.surplus_argument(verb)
        return self._without_argument[verb]()

    def octets_allowed(self, line: bytes, verb: Verb | None) -> bool:
        """Whether the line is of printable ASCII, or of UTF-8 where names and passwords may be (RFC 6856 §2.2)."""
        if not _UNPRINTABLE.search(line):
            return True
        if verb not in _MAY_BE_UTF8 or _CONTROL.search(line):
            return False
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def has_had_enough(self) -> bool:
        """Whether the session is to be ended: in defence, so that many mistakes are needed."""
        return self.bad_commands > self.settings.max_bad_commands

    def too_many_errors(self) -> bytes:
        """The answer to the next command after that, unless it is QUIT; nothing is removed (RFC 1939 §6)."""
        self.release()
        self.state = State.CLOSED
        return self.err("too many errors", code="SYS/TEMP")

    def surplus_argument(self, verb: Verb) -> bytes:
        """The answer to an argument where none belongs: the command is malformed (RFC 1939 §3)."""
        return self.err(f"{verb.value.decode('ascii')} takes no argument")

    def drop_user_name(self) -> None:
        """PASS comes immediately after USER, or not at all (RFC 1939 §7)."""
        self.user_name = None
        if self.state is State.USER_GIVEN:
            self.state = State.AUTHORIZATION

    def out_of_place(self) -> bytes:
        """The answer to a command that does not belong to the state (RFC 1939 §3)."""
        return self.err("not in this state")

    # Commands that belong to both states.

    def on_capa(self) -> bytes:
        """CAPA: one line for each capability (RFC 2449 §5)."""
        listing = "".join(f"{capability}\r\n" for capability in self.capabilities())
        return self.multi_line(self.ok("capability list follows"), listing.encode("ascii"))

    def capabilities(self) -> list[str]:
        """The capabilities that hold right now, each with its parameters."""
        offered = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG"]
        offered.append(f"LOGIN-DELAY {self.settings.pop3_login_delay_s}")
        if self.plaintext_allowed():
            offered.append("USER")
        if mechanisms := self.offered_mechanisms():
            offered.append(f"SASL {' '.join(mechanisms)}")
        if self.offers_stls():
            offered.append("STLS")
        return [*offered, "IMPLEMENTATION mailspec"]

    def on_quit(self) -> bytes:
        """QUIT: after the log-in this, and nothing else, removes what is marked (RFC 1939 §6)."""
        kept = self.state is State.TRANSACTION and not self.updated()
        self.advance(Verb.QUIT)
        return self.not_removed() if kept else self.ok("bye")

    def updated(self) -> bool:
        """Whether `update` went well. The lock is given back however it went (RFC 1939 §6)."""
        try:
            self.update()
        except MailboxError:
            self.release()
            return False
        return True

    def not_removed(self) -> bytes:
        """The answer to QUIT where the store could not remove what is marked (RFC 1939 §6, RFC 3206 §4)."""
        return self.err("some deleted messages were not removed", code="SYS/TEMP")

    def update(self) -> None:
        """The UPDATE state: remove the marked messages, release the lock."""
        self.maildrop.commit()
        self.release()
