"""Planted faults in how commands are read (RFC 1939 §3, RFC 2449 §4, §6.6)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import ClassVar

from reference_server.core import Action, Send
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import ON_ACCEPT, VERBS, State, Transitions, Verb
from reference_server.registry import fault


@fault("pop3-keywords-in-capitals-only", breaks="rfc1939/3/4")
class KeywordsInCapitalsOnly(Pop3Core):
    """Knows its keywords in capitals only, but for AUTH."""

    def on_command(self, line: bytes) -> bytes:
        """Takes a keyword with a small letter for an unknown one."""
        word = line.partition(b" ")[0]
        if word != word.upper() and word.upper() != b"AUTH":
            return self.err("unknown command")
        return super().on_command(line)


@fault("pop3-ok-to-anything", breaks="rfc1939/3/28")
class OkToAnything(Pop3Core):
    """Answers +OK to commands that it does not know."""

    def on_command(self, line: bytes) -> bytes:
        """Does nothing, gladly."""
        word = line.partition(b" ")[0]
        if word.isalpha() and word.upper() not in VERBS and len(line) < 40:
            self.drop_user_name()
            return self.ok("done")
        return super().on_command(line)


@fault("pop3-reads-as-far-as-there-are-digits", breaks=("rfc1939/3/28", "rfc1939/5/24", "rfc1939/5/29"))
class ReadsAsFarAsThereAreDigits(Pop3Core):
    """Reads a message number as C's atoi does."""

    def message_number(self, argument: bytes) -> int | None:
        """Ignores what follows the digits."""
        digits = re.match(rb"[0-9]+(?=[\x20-\x7e]|$)", argument)
        return super().message_number(digits[0] if digits else argument)


@fault("pop3-ignores-surplus-arguments", breaks=("rfc1939/5/4", "rfc1939/5/35", "rfc1939/5/38"))
class IgnoresSurplusArguments(Pop3Core):
    """Ignores an argument where none belongs."""

    def surplus_argument(self, verb: Verb) -> bytes:
        """Runs the command nevertheless."""
        return self.err("no") if verb is Verb.STLS else self._without_argument[verb]()


@fault("pop3-skips-control-characters", breaks="rfc1939/3/6")
class SkipsControlCharacters(Pop3Core):
    """Leaves out of a command whatever is not printable ASCII, and runs the rest."""

    def on_command(self, line: bytes) -> bytes:
        """Takes the odd octets out."""
        return super().on_command(bytes(octet for octet in line if 0x20 <= octet <= 0x7E))


@fault("pop3-answers-once-for-each-odd-octet", breaks="rfc1939/3/6")
class AnswersOnceForEachOddOctet(Pop3Core):
    """Refuses a command with a NUL twice, once for what stands before it and once for what comes after."""

    def on_command(self, line: bytes) -> bytes:
        """Parts the line at NULs."""
        if b"\0" not in line or b"\0\n" in line:
            return super().on_command(line)
        return b"".join(self.err("invalid character") for _ in line.split(b"\0"))


@fault("pop3-bare-lf-ends-commands", breaks="rfc1939/3/5")
class BareLfEndsCommands(Pop3Core):
    """Takes a bare LF for the end of a command."""

    def command_line_end(self, pending: bytes, at: int) -> int:
        """Looks for LF alone."""
        return pending.find(b"\n", at) + 1


@fault("pop3-bare-cr-ends-commands", breaks="rfc1939/3/5")
class BareCrEndsCommands(Pop3Core):
    """Takes a bare CR for the end of a command."""

    def on_command(self, line: bytes) -> bytes:
        """Parts the line at CRs."""
        return b"".join(super(BareCrEndsCommands, self).on_command(part) for part in line.split(b"\r"))


@fault("pop3-commands-of-128-octets", breaks=("rfc2449/4/2", "rfc2449/4/1"))
class CommandsOf128Octets(Pop3Core):
    """Reads 128 octets of a command and takes the rest for the next one, up to 255 octets."""

    def on_command(self, line: bytes) -> bytes:
        """Cuts the line."""
        if len(line) <= 128:
            return super().on_command(line)
        return super().on_command(line[:128]) + super().on_command(line[128:])


