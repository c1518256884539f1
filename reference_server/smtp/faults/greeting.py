"""Servers that greet wrongly, or answer EHLO and HELO wrongly (RFC 5321 §3.2, §4.1.1.1, §4.1.4, §4.2)."""

from __future__ import annotations

from typing import ClassVar

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State, Verb


@fault("masks-the-greeting", breaks="rfc5321/4.2/8")
class MasksTheGreeting(SmtpCore):
    """Greets with asterisks in place of its name, as a firewall that rewrites the line does."""

    def greeting(self) -> bytes:
        """No name in it."""
        return self.reply(220, "*" * 40)


@fault("greets-with-250", breaks="rfc5321/4.3.1/3")
class GreetsWith250(SmtpCore):
    """Greets with a code that belongs to other replies."""

    def greeting(self) -> bytes:
        """As if a command had been done."""
        return self.reply(250, f"{self.settings.hostname} ESMTP ready")


@fault(
    "knows-no-ehlo",
    breaks=("rfc5321/2.2.1/2", "rfc5321/4.5.1/2"),
    also={
        "smtp/commands/reads_verbs_in_any_case": "EHLO is not known in any case",
        "smtp/submission/offers_what_user_agents_count_on": "without EHLO nothing is offered",
    },
)
class KnowsNoEhlo(SmtpCore):
    """Is a server of before 1993: EHLO is not implemented."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """Refuses it."""
        return self.reply(502, "not implemented")


@fault("hides-its-name-in-ehlo", breaks="rfc5321/4.1.1.1/15")
class HidesItsNameInEhlo(SmtpCore):
    """Begins its reply to EHLO with a salutation in place of its name."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """The client's name is there, the server's is not."""
        return super().on_ehlo(argument).replace(f"250-{self.settings.hostname}".encode(), b"250-Hello,", 1)


@fault("lists-auth-with-an-equals-sign", breaks="rfc5321/4.1.1.1/20")
class ListsAuthWithAnEqualsSign(SmtpCore):
    """Adds the AUTH=LOGIN line that clients of the nineties looked for."""

    def extensions(self) -> list[str]:
        """One keyword that is none."""
        return [*super().extensions(), "AUTH=LOGIN"]


@fault("lists-pipelining-with-a-parameter", breaks="rfc2920/2/2")
class ListsPipeliningWithAParameter(SmtpCore):
    """Says more about PIPELINING than that it is there."""

    def extensions(self) -> list[str]:
        """With a number behind it."""
        return ["PIPELINING 50" if word == "PIPELINING" else word for word in super().extensions()]


@fault(
    "lists-help-without-having-it",
    breaks="rfc5321/4.2.4/4",
    also={
        "smtp/directory/helps_without_an_argument": "HELP is asked for without an argument there",
    },
)
class ListsHelpWithoutHavingIt(SmtpCore):
    """Lists HELP in the reply to EHLO and answers it 502."""

    def on_help(self, argument: bytes) -> bytes:
        """Not implemented."""
        return self.reply(502, "not implemented", enhanced="5.5.1")


@fault("keeps-transaction-after-ehlo", breaks=("rfc5321/4.1.4/4", "rfc5321/4.1.4/15"))
class KeepsTransactionAfterEhlo(SmtpCore):
    """Accepts EHLO in a mail transaction and goes on with it."""

    def on_greeted(self, name: str, verb: Verb) -> None:
        """Nothing is dropped."""
        self.greeting_name = name
        self.extended = verb is not Verb.HELO
        if self.state is State.FRESH:
            self.advance(verb)


@fault("forgets-transaction-after-refused-ehlo", breaks="rfc5321/4.1.4/6")
class ForgetsTransactionAfterRefusedEhlo(SmtpCore):
    """Drops the mail transaction also for an EHLO that it refuses."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """Cleared before the argument is looked at."""
        self.forget_transaction()
        if self.state is not State.FRESH:
            self.state = State.IDLE
        return super().on_ehlo(argument)


@fault("refuses-ehlo-with-553", breaks="rfc5321/4.1.4/5")
class RefusesEhloWith553(SmtpCore):
    """Refuses a bad name in EHLO with the code for mailbox names."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """The wrong code."""
        return super().on_ehlo(argument).replace(b"501", b"553", 1)


@fault("refuses-address-literals", breaks="rfc5321/4.1.1.1/10")
class RefusesAddressLiterals(SmtpCore):
    """Takes only domain names in EHLO."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """A bracket is bad syntax."""
        return self.reply(501, "a domain is needed") if argument[:1] == b"[" else super().on_ehlo(argument)


@fault("knows-no-helo", breaks=("rfc5321/4.1.1.1/7", "rfc5321/4.5.1/2"))
class KnowsNoHelo(SmtpCore):
    """Has only EHLO."""

    def verb(self, word: bytes) -> Verb | None:
        """HELO means nothing."""
        return None if word.upper() == b"HELO" else super().verb(word)


@fault("answers-helo-with-extensions", breaks="rfc5321/3.2/2")
class AnswersHeloWithExtensions(SmtpCore):
    """Lists its extensions in reply to HELO too."""

    def on_helo(self, argument: bytes) -> bytes:
        """HELO is EHLO."""
        return self.on_ehlo(argument)


@fault("takes-lhlo", breaks=("rfc2033/5/1", "rfc2033/1/1"))
class TakesLhlo(SmtpCore):
    """Speaks LMTP where SMTP is spoken."""

    greeting_verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.HELO, Verb.EHLO, Verb.LHLO})
