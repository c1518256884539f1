"""Servers that have SMTPUTF8 on their list and not quite in their code (RFC 6531)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.session import Transaction, Verb
from reference_server.smtp.trace import header_of

_LONGER_FORM = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}")


@fault("smtputf8-has-a-parameter", breaks="rfc6531/3.1/2")
class Smtputf8HasAParameter(SmtpCore):
    """Tells of the version behind the keyword."""

    def extensions(self) -> list[str]:
        """With more than is allowed."""
        return ["SMTPUTF8 1.0" if word == "SMTPUTF8" else word for word in super().extensions()]


@fault(
    "smtputf8-without-8bitmime",
    breaks="rfc6531/3.1/10",
    also={"smtp/submission/offers_what_user_agents_count_on": "8BITMIME is one of those"},
)
class Smtputf8Without8bitmime(SmtpCore):
    """Does not list 8BITMIME."""

    def extensions(self) -> list[str]:
        """All but one."""
        return [word for word in super().extensions() if word != "8BITMIME"]


@fault(
    "smtputf8-is-not-meant",
    breaks=("rfc6531/3.2/1", "rfc6531/3.1/11"),
    also={"smtp/smtputf8/dsn_knows_internationalized_addresses": "an address in ORCPT is as good as a path"},
)
class Smtputf8IsNotMeant(SmtpCore):
    """Takes the parameter and still wants all paths in ASCII."""

    def octets_allowed(self, line: bytes, verb: Verb | None, argument: bytes) -> bool:
        """As it was before."""
        return super().octets_allowed(line, verb, argument) and (line.isascii() or verb not in {Verb.MAIL, Verb.RCPT})


@fault("smtputf8-takes-a-value", breaks=("rfc6531/3.4/2", "rfc6531/3.1/6"))
class Smtputf8TakesAValue(SmtpCore):
    """Takes SMTPUTF8=1."""

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """Whatever it may be."""
        super().take_mail_parameter(keyword, None if keyword == "SMTPUTF8" else value, transaction)


@fault("wants-ascii-with-554", breaks=("rfc6531/3.5/2", "rfc6531/3.5/3", "rfc6531/3.5/4"))
class WantsAsciiWith554(SmtpCore):
    """Says 5.6.7 behind a reply code that is not its own."""

    def on_mail(self, argument: bytes) -> bytes:
        """One code for all."""
        return super().on_mail(argument) if argument.isascii() else self.reply(554, "no", enhanced="5.6.7")


@fault("greets-in-utf8", breaks="rfc6531/3.7.1/2", also={"smtp/grammar/not_text": "a reply beyond ASCII"})
class GreetsInUtf8(SmtpCore):
    """Shows in the reply to EHLO how its name is really written."""

    def salutation(self, name: str) -> str:
        """Behind the name for machines."""
        return f"{super().salutation(name)} from bücher.example"


@fault("shows-utf8-to-all-who-ask", breaks="rfc6531/3.7.4.2/3", also={"smtp/grammar/not_text": "a reply beyond ASCII"})
class ShowsUtf8ToAllWhoAsk(SmtpCore):
    """Repeats the name that VRFY asks for, whoever asks."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """In UTF-8 where the question was."""
        reply = super().on_vrfy(argument)
        return reply if argument.isascii() else self.reply(550, f"no {argument.decode()} here", enhanced="5.1.1")


@fault("verifies-by-halves", breaks="rfc6531/3.7.4.2/5")
class VerifiesByHalves(SmtpCore):
    """Answers 250 about a mailbox that it may not show."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Without the name."""
        return super().on_vrfy(argument) if argument.isascii() else self.reply(250, "yes", enhanced="2.1.5")


@fault("vrfy-takes-a-value", breaks=("rfc6531/3.7.4.2/4", "rfc6531/3.1/9"))
class VrfyTakesAValue(SmtpCore):
    """Takes VRFY with SMTPUTF8=1."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """As if there was no value."""
        return super().on_vrfy(argument.replace(b"SMTPUTF8=1", b"SMTPUTF8"))


@fault("vrfy-names-no-mailbox-in-utf8", breaks=("rfc6531/3.7.4.2/6", "rfc6531/3.7.4.2/7"))
class VrfyNamesNoMailboxInUtf8(SmtpCore):
    """Says only that there is somebody, if it may use UTF-8."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Yes."""
        reply = super().on_vrfy(argument)
        return self.reply(250, "yes", enhanced="2.1.5") if b" SMTPUTF8" in argument and reply[:1] == b"2" else reply


