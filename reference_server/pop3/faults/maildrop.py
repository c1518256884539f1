"""Planted faults in what a session does to the maildrop: contents, marks, removal, the lock (RFC 1939 §4 to §8)."""

from __future__ import annotations

from reference_server.core import Action, Close
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.maildrop import Maildrop
from reference_server.registry import fault
from reference_server.stores import Mailbox


class _Trimmed(Maildrop):
    def text(self, number: int) -> bytes:
        return b"".join(line.rstrip() + b"\r\n" for line in super().text(number).splitlines())


@fault("pop3-trims-lines", breaks="rfc1939/5/27")
class TrimsLines(Pop3Core):
    """Takes white space off the end of lines."""

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Trims every line."""
        return _Trimmed(inbox)


@fault("pop3-question-marks", breaks="rfc1939/5/27")
class QuestionMarks(Pop3Core):
    """Sends a question mark for every octet beyond ASCII."""

    def on_retr(self, argument: bytes) -> bytes:
        """As if it were text in ASCII."""
        return super().on_retr(argument).decode("latin-1").encode("ascii", "replace")


@fault("pop3-top-counts-the-header", breaks="rfc1939/7/6")
class TopCountsTheHeader(Pop3Core):
    """Counts header lines among the lines that TOP asks for, but shows the whole header."""

    def top(self, text: bytes, lines: int) -> bytes:
        """Fewer lines of the body than asked for."""
        header = text.partition(b"\r\n\r\n")[0].count(b"\r\n") + 1
        return super().top(text, max(0, lines - header))


@fault("pop3-top-leaves-the-empty-line-out", breaks="rfc1939/7/6")
class TopLeavesTheEmptyLineOut(Pop3Core):
    """Sends no empty line after the header where TOP asks for no line of the body."""

    def top(self, text: bytes, lines: int) -> bytes:
        """The header alone."""
        top = super().top(text, lines)
        return top.removesuffix(b"\r\n") if lines == 0 else top


@fault("pop3-commits-without-quit", breaks="rfc1939/6/3")
class CommitsWithoutQuit(Pop3Core):
    """Removes marked messages when the connection is lost."""

    def disconnected(self) -> None:
        """Treats a lost connection like QUIT."""
        if self._maildrop is not None:
            self._maildrop.commit()
        super().disconnected()


@fault("pop3-removes-what-was-fetched", breaks="rfc1939/8/3")
class RemovesWhatWasFetched(Pop3Core):
    """Removes what was fetched by RETR, however the session ends, as soon as anything is deleted."""

    def on_dele(self, argument: bytes) -> bytes:
        """Removes at once."""
        response = super().on_dele(argument)
        self._fetched = True
        return response

    _fetched = False

    def disconnected(self) -> None:
        """Removes the marked messages if the client has fetched anything."""
        if self._maildrop is not None and self._fetched:
            self._maildrop.commit()
        super().disconnected()


@fault("pop3-removes-one-too-many", breaks="rfc1939/6/8")
class RemovesOneTooMany(Pop3Core):
    """Removes the message after the last marked one too."""

    def update(self) -> None:
        """Marks one more."""
        marked = set(self.maildrop.all_numbers()) - set(self.maildrop.numbers())
        if marked and self.maildrop.has(max(marked) + 1):
            self.maildrop.delete(max(marked) + 1)
        super().update()


@fault("pop3-removes-nothing", breaks="rfc1939/6/6")
class RemovesNothing(Pop3Core):
    """Answers QUIT with +OK and leaves the marked messages where they are."""

    def update(self) -> None:
        """Only lets go of the lock."""
        self.release()


@fault("pop3-rset-leaves-marks", breaks="rfc1939/5/40")
class RsetLeavesMarks(Pop3Core):
    """Answers RSET and leaves the messages marked."""

    def on_rset(self) -> bytes:
        """Does nothing."""
        return self.ok("reset")


@fault("pop3-noop-takes-marks-off", breaks="rfc1939/5/37")
class NoopTakesMarksOff(Pop3Core):
    """Takes the marks off with NOOP."""

    def on_noop(self) -> bytes:
        """Does what RSET does."""
        self.maildrop.undelete_all()
        return super().on_noop()


@fault(
    "pop3-refuses-quit-before-the-log-in",
    breaks="rfc1939/4/18",
    also={"pop3/credentials/right_ones_open_the_maildrop": "QUIT after USER comes before the log-in too"},
)
class RefusesQuitBeforeTheLogIn(Pop3Core):
    """Answers QUIT with -ERR while nobody is logged in."""

    def on_quit(self) -> bytes:
        """Closes, but with a refusal."""
        logged_in = self._maildrop is not None
        answer = super().on_quit()
        return answer if logged_in else self.err("nobody is logged in")


@fault("pop3-stays-on-the-line", breaks="rfc1939/3/27")
class StaysOnTheLine(Pop3Core):
    """Keeps the connection open after QUIT where the client has said nothing else."""

    _commands = 0

    def on_command(self, line: bytes) -> bytes:
        """Counts."""
        self._commands += 1
        return super().on_command(line)

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Leaves the closing to the client."""
        actions = super().receive(octets, now)
        return [action for action in actions if self._commands > 1 or not isinstance(action, Close)]


