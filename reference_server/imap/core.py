"""The IMAP session as a sans-IO core (RFC 3501, RFC 9051): octets and time in, actions out.

What a command does is in the mixin of its module; here is what holds for all of them: reading, state, completion.
"""

from __future__ import annotations

from collections.abc import Iterator

from reference_server.core import MAX_OUTPUT_AT_ONCE_OCTETS, Action
from reference_server.imap import literals
from reference_server.imap.append import AppendCommand
from reference_server.imap.auth import Authentication
from reference_server.imap.commands import COMMANDS, Command
from reference_server.imap.copying import CopyCommands
from reference_server.imap.enable import EnableCommand
from reference_server.imap.envelope import WRITE_ENVELOPES
from reference_server.imap.grammar import TAG, Cursor, GrammarError
from reference_server.imap.idle import IdleCommand
from reference_server.imap.literals import Announced, Flood, RawCommand
from reference_server.imap.namespace import Namespace
from reference_server.imap.notify import NotifyCommand
from reference_server.imap.quota import QuotaCommands
from reference_server.imap.replace import ReplaceCommand
from reference_server.imap.rev2 import Revision2
from reference_server.imap.session import RefusedError, Running, State
from reference_server.imap.storing import StoreCommand
from reference_server.imap.thread import ThreadCommand
from reference_server.imap.unauthenticate import UnauthenticateCommand
from reference_server.imap.urlauth import UrlAuth
from reference_server.imap.utf8 import Utf8

MAX_LITERALS_OCTETS = 1_048_576
"""Octets of all literals of one command together, once logged in; APPEND has its own limit."""

MAX_EARLY_LITERALS_OCTETS = 65_536
"""The same before log-in, when anybody can send them."""


MAX_MESSAGES_AT_ONCE = 4
"""Messages of the greatest size that one APPEND may bring; of smaller ones more."""