@fault("repeats-addresses-in-utf8", breaks="rfc6531/3.7.4.2/8", also={"smtp/grammar/not_text": "a reply beyond ASCII"})
class RepeatsAddressesInUtf8(SmtpCore):
    """Repeats the recipient in its reply."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """As it came."""
        reply = super().on_rcpt(argument)
        return reply if argument.isascii() else reply.replace(b"\r\n", b": " + argument + b"\r\n")


@fault("dsn-in-ascii-alone", breaks="rfc6531/3.2/12")
class DsnInAsciiAlone(SmtpCore):
    """Has DSN and SMTPUTF8, but no addresses of the type utf-8."""

    def take_orcpt(self, value: bytes | None) -> bytes:
        """As RFC 3461 alone has it."""
        if value is not None and value.lower().startswith(b"utf-8;"):
            raise RefusedError(self.bad_argument("that type of address is not known"))
        return super().take_orcpt(value)


@fault("traces-in-utf8-always", breaks="rfc6531/3.7.3/1")
class TracesInUtf8Always(SmtpCore):
    """Writes the client's name in Unicode whether or not the next host can read that."""

    def received(self) -> bytes:
        """As people write it."""
        return super().received().replace(b"xn--bcher-kva", "bücher".encode())


@fault("traces-in-a-labels", breaks=("rfc6531/3.7.3/2", "rfc6531/3.7/1"))
class TracesInALabels(SmtpCore):
    """Writes the client's name as it came in EHLO."""

    def received(self) -> bytes:
        """In ASCII."""
        return super().received().replace("bücher".encode(), b"xn--bcher-kva")


@fault("traces-utf8-as-esmtp", breaks=("rfc6531/3.7.3/3", "rfc6531/3.1/13"))
class TracesUtf8AsEsmtp(SmtpCore):
    """Has one name for its protocol."""

    def received(self) -> bytes:
        """The old one."""
        return super().received().replace(b"with UTF8SMTP", b"with ESMTP")


class TakesOtherOctets(SmtpCore):
    """What the next faults stand on: paths are made UTF-8 before they are looked at."""

    def on_mail(self, argument: bytes) -> bytes:
        """The sender."""
        return super().on_mail(self.made_utf8(argument))

    def on_rcpt(self, argument: bytes) -> bytes:
        """The recipient, whom nobody looks up."""
        made = self.made_utf8(argument)
        return super().on_rcpt(argument) if made == argument else self.reply(250, "recipient ok", enhanced="2.1.5")

    def made_utf8(self, argument: bytes) -> bytes:
        """The argument in UTF-8; the same one where it is that already."""
        raise NotImplementedError


@fault("takes-latin-1-for-utf8", breaks="rfc6531/1.1/1")
class TakesLatin1ForUtf8(TakesOtherOctets):
    """Reads paths that are no UTF-8 as Latin-1."""

    def made_utf8(self, argument: bytes) -> bytes:
        """Characters in longer forms are refused as ever."""
        try:
            argument.decode()
        except UnicodeDecodeError:
            return argument if _LONGER_FORM.search(argument) else argument.decode("latin-1").encode()
        return argument


@fault("reads-longer-forms-of-ascii", breaks="rfc6531/3.3/1")
class ReadsLongerFormsOfAscii(TakesOtherOctets):
    """Adds up the bits of a character and does not ask whether it took too many octets (as once CVE-2000-0884)."""

    def made_utf8(self, argument: bytes) -> bytes:
        """Whatever it may be, it is an x here."""
        return _LONGER_FORM.sub(b"x", argument)


@fault("delivers-utf8-headers-in-latin-1", breaks="rfc6531/3.1/12")
class DeliversUtf8HeadersInLatin1(SmtpCore):
    """Writes the header as its own country reads it."""

    def deliver(self, text: bytes) -> None:
        """What has no place there becomes a question mark."""
        header = header_of(text)
        super().deliver(header.decode(errors="replace").encode("latin-1", "replace") + text[len(header) :])


@fault("refuses-utf8-headers-with-550", breaks="rfc6531/3.5/5")
class RefusesUtf8HeadersWith550(SmtpCore):
    """Says 5.6.9 behind a reply code that is about mailboxes."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """After the fact."""
        if header_of(text).isascii():
            return super().refusal_of_message(text)
        return self.reply(550, "the recipient cannot take this header", enhanced="5.6.9")


@fault("names-users-in-latin-1", breaks="rfc5321/4.2/12")
class NamesUsersInLatin1(SmtpCore):
    """Puts the user's name before the mailbox where VRFY has SMTPUTF8, and not in UTF-8."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """As its own country writes it."""
        reply = super().on_vrfy(argument)
        return reply.replace(b" <", " Zoë <".encode("latin-1"), 1) if self.takes_utf8(argument) else reply


@fault("remembers-smtputf8-of-vrfy", breaks="rfc6531/3.7.4.2/3", also={"smtp/grammar/not_text": "a reply beyond ASCII"})
class RemembersSmtputf8OfVrfy(SmtpCore):
    """Shows UTF-8 from the first VRFY with SMTPUTF8 on, whether or not the next ones have it."""

    _asked = False

    def on_vrfy(self, argument: bytes) -> bytes:
        """Repeats the name that was asked for."""
        self._asked = self._asked or self.takes_utf8(argument)
        reply = super().on_vrfy(argument)
        if not self._asked or argument.isascii():
            return reply
        return self.reply(550, f"no {argument.decode(errors='replace')} here", enhanced="5.1.1")
