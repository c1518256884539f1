"""Servers that read command lines too strictly or too loosely (RFC 5321 §2.4, §3.8, §4.1.1, §4.2.4)."""

from __future__ import annotations

from typing import ClassVar

from reference_server.core import Action
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import ON_ACCEPT, State, Transitions, Verb


@fault(
    "reads-verbs-in-capitals-only",
    breaks="rfc5321/2.4/4",
    also={"smtp/auth/reads_mechanism_names_in_any_case": "AUTH itself stands in small letters there too"},
)
class ReadsVerbsInCapitalsOnly(SmtpCore):
    """Knows a verb only in upper case."""

    def verb(self, word: bytes) -> Verb | None:
        """Compared as it came."""
        return super().verb(word) if word.isupper() else None


@fault("reads-parameters-in-capitals-only", breaks="rfc5321/2.4/4")
class ReadsParametersInCapitalsOnly(SmtpCore):
    """Knows SIZE and BODY only in upper case."""

    def on_mail(self, argument: bytes) -> bytes:
        """Compared as they came."""
        words = [word.partition(b"=")[0] for word in argument.split(b"> ")[-1].split(b" ")]
        known = [word for word in words if word.upper() in (b"SIZE", b"BODY")]
        return self.unknown_parameter() if any(not word.isupper() for word in known) else super().on_mail(argument)


@fault("answers-unknown-commands-with-502", breaks="rfc5321/4.2.4/3")
class AnswersUnknownCommandsWith502(SmtpCore):
    """Says of words that it never heard that they are not implemented."""

    def unknown_command(self) -> bytes:
        """The code for what is known and missing."""
        return self.reply(502, "command not implemented", enhanced="5.5.1")


@fault("hangs-up-on-unknown-commands", breaks="rfc5321/3.8/5")
class HangsUpOnUnknownCommands(SmtpCore):
    """Closes the connection after the first command that it does not know."""

    def unknown_command(self) -> bytes:
        """Says so and goes."""
        self.state = State.CLOSED
        return super().unknown_command()


@fault("stumbles-over-trailing-space", breaks="rfc5321/4.1.1/3")
class StumblesOverTrailingSpace(SmtpCore):
    """Takes white space at the end of a command for part of its argument."""

    def without_trailing_space(self, line: bytes) -> bytes:
        """Leaves it there."""
        return line


@fault("ignores-surplus-arguments", breaks="rfc5321/4.1.1/6")
class IgnoresSurplusArguments(SmtpCore):
    """Does what RSET, DATA and QUIT say, whatever comes behind them."""

    def on_surplus_argument(self, verb: Verb) -> bytes:
        """As if there were none; STARTTLS alone is looked at closely."""
        return super().on_surplus_argument(verb) if verb is Verb.STARTTLS else self.on_command(verb.value)


@fault("refuses-a-string-after-noop", breaks="rfc5321/4.1.1.9/4")
class RefusesAStringAfterNoop(SmtpCore):
    """Takes NOOP alone only."""

    def on_noop(self, argument: bytes) -> bytes:
        """An argument is an error."""
        return self.bad_argument("NOOP takes no argument") if argument else super().on_noop(argument)


@fault("forgets-transaction-on-noop", breaks=("rfc5321/4.1.1.9/2", "rfc5321/4.1.1.9/3"))
class ForgetsTransactionOnNoop(SmtpCore):
    """Does with NOOP what RSET is for."""

    def on_noop(self, argument: bytes) -> bytes:
        """Drops everything."""
        self.on_rset()
        return super().on_noop(argument)


@fault("wants-ehlo-before-rset", breaks=("rfc5321/4.1.1.5/3", "rfc5321/4.1.1.5/4", "rfc5321/4.1.4/12"))
class WantsEhloBeforeRset(SmtpCore):
    """Answers RSET 503 until EHLO was given."""

    transitions: ClassVar[Transitions] = {
        pair: state for pair, state in ON_ACCEPT.items() if pair != (State.FRESH, Verb.RSET)
    }


@fault("wants-ehlo-before-vrfy", breaks="rfc5321/4.1.4/12")
class WantsEhloBeforeVrfy(SmtpCore):
    """Answers VRFY and EXPN 503 until EHLO was given."""

    transitions: ClassVar[Transitions] = {
        pair: state
        for pair, state in ON_ACCEPT.items()
        if pair not in {(State.FRESH, Verb.VRFY), (State.FRESH, Verb.EXPN)}
    }


@fault("refuses-commands-that-are-cut", breaks="rfc5321/2.4/12")
class RefusesCommandsThatAreCut(SmtpCore):
    """Takes a TCP segment for a message: a command that comes in two is not recognised."""

    _cut = False

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Notes whether the first command had begun before."""
        self._cut = self._pending != b""
        return super().receive(octets, now)

    def on_command(self, line: bytes) -> bytes:
        """Refuses the command of which only the end is new."""
        cut, self._cut = self._cut, False
        return self.unknown_command() if cut else super().on_command(line)