class ImapCore(
    Utf8,
    Revision2,
    NotifyCommand,
    IdleCommand,
    StoreCommand,
    CopyCommands,
    ThreadCommand,
    ReplaceCommand,
    UrlAuth,
    AppendCommand,
    QuotaCommands,
    Authentication,
    Namespace,
    EnableCommand,
    UnauthenticateCommand,
):
    """One IMAP session; implements `reference_server.core.Core`.

    A shell sets `request_wake` and answers its call, which may come from any thread, with `wake`.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.usual_envelopes = all(getattr(cls, name) is getattr(ImapCore, name) for name in WRITE_ENVELOPES)

    # How the shell drives it.

    def connected(self, now: float) -> list[Action]:
        """Greet."""
        self._heard_at = now
        self.greet()
        return self.taken_actions()

    def turned_away(self, now: float) -> list[Action]:
        """BYE in place of a greeting (RFC 3501 §7.1.5; UNAVAILABLE of RFC 5530 §3: it may work later)."""
        self.bye(b"[UNAVAILABLE] too many connections, try again later")
        return self.taken_actions()

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Take octets, cut anywhere, and do all that is complete."""
        self._heard_at = now
        # During the handshake nothing in the clear counts; after BYE nothing does.
        if not self.handshaking and self.state is not State.LOGOUT:
            self.take_in(octets)
        self.run_what_is_complete()
        return self.taken_actions()

    def run_what_is_complete(self) -> None:
        """Run every command that is there; when that is a lot, some, and the rest when the shell wakes us."""
        self.run_commands()
        if not self._put_off and self.state is not State.LOGOUT and self.inflate_some():
            self.run_commands()
        if not self._put_off:
            self.end_of_stream()
        if self.busy:
            self.request_wake()

    @property
    def busy(self) -> bool:
        """Whether commands, or compressed octets, were put off until the client has read the replies so far."""
        return self.state is not State.LOGOUT and (self._put_off or self.more_is_waiting())

    def run_commands(self) -> None:
        """Run the commands that the reader holds complete, until there is a lot to be sent."""
        self._put_off = self.rest is not None and not self.go_on(self.rest)
        while not (self._put_off or self.handshaking or self.state is State.LOGOUT) and self.take_one():
            if self.bad_commands > self.settings.max_bad_commands:
                self.bye(b"too many bad commands")
            elif self.has_guessed_enough():
                self.bye(b"too many failed log-ins")
            self._put_off = self.unsent_octets() > MAX_OUTPUT_AT_ONCE_OCTETS

    _put_off = False

    def tls_started(self, now: float) -> list[Action]:
        """The session is private now; the client asks for the capabilities anew (RFC 3501 §6.2.1)."""
        self._heard_at = now
        self.handshaking = False
        self.tls = True
        return self.taken_actions()

    def wake(self, now: float) -> list[Action]:
        """The selected mailbox changed."""
        self.on_wake()
        if self.busy:
            self.run_what_is_complete()
        return self.taken_actions()

    def timer(self, now: float) -> list[Action]:
        """Log out a client that said nothing for too long (RFC 3501 §5.4)."""
        if self.deadline is not None and now >= self.deadline:
            self.bye(b"idle for too long")
        return self.taken_actions()

    def going_down(self, now: float) -> list[Action]:
        """BYE without having been asked, if the client can read it (RFC 3501 §7.1.5)."""
        if not self.handshaking and self.state is not State.LOGOUT:
            self.bye(b"[UNAVAILABLE] the server is shutting down")
        return self.taken_actions()

    @property
    def deadline(self) -> float | None:
        """When the session ends if nothing is heard."""
        return None if self.state is State.LOGOUT else self._heard_at + self.settings.imap_timeout_s

    def disconnected(self) -> None:
        """The connection is gone: stop watching the mailbox."""
        self.let_go()
        self.stop_watching()
        self.state = State.LOGOUT
        self.forget_compression()

    _heard_at = 0.0

    # Reading.

    def take_one(self) -> bool:
        """Act on the next thing that is complete; False if nothing is."""
        if self.on_next_line is not None:
            line = self.reader.next_line()
            if isinstance(line, literals.Line):
                self.on_next_line(line)
            elif line is not None:
                self.on_flood(line)
            return line is not None
        event = self.reader.next_event()
        if isinstance(event, Announced):
            self.on_announced(event)
        elif isinstance(event, RawCommand):
            self.on_command(event)
        elif event is not None:
            self.on_flood(event)
        return event is not None

    def on_flood(self, flood: Flood) -> None:
        """Nobody sends that in good faith."""
        self.bye(flood.reason)

    def on_announced(self, literal: Announced) -> None:
        """Ask for a literal, or not: one that gets no `+` is not waited for (RFC 3501 §7.5, RFC 7888 §4)."""
        refusal = self.refusal_of(literal)
        if refusal is None:
            if literal.synchronizing:
                self.continuation(b"go on")
            self.reader.accept(literal.octets)
        elif literal.synchronizing:
            self.on_command(self.reader.abandon(refusal))
        elif flood := self.reader.discard(literal.octets, refusal):
            self.on_flood(flood)

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Why a literal is not taken, as status and text of the command's reply; None if it is."""
        try:
            _, name, command = self.read_head(self.cursor_over(RawCommand(literal.lines, literal.literals)))
        except GrammarError as error:
            return b"BAD " + error.reason
        if not self.is_valid_now(name, command):
            return b"BAD not now"
        if not literal.synchronizing and self.must_synchronize(literal.octets):
            return b"BAD [TOOBIG] a literal of that size has to be synchronizing"
        if len(literal.literals) >= literals.MAX_LITERALS:
            return b"BAD too many literals"
        so_far = sum(map(len, literal.literals))
        if literal.octets > self.literal_limit(name) or so_far + literal.octets > self.literals_limit(name):
            return b"NO [TOOBIG] literal too large" if name in WITH_MESSAGES else b"BAD literal too large"
        return None

    def must_synchronize(self, octets: int) -> bool:
        """Whether a literal of that size needs leave: with LITERAL- beyond 4096 octets (RFC 7888 §5)."""
        return self.literal_extension == b"LITERAL-" and octets > literals.MAX_SMALL_OCTETS

    def literal_limit(self, name: bytes) -> int:
        """Octets that one literal of this command may have."""
        if self.state is State.NOT_AUTHENTICATED:
            return MAX_EARLY_LITERALS_OCTETS
        return self.append_limit() if name in WITH_MESSAGES else MAX_LITERALS_OCTETS

    def literals_limit(self, name: bytes) -> int:
        """Octets that all its literals may have together: there may be several messages (RFC 3502)."""
        one = self.literal_limit(name)
        return MAX_MESSAGES_AT_ONCE * one if name in WITH_MESSAGES else one

    # Running.

    def on_command(self, raw: RawCommand) -> None:
        """Run one command and complete it, exactly once (RFC 3501 §2.2.2)."""
        cursor = self.cursor_over(raw)
        tag = self.tag_of(raw)
        self.running = Running(tag, b"")
        if raw.refused is not None:
            self.on_refused_literal(raw.refused)
            return
        try:
            _, name, command = self.read_head(cursor)
            self.running = Running(tag, name)
            if not self.is_valid_now(name, command):
                raise GrammarError(f"not while {self.state.value}")
            arguments = command.parse(cursor)
            if name not in SELF_ENDING:
                cursor.end()
            self.about_to_run(name)
            text: bytes | None = getattr(self, command.method)(arguments)
        except GrammarError as error:
            self.complete(b"BAD", error.reason)
        except RefusedError as refused:
            self.tell_changes()
            self.complete(b"NO", refused.text)
        else:
            # Some commands complete themselves, at once or when the client has said more.
            if text is not None:
                self._text = text
                self.finish()

    def go_on(self, rest: Iterator[None]) -> bool:
        """Say more of the answer to the command in progress; whether that was all, and not a lot."""
        self.say_in_steps(rest)
        self.finish()
        return self.unsent_octets() <= MAX_OUTPUT_AT_ONCE_OCTETS

    def finish(self) -> None:
        """Complete the command that went well, once its answer is whole."""
        if self.rest is None:
            self.tell_changes()
            self.complete(b"OK", self._text)

    _text = b""

    def cursor_over(self, raw: RawCommand) -> Cursor:
        """What reads the command's syntax."""
        return Cursor(raw, utf8=self.takes_utf8())

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Whether the session's state lets this command be given (RFC 3501 §3)."""
        return self.state in command.valid_in

    def on_refused_literal(self, refusal: bytes) -> None:
        """The reply to a command of which a literal or a line was not taken."""
        status, _, text = refusal.partition(b" ")
        self.complete(status, text)

    def tag_of(self, raw: RawCommand) -> bytes:
        """The command's tag, or `*` where there is none: such a BAD is untagged (RFC 3501 §7.1.3)."""
        found = TAG.match(raw.lines[0])
        return found[0] if found and raw.lines[0][found.end() : found.end() + 1] in (b" ", b"") else b"*"

    def read_head(self, cursor: Cursor) -> tuple[bytes, bytes, Command]:
        """Tag, name and row of a command, as far as its arguments.

        Raises:
            GrammarError: there is no such command.
        """
        tag = cursor.tag()
        cursor.space()
        name = cursor.atom()
        if name == b"UID":
            cursor.space()
            name += b" " + cursor.atom()
        command = self.command_named(name)
        if command is None:
            raise GrammarError("no such command")
        return tag, name, command

    def command_named(self, name: bytes) -> Command | None:
        """The row of a command by its name in capitals."""
        return COMMANDS.get(name)


WITH_MESSAGES = frozenset({b"APPEND", b"REPLACE", b"UID REPLACE"})
"""Commands whose literals are messages."""

SELF_ENDING = frozenset({b"SEARCH", b"SORT", b"THREAD", b"UID SEARCH", b"UID SORT", b"UID THREAD"})
"""Commands whose method reads to the end itself, since it has to know the charset and the mailbox first."""
