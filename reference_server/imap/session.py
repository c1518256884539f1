"""What all command modules stand on: the session's state and its ways to answer (RFC 3501 §3, §7.1, §7.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from reference_server.core import MAX_OUTPUT_AT_ONCE_OCTETS, Action, Close, Send, Settings, StartTls, Surroundings
from reference_server.imap import responses
from reference_server.imap.grammar import MAX_NUMBER
from reference_server.imap.literals import CommandReader, Line
from reference_server.imap.view import View
from reference_server.stores import Account, Store


class State(Enum):
    """The states of RFC 3501 §3."""

    NOT_AUTHENTICATED = "nobody is logged in"
    AUTHENTICATED = "logged in, no mailbox selected"
    SELECTED = "a mailbox is selected"
    LOGOUT = "BYE sent"


class RefusedError(Exception):
    """A command cannot be carried out: a tagged NO. `code` is a response code without its brackets."""

    def __init__(self, text: str, *, code: bytes | None = None) -> None:
        super().__init__(text)
        self.text = (b"[%b] " % code if code else b"") + text.encode("ascii", "replace")


IMAP4REV2 = b"IMAP4REV2"
UTF8_ACCEPT = b"UTF8=ACCEPT"
"""Names that ENABLE knows, as they stand in `Session.enabled`."""


@dataclass(frozen=True, slots=True)
class Running:
    """The command in progress."""

    tag: bytes
    verb: bytes

    @property
    def uid(self) -> bool:
        """Whether it is a UID command."""
        return self.verb.startswith(b"UID ")


class Session:
    """State and output of one session; the mixins of `core.ImapCore` add the commands."""

    protocol: ClassVar[Literal["imap"]] = "imap"

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        self.store = store
        self.settings = settings
        self.surroundings = surroundings
        self.request_wake: Callable[[], None] = _nothing
        self.state = State.NOT_AUTHENTICATED
        self.tls = surroundings.tls
        self.handshaking = False
        self.account: Account | None = None
        self.view: View | None = None
        self.reader = self.new_reader()
        self.running = Running(b"*", b"")
        # Who takes the next line instead of the command parser: a SASL exchange or IDLE.
        self.on_next_line: Callable[[Line], None] | None = None
        self.idling = False
        # What the command in progress has yet to say, in steps, while the client reads what it has said.
        self.rest: Iterator[None] | None = None
        # What ENABLE, or a command that implies it, switched on: names in capitals (RFC 5161).
        self.enabled: set[bytes] = set()
        self.bad_commands = 0
        self._actions: list[Action] = []
        self._unsent: list[bytes] = []
        self._counted = self._counted_octets = 0

    # What the client is told.

    def send(self, *octets: bytes) -> None:
        """Queue octets."""
        self._unsent.extend(octets)

    def act(self, action: Action) -> None:
        """Queue an action, after all that was sent before."""
        self._flush()
        self._actions.append(action)

    def taken_actions(self) -> list[Action]:
        """What is to be done now; the queue is empty afterwards."""
        self._flush()
        actions, self._actions = self._actions, []
        self._counted_octets = 0
        return actions

    def unsent_octets(self) -> int:
        """Octets that wait to be sent. What was queued since it was last asked is counted now, and nothing twice."""
        self._counted_octets += sum(map(len, self._unsent[self._counted :]))
        self._counted = len(self._unsent)
        return self._counted_octets

    def say_in_steps(self, steps: Iterator[None]) -> None:
        """Say it, and where that is a lot leave the rest until the shell wakes us: no reply is held in memory whole."""
        self.rest = steps
        for _ in steps:
            if self.unsent_octets() > MAX_OUTPUT_AT_ONCE_OCTETS:
                return
        self.rest = None

    def _flush(self) -> None:
        if self._unsent:
            self._actions.append(Send(self.outgoing(b"".join(self._unsent))))
            self._unsent = []
        self._counted = 0

    def outgoing(self, octets: bytes) -> bytes:
        """As these octets go to the layer below; see `compress`."""
        return octets

    def untagged(self, data: bytes) -> None:
        """One untagged response (RFC 3501 §7)."""
        self.send(b"* ", data, b"\r\n")

    def tagged(self, tag: bytes, status: bytes, text: bytes) -> None:
        """The one reply that completes a command (RFC 3501 §2.2.2)."""
        self.send(tag, b" ", status, b" ", text, b"\r\n")

    def continuation(self, text: bytes) -> None:
        """A command continuation request; the space is there even when nothing follows (RFC 3501 §7.5)."""
        self.send(b"+ ", text, b"\r\n")

    def complete(self, status: bytes, text: bytes) -> None:
        """Complete the command in progress."""
        self.bad_commands = self.bad_commands + 1 if status == b"BAD" else 0
        self.tagged(self.running.tag, status, text)

    def bye(self, text: bytes) -> None:
        """Hang up on our own account: untagged BYE, then close (RFC 3501 §7.1.5)."""
        self.untagged(b"BYE " + text)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection once all is sent."""
        self.let_go()
        self.state = State.LOGOUT
        self.act(Close())

    def start_tls(self) -> None:
        """Ask for the handshake and forget what was read in the clear (RFC 3501 §6.2.1)."""
        self.handshaking = True
        self.act(StartTls())
        self.drop_clear_text()

    def drop_clear_text(self) -> None:
        """Nothing that came before the handshake may be taken for something that came after it (RFC 7817 §5)."""
        self.reader = self.new_reader()

    def new_reader(self) -> CommandReader:
        """A reader that has read nothing yet."""
        return CommandReader()

    # What the client asked for.

    def speaks_rev2(self) -> bool:
        """Whether the client wants IMAP4rev2 and not IMAP4rev1 (RFC 9051 Appendix A)."""
        return IMAP4REV2 in self.enabled

    def takes_utf8(self) -> bool:
        """Whether quoted strings may hold UTF-8, both ways, and names are in it (RFC 6855 §3, RFC 9051 Appendix A)."""
        return IMAP4REV2 in self.enabled or UTF8_ACCEPT in self.enabled

    # What the client may do.

    @property
    def user(self) -> Account:
        """The account that is logged in; only where the state says that there is one."""
        assert self.account is not None
        return self.account

    @property
    def selected(self) -> View:
        """The selected mailbox as the client knows it; only where the state says that there is one."""
        assert self.view is not None
        return self.view

    def append_limit(self) -> int:
        """Octets of the largest message that may be appended (RFC 7889 §2): the server's limit, or the user's own."""
        limit = None if self.account is None else self.account.limits.message_octets
        largest = self.settings.max_message_octets if limit is None else min(limit, self.settings.max_message_octets)
        return min(largest, MAX_NUMBER)

    def let_go(self) -> None:
        """Leave the selected mailbox, if there is one, without a word."""
        if self.view is not None:
            self.view.close()
            self.view = None
            self.rest = None
            self.state = State.AUTHENTICATED

    def listens(self) -> bool:
        """Whether the client is told of changes at once, and not when it next gives a command (RFC 2177 §3)."""
        return self.idling

    def about_to_run(self, name: bytes) -> None:
        """A command that was read whole is to run now; an extension does here what has to come before it."""

    def forget_user(self) -> None:
        """Nobody is logged in any more (RFC 8437 §3). An extension with a state of its own resets it here too."""
        self.account = None
        self.state = State.NOT_AUTHENTICATED
        self.enabled.clear()

    # How values are written.

    def render_literal(self, octets: bytes) -> bytes:
        """`{n}` CRLF and exactly n octets (RFC 3501 §4.3)."""
        return responses.literal(octets)

    def render_string(self, octets: bytes) -> bytes:
        """A quoted string where that can hold the octets, else a literal (RFC 3501 §4.3).

        NUL is left out: no string of the protocol can carry it (§9, note 3).
        """
        if responses.is_quotable(octets):
            return responses.quoted(octets)
        return self.render_literal(octets.replace(b"\0", b""))

    def render_nstring(self, octets: bytes | None) -> bytes:
        """NIL says that a value is absent, `""` that it is empty (RFC 3501 §4.5)."""
        return responses.nstring(octets, self.render_string)

    def render_mailbox(self, wire_name: bytes) -> bytes:
        """A mailbox name, encoded already, as an astring."""
        return responses.astring(wire_name, self.render_string)


def _nothing() -> None:
    """What a watched mailbox calls while no shell has asked to be called."""
