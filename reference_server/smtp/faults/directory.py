"""Servers that answer VRFY wrongly (RFC 5321 §3.5, §7.3)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import Verb


@fault("knows-no-vrfy", breaks="rfc5321/3.5.3/5")
class KnowsNoVrfy(SmtpCore):
    """Answers VRFY 500, as one that was told to be discreet and thought no further."""

    def verb(self, word: bytes) -> Verb | None:
        """VRFY means nothing."""
        return None if word.upper() == b"VRFY" else super().verb(word)

    def extensions(self) -> list[str]:
        """At least it does not claim to know it."""
        return [word for word in super().extensions() if word != "VRFY"]


@fault("verifies-whatever-has-an-at-sign", breaks=("rfc5321/3.5.3/1", "rfc5321/7.3/3"))
class VerifiesWhateverHasAnAtSign(SmtpCore):
    """Answers VRFY 250 for any address in good syntax."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Looks at the form only."""
        if b"@" not in argument:
            return super().on_vrfy(argument)
        return self.reply(250, f"<{argument.decode('ascii', 'replace')}>", enhanced="2.1.5")


@fault("verifies-nobody", breaks="rfc5321/7.3/4")
class VerifiesNobody(SmtpCore):
    """Answers VRFY 550 for everybody."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Denies."""
        return self.reply(550, "no such user here", enhanced="5.1.1")


@fault(
    "verifies-without-an-address",
    breaks=("rfc5321/3.5.1/2", "rfc5321/3.5.2/1"),
    also={
        "smtp/smtputf8/vrfy_with_the_parameter_names_the_mailbox": "the mailbox is what it asks for",
        "smtp/directory/puts_mailboxes_in_angle_brackets": "where no address is, none stands in brackets",
    },
)
class VerifiesWithoutAnAddress(SmtpCore):
    """Answers VRFY 250 and does not say whom it found."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Yes, and nothing more."""
        reply = super().on_vrfy(argument)
        return self.reply(250, "user exists", enhanced="2.1.5") if reply[:3] == b"250" else reply


@fault("verifies-without-brackets", breaks="rfc5321/3.5.2/3")
class VerifiesWithoutBrackets(SmtpCore):
    """Gives the mailbox that VRFY found without angle brackets."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """The address alone."""
        return super().on_vrfy(argument).replace(b"<", b"").replace(b">", b"")


@fault("verifies-with-a-source-route", breaks="rfc5321/3.5.2/6")
class VerifiesWithASourceRoute(SmtpCore):
    """Puts its own name as a route before the mailbox that VRFY found."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """As if mail had to come over it."""
        return super().on_vrfy(argument).replace(b"<", b"<@relay.example:", 1)


@fault(
    "expands-and-does-not-list-it",
    breaks="rfc5321/3.5.2/9",
)
class ExpandsAndDoesNotListIt(SmtpCore):
    """Expands a user to himself, and says nothing of EXPN in its reply to EHLO."""

    def on_expn(self, argument: bytes) -> bytes:
        """A list of one."""
        account = self.looked_up(argument)
        return self.reply(250, f"<{account.name}>", enhanced="2.1.5") if account else super().on_expn(argument)

    def extensions(self) -> list[str]:
        """All but one."""
        return [line for line in super().extensions() if line != "EXPN"]


@fault("expands-to-user-names", breaks=("rfc5321/3.5.1/9", "rfc5321/3.5.1/6", "rfc5321/4.1.1.7/2"))
class ExpandsToUserNames(SmtpCore):
    """Expands a user to his name, and not to his mailbox."""

    def on_expn(self, argument: bytes) -> bytes:
        """As the system knows him."""
        account = self.looked_up(argument)
        if account is None:
            return super().on_expn(argument)
        return self.reply(250, account.name.partition("@")[0], enhanced="2.1.5")


@fault("has-no-help", breaks="rfc5321/4.1.1.8/4")
class HasNoHelp(SmtpCore):
    """Answers HELP 502."""

    def on_help(self, argument: bytes) -> bytes:
        """Not implemented."""
        return self.reply(502, "HELP is not implemented", enhanced="5.5.1")

    def extensions(self) -> list[str]:
        """And not listed."""
        return [line for line in super().extensions() if line != "HELP"]


@fault("verifies-with-a-domain-only", breaks="rfc5321/3.5.1/10")
class VerifiesWithADomainOnly(SmtpCore):
    """Answers VRFY of a name without a domain as bad syntax."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """An address is what it wants."""
        return super().on_vrfy(argument) if b"@" in argument else self.bad_argument("the address needs a domain")