class _Live(Maildrop):
    """Looks into the mailbox as it is now."""

    def has(self, number: int) -> bool:
        if not super().has(number):
            return False
        uid = self._messages[number - 1].uid
        return any(message.uid == uid for message in self._mailbox.messages)


@fault("pop3-no-lock", breaks="rfc1939/4/6")
class NoLock(Pop3Core):
    """Lets everybody in at once; what one session removes is gone for the others."""

    def acquire(self, inbox: Mailbox) -> bool:
        """Locks nothing."""
        return True

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Shows the mailbox as it is at every moment."""
        return _Live(inbox)


@fault("pop3-keeps-the-lock-after-quit", breaks="rfc1939/6/9")
class KeepsTheLockAfterQuit(Pop3Core):
    """Forgets to unlock the maildrop when QUIT has removed something."""

    def update(self) -> None:
        """Commits, and lets go of the maildrop without unlocking it."""
        if self.maildrop.numbers() != self.maildrop.all_numbers():
            self._locked = None
        super().update()


@fault("pop3-keeps-the-lock-of-lost-sessions", breaks="rfc1939/4/7")
class KeepsTheLockOfLostSessions(Pop3Core):
    """Keeps the lock of a session whose connection was lost."""

    def disconnected(self) -> None:
        """Forgets to unlock."""
        self._locked = None
        super().disconnected()


@fault(
    "pop3-locks-before-it-looks-at-the-password",
    breaks="rfc1939/4/10",
    also={"pop3/credentials/can_be_given_again": "the session has locked itself out by then"},
)
class LocksBeforeItLooksAtThePassword(Pop3Core):
    """Locks the maildrop on the word of USER and keeps it when the password is wrong."""

    def wrong_credentials(self) -> bytes:
        """Leaves the maildrop of the first account locked until the connection ends."""
        account = self.store.postmaster()
        inbox = account.mailbox("INBOX") if account else None
        if inbox is not None and self._locked is None and inbox.lock():
            self._locked = inbox
        return super().wrong_credentials()


@fault("pop3-tells-strangers-of-the-lock", breaks="rfc2449/8.1.2/2")
class TellsStrangersOfTheLock(Pop3Core):
    """Says IN-USE to a wrong password when the maildrop is locked."""

    def wrong_credentials(self) -> bytes:
        """Looks at the lock first."""
        account = self.store.postmaster()
        inbox = account.mailbox("INBOX") if account else None
        refusal = super().wrong_credentials()
        if inbox is None:
            return refusal
        if inbox.lock():
            inbox.unlock()
            return refusal
        return self.err("another session has the maildrop", code="IN-USE")