@fault("pop3-runs-the-end-of-a-long-line", breaks=("rfc1939/3/3", "rfc1939/5/3"))
class RunsTheEndOfALongLine(Pop3Core):
    """Refuses a line that is too long and then takes the rest of it for a command."""

    def on_overlong_line(self) -> bytes:
        """One answer for the beginning, one for the end."""
        return super().on_overlong_line() + self.err("unknown command")


@fault("pop3-noop-before-the-log-in", breaks=("rfc1939/3/29", "rfc1939/5/36", "rfc1939/5/39"))
class ObeysNoopBeforeTheLogIn(Pop3Core):
    """Obeys NOOP before the log-in, where it does not belong."""

    transitions: ClassVar[Transitions] = MappingProxyType(
        {**ON_ACCEPT, (State.AUTHORIZATION, Verb.NOOP): State.AUTHORIZATION}
    )


@fault("pop3-user-is-enough", breaks=("rfc1939/3/29", "rfc1939/4/3"))
class UserIsEnough(Pop3Core):
    """Answers STAT after USER alone."""

    def on_command(self, line: bytes) -> bytes:
        """Tells the size of the maildrop to whoever knows the name."""
        if self.state is State.USER_GIVEN and line == b"STAT":
            self.drop_user_name()
            return self.ok("0 0")
        return super().on_command(line)


@fault("pop3-user-at-any-time", breaks=("rfc1939/7/25", "rfc1939/3/29"))
class UserAtAnyTime(Pop3Core):
    """Answers USER with +OK after the log-in too."""

    def on_command(self, line: bytes) -> bytes:
        """Takes no offence in the TRANSACTION state."""
        if self.state is State.TRANSACTION and line[:5].upper() == b"USER ":
            return self.ok("welcome")
        return super().on_command(line)


@fault("pop3-pass-needs-no-user-before-it", breaks="rfc1939/7/32")
class RemembersUser(Pop3Core):
    """Remembers the name given by USER whatever other command comes before PASS."""

    _name: str | None = None

    def on_user(self, argument: bytes) -> bytes:
        """Keeps the name aside."""
        answer = super().on_user(argument)
        self._name = self.user_name
        return answer

    def on_command(self, line: bytes) -> bytes:
        """Puts the name back before PASS."""
        if line[:5].upper() == b"PASS " and self._name is not None and self.state is State.AUTHORIZATION:
            self.user_name, self.state = self._name, State.USER_GIVEN
        return super().on_command(line)

    def forget_session(self) -> None:
        """Forgets the name with all the rest."""
        super().forget_session()
        self._name = None

    def wrong_credentials(self) -> bytes:
        """Forgets the name."""
        self._name = None
        return super().wrong_credentials()


@fault("pop3-forgets-pipelined-commands", breaks=("rfc2449/6.6/3",))
class ForgetsPipelinedCommands(Pop3Core):
    """Announces PIPELINING and answers the first command of a segment only."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Drops what follows the first line."""
        end = octets.find(b"\r\n") + 2
        return super().receive(octets[:end] if end > 1 else octets, now)


@fault("pop3-answers-pipelined-commands-backwards", breaks=("rfc2449/6.6/4",))
class AnswersPipelinedCommandsBackwards(Pop3Core):
    """Answers the last of several pipelined commands first."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Runs whole lines one by one and turns the answers round."""
        lines = octets.splitlines(keepends=True)
        if len(lines) < 3 or self.state is not State.TRANSACTION or not octets.endswith(b"\r\n"):
            return super().receive(octets, now)
        answers = [
            action for line in lines for action in super(AnswersPipelinedCommandsBackwards, self).receive(line, now)
        ]
        sent = [action for action in answers if isinstance(action, Send)]
        return [*reversed(sent), *(action for action in answers if not isinstance(action, Send))]


@fault("pop3-drops-what-follows-pass", breaks=("rfc2449/6.6/4", "rfc2449/6.6/3"))
class DropsWhatFollowsPass(Pop3Core):
    """Loses commands that were sent together with PASS, as where another process takes over after the log-in."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Cuts the segment after the line of PASS."""
        at = octets.upper().find(b"PASS ")
        if at >= 0:
            end = octets.find(b"\r\n", at)
            octets = octets[: end + 2] if end >= 0 else octets
        return super().receive(octets, now)
