"""The SMTP server core: octets in, replies and actions out (RFC 5321; what is offered on top is in `greeting`).

The parts stand in modules named after the commands; here is what drives them. Each behaviour that a requirement names
is one small method, so that a fault or a variant is a subclass that overrides one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from reference_server.core import (
    MAX_OUTPUT_AT_ONCE_OCTETS,
    Action,
    Close,
    Send,
    Settings,
    StartTls,
    Surroundings,
    sending,
)
from reference_server.smtp.auth import Auth
from reference_server.smtp.chunking import Chunking
from reference_server.smtp.commands import plain_command
from reference_server.smtp.delivery import Delivery
from reference_server.smtp.directory import Directory
from reference_server.smtp.envelope import Envelope
from reference_server.smtp.greeting import Greeting
from reference_server.smtp.session import ANY_OPEN, VERBS, Event, State, Verb
from reference_server.smtp.submission import Submission
from reference_server.stores import Store

# Control characters have no place in any command (RFC 5321 §4.1.2). The tab alone is left to the grammar, since it may
# stand at the end of the line (§4.1.1).
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_DEAF = frozenset({State.SECURING, State.CLOSED})

_BETWEEN_COMMANDS = frozenset(ANY_OPEN)

_READ_LINES = (
    *("read_line", "command_line_end", "line_limit", "on_command", "refusal_of_command"),
    *("without_trailing_space", "verb", "octets_allowed"),
)

# By name and not by bound method: a table of those for each session would cost more than the rest of it.
_WITH_ARGUMENT: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.HELO: "on_helo",
        Verb.EHLO: "on_ehlo",
        Verb.LHLO: "on_ehlo",
        Verb.MAIL: "on_mail",
        Verb.RCPT: "on_rcpt",
        Verb.VRFY: "on_vrfy",
        Verb.EXPN: "on_expn",
        Verb.HELP: "on_help",
        Verb.NOOP: "on_noop",
        Verb.AUTH: "on_auth",
    }
)
_WITHOUT_ARGUMENT: Mapping[Verb, str] = MappingProxyType(
    {Verb.DATA: "on_data", Verb.RSET: "on_rset", Verb.QUIT: "on_quit", Verb.STARTTLS: "on_starttls"}
)


class SmtpCore(Greeting, Envelope, Submission, Chunking, Delivery, Auth, Directory):
    """One SMTP session; implements `core.Core`.

    A segment that is one command in good form is looked up as a whole. A class that overrides one of the methods by
    which lines are read has them called: that is settled when the class is made, and `by_line` says how.
    """

    by_line: ClassVar[bool] = True
    busy: bool = False

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        super().__init__(store, settings, surroundings)
        self._pending = b""
        self._heard_at = 0.0
        self.begin_text()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.by_line = all(getattr(cls, name) is getattr(SmtpCore, name) for name in _READ_LINES)

    # What the shell calls.

    def connected(self, now: float) -> list[Action]:
        """Greet."""
        self._heard_at = now
        return [Send(self.greeting())]

    def turned_away(self, now: float) -> list[Action]:
        """Refuse service for now, before any greeting (RFC 5321 §3.8)."""
        self.state = State.CLOSED
        return [Send(self.reply(421, f"{self.settings.hostname} too many connections, try again later")), Close()]

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Answer every command that is complete, in order (RFC 2920 §3.2)."""
        self._heard_at = now
        if self.by_line and not self._pending and self.state in _BETWEEN_COMMANDS and self.chunk is None:
            # Nearly always a segment is one command.
            command = plain_command(octets, self.settings.smtp_limits.command_line_octets)
            if command is not None and self.is_offered(command[0]) and not self.has_had_enough():
                answer = self.run(*command)
                self.note_reply(answer)
                return self._acted([answer])
        if self.state in _DEAF:
            return []
        self._pending += octets
        return self.run_what_is_complete()

    def run_what_is_complete(self) -> list[Action]:
        """Answer the commands that are there; when that is a lot of octets, some, and the others when woken."""
        pending = self._pending
        at = said = 0
        replies: list[bytes] = []
        while at < len(pending) and self.state not in _DEAF and said < MAX_OUTPUT_AT_ONCE_OCTETS:
            if self.state is State.RECEIVING:
                at, reply = self.read_text(pending, at)
            elif self.chunk is not None:
                at, reply = self.read_chunk(pending, at)
            else:
                at, reply = self.read_line(pending, at)
            if reply is None:
                break
            # Nothing to say yet: the octets that a BDAT announced are still to be read.
            if reply:
                replies.append(reply)
                said += len(reply)
                self.note_reply(reply)
        self._pending = self.left_over(pending[at:]) if at < len(pending) else b""
        self.busy = said >= MAX_OUTPUT_AT_ONCE_OCTETS and self._pending != b""
        if self.busy:
            self.request_wake()
        return self._acted(replies)

    def _acted(self, replies: list[bytes]) -> list[Action]:
        actions: list[Action] = [sending(self.collected(replies))] if replies else []
        state = self.state
        if state in _DEAF:
            actions.append(StartTls() if state is State.SECURING else Close())
        return actions

    def note_reply(self, reply: bytes) -> None:
        """Count the refusals in a row. 4yz is the server's trouble rather than the client's (RFC 5321 §4.2.1)."""
        if reply.startswith(b"5"):
            self.bad_commands += 1
        elif not reply.startswith(b"4"):
            self.bad_commands = 0

    def has_had_enough(self) -> bool:
        """Whether the session is to be ended: in defence, so that many mistakes are needed (RFC 5321 §7.8, §3.8)."""
        return self.bad_commands > self.settings.max_bad_commands

    def too_many_errors(self) -> bytes:
        """The answer to the next command after that, unless it is QUIT; the connection is closed then."""
        self.state = State.CLOSED
        return self.reply(421, f"{self.settings.hostname} too many errors", enhanced="4.7.0")

    def collected(self, replies: list[bytes]) -> bytes:
        """What is sent for the commands of one group: their replies in order (RFC 2920 §3.2)."""
        return replies[0] if len(replies) == 1 else b"".join(replies)

    def left_over(self, octets: bytes) -> bytes:
        """What is kept for later: nothing once STARTTLS or QUIT was accepted (RFC 3207 §4.2)."""
        return b"" if self.state in _DEAF else octets

    def tls_started(self, now: float) -> list[Action]:
        """Begin anew, as if the client had just connected, but without a greeting (RFC 3207 §4.2)."""
        if self.state is not State.SECURING:
            return []
        self._heard_at = now
        self.tls = True
        self.forget_session()
        self.advance(Event.TLS_STARTED)
        return self.receive(b"", now)

    def wake(self, now: float) -> list[Action]:
        """Go on with what was put off; nothing outside concerns an SMTP session."""
        return self.run_what_is_complete() if self.busy else []

    def timer(self, now: float) -> list[Action]:
        """Close a session that was silent for too long (RFC 5321 §4.5.3.2, §3.8)."""
        if self.deadline is None or now < self.deadline:
            return []
        self.state = State.CLOSED
        return [Send(self.reply(421, f"{self.settings.hostname} closing: timeout", enhanced="4.4.2")), Close()]

    def going_down(self, now: float) -> list[Action]:
        """421 without having been asked, if the client can read it (RFC 5321 §3.8)."""
        if self.state in _DEAF:
            return [Close()]
        self.state = State.CLOSED
        return [Send(self.reply(421, f"{self.settings.hostname} shutting down", enhanced="4.3.2")), Close()]

    @property
    def deadline(self) -> float | None:
        """When the client will have been silent for too long, on the clock of `now`."""
        if self.state is State.CLOSED:
            return None
        inside_message = self.state is State.RECEIVING or self.chunk is not None
        return self._heard_at + (self.settings.smtp_data_timeout_s if inside_message else self.settings.smtp_timeout_s)

    def disconnected(self) -> None:
        """The connection is gone, and with it a message that was not complete."""
        self.forget_session()
        self._pending = b""
        self.busy = False
        self.chunk = None
        self.state = State.CLOSED

    # How a command line is read.

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Take one line from `pending`, from `at` on; returns where it ended and the reply, None if it is not whole."""
        end = self.command_line_end(pending, at)
        if not end:
            if len(pending) - at > self.longest_line():
                self._inside_overlong_line = True
                at = len(pending) - 1
            return at, None
        line = pending[at:end]
        if self._inside_overlong_line or len(line) > self.line_limit(line):
            self._inside_overlong_line = False
            return end, self.on_overlong_line()
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        return end, self.on_auth_line(line) if self.state is State.AUTHENTICATING else self.on_command(line)

    def command_line_end(self, pending: bytes, at: int) -> int:
        """Index after the next line end at or after `at`, 0 if there is none yet (RFC 5321 §2.3.8: only CRLF)."""
        end = pending.find(b"\r\n", at)
        return end + 2 if end >= 0 else 0

    def line_limit(self, line: bytes) -> int:
        """Longest line in octets, CRLF included, that is taken for a command beginning like this one."""
        if self.state is State.AUTHENTICATING:
            return self.auth_line_limit()
        return self.settings.smtp_limits.command_line_octets + self.longer_lines.get(line[:4].upper(), 0)

    def longest_line(self) -> int:
        """The greatest value of `line_limit` as things are: what is longer need not be kept."""
        if self.state is State.AUTHENTICATING:
            return self.auth_line_limit()
        return max(self.line_limit(verb.value) for verb in Verb)

    def on_overlong_line(self) -> bytes:
        """A line beyond its limit came to its end; none of it is obeyed (RFC 5321 §4.5.3.1.9)."""
        if self.state is State.AUTHENTICATING:
            return self.auth_line_too_long()
        return self.reply(500, "line too long", enhanced="5.5.2")

    def on_command(self, line: bytes) -> bytes:
        """Run one command line, CRLF removed."""
        word, _, argument = self.without_trailing_space(line).partition(b" ")
        verb = self.verb(word)
        if verb is not Verb.QUIT and self.has_had_enough():
            return self.too_many_errors()
        refusal = self.refusal_of_command(line, verb, argument)
        if verb is Verb.BDAT:
            return self.on_bdat(argument, refusal)
        if refusal is not None or verb is None:
            return refusal or self.unknown_command()
        return self._obey(verb, argument)

    def run(self, verb: Verb, argument: bytes) -> bytes:
        """Run one command in which there is nothing amiss so far."""
        return self.refusal_of_verb(verb) or self._obey(verb, argument)

    def _obey(self, verb: Verb, argument: bytes) -> bytes:
        method = _WITH_ARGUMENT.get(verb)
        if method is not None:
            reply: bytes = getattr(self, method)(argument)
        elif argument:
            reply = self.on_surplus_argument(verb)
        else:
            reply = getattr(self, _WITHOUT_ARGUMENT[verb])()
        return reply

    def refusal_of_command(self, line: bytes, verb: Verb | None, argument: bytes) -> bytes | None:
        """Why a command is refused whatever it means; None if it is not."""
        if not self.octets_allowed(line, verb, argument):
            return self.invalid_octet(verb)
        return self.unknown_command() if verb is None else self.refusal_of_verb(verb)

    def refusal_of_verb(self, verb: Verb) -> bytes | None:
        """Why a command is refused as things are; None if it is not."""
        if self.needs_auth(verb):
            return self.auth_required()
        if (self.state, verb) not in self.transitions:
            return self.bad_sequence()
        return None

    def without_trailing_space(self, line: bytes) -> bytes:
        """White space at the end is tolerated (RFC 5321 §4.1.1)."""
        return line.rstrip(b" \t")

    def verb(self, word: bytes) -> Verb | None:
        """The command of that name in any case, if it is offered here."""
        verb = VERBS.get(word.upper())
        return verb if verb and self.is_offered(verb) else None

    def octets_allowed(self, line: bytes, verb: Verb | None, argument: bytes) -> bool:
        """Whether the line is of printable ASCII, or of UTF-8 where SMTPUTF8 allows it (RFC 6531 §3.3)."""
        if _CONTROL.search(line):
            return False
        if line.isascii():
            return True
        if verb is Verb.MAIL:
            return self.extended and b"SMTPUTF8" in argument.upper().split(b" ")
        if verb is Verb.RCPT:
            return self.extended and self.transaction.utf8
        # RFC 6531 §3.7.4.2: the name asked for may be of UTF-8 whether or not the answer may be.
        return self.extended and verb in {Verb.VRFY, Verb.EXPN}

    def unknown_command(self) -> bytes:
        """The answer to a verb that means nothing here (RFC 5321 §4.2.4); the session goes on (§3.8)."""
        return self.reply(500, "command not recognised", enhanced="5.5.1")

    def invalid_octet(self, verb: Verb | None) -> bytes:
        """501 for a command that is known (RFC 5321 §4.1.2), 500 for a line that is none (§2.4)."""
        return self.reply(501 if verb else 500, "invalid character", enhanced="5.5.2")

    def on_surplus_argument(self, verb: Verb) -> bytes:
        """The answer to an argument where none is allowed (RFC 5321 §4.1.1)."""
        return self.bad_argument(f"{verb.value.decode('ascii')} takes no argument")

    # Commands that belong to no other module.

    def on_rset(self) -> bytes:
        """RSET: the transaction is dropped, the greeting stays (RFC 5321 §4.1.1.5)."""
        self.forget_transaction()
        self.advance(Verb.RSET)
        return self.reply(250, "reset", enhanced="2.0.0")

    def on_quit(self) -> bytes:
        """QUIT: answered before the connection closes (RFC 5321 §4.1.1.10)."""
        self.advance(Verb.QUIT)
        return self.reply(221, f"{self.settings.hostname} closing", enhanced="2.0.0")
