"""Legal SMTP servers of another taste: no check may convict them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from types import MappingProxyType
from typing import ClassVar
from weakref import WeakKeyDictionary

from reference_server import sasl
from reference_server.registry import variant
from reference_server.sasl import Exchange
from reference_server.smtp import replies
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import Parameters, RefusedError
from reference_server.smtp.grammar import Address
from reference_server.smtp.notices import Outcome
from reference_server.smtp.session import ON_ACCEPT, Recipient, State, Transaction, Transitions, Verb
from reference_server.smtp.trace import header_of
from reference_server.stores import Account, Store


@variant("smtp-terse")
class TerseSmtp(SmtpCore):
    """Says no more than the code wherever the text is for people (RFC 5321 §4.2)."""

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Text stays only where a program reads it: names, extensions, challenges, mailboxes."""
        if more or code in {220, 221, 334, 421} or text.startswith("<") or enhanced is None:
            return super().reply(code, text, *more, enhanced=enhanced)
        return replies.build(code, ("",), enhanced=enhanced)


@variant("smtp-multiline-greeting")
class MultilineGreetingSmtp(SmtpCore):
    """Greets in several lines, as the grammar of RFC 5321 §4.2 allows."""

    def greeting(self) -> bytes:
        """A banner of the kind that forbids unsolicited mail."""
        return self.reply(220, f"{self.settings.hostname} ESMTP", "no unsolicited mail", "ready")


@variant("smtp-without-extensions")
class WithoutExtensionsSmtp(SmtpCore):
    """Knows EHLO and not a single extension, which RFC 5321 §2.2.1 allows; so it has no status codes either."""

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Plain replies."""
        return super().reply(code, text, *more)

    def extensions(self) -> list[str]:
        """None."""
        return []

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """No extension, no parameter (RFC 5321 §4.1.1.11)."""
        if parameters:
            raise RefusedError(self.unknown_parameter())

    def offers_chunking(self) -> bool:
        """No BDAT either."""
        return False

    def offers_dsn(self) -> bool:
        """Nor parameters of RCPT."""
        return False

    def on_expn(self, argument: bytes) -> bytes:
        """Were EXPN supported, it would have to be listed (RFC 5321 §3.5.2)."""
        return self.reply(502, "not implemented")

    def on_starttls(self) -> bytes:
        """Not offered."""
        return self.unknown_command()

    def on_auth(self, argument: bytes) -> bytes:
        """Not offered."""
        return self.unknown_command()


@variant("smtp-discreet")
class DiscreetSmtp(SmtpCore):
    """Tells nobody who has a mailbox here: VRFY and EXPN are switched off, which is 252 (RFC 5321 §7.3)."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.reply(252, "send some mail, I will do my best", enhanced="2.5.0")

    def on_expn(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.on_vrfy(argument)


@variant("smtp-greylisting")
class GreylistingSmtp(SmtpCore):
    """Puts off each recipient once for each sender with 450, and accepts it from then on (RFC 5321 §4.2.1)."""

    _seen: ClassVar[WeakKeyDictionary[Store, set[tuple[str, str]]]] = WeakKeyDictionary()

    def refusal_of(self, recipient: Address) -> bytes | None:
        """Not now, the first time."""
        refusal = super().refusal_of(recipient)
        seen = self._seen.setdefault(self.store, set())
        pair = (str(self.transaction.sender), str(recipient).lower())
        if refusal is not None or pair in seen:
            return refusal
        seen.add(pair)
        return self.reply(450, "come again later", enhanced="4.7.1")


@variant("smtp-demands-tls")
class DemandsTlsSmtp(SmtpCore):
    """Does nothing of use before STARTTLS, as a server that is not a public MX may (RFC 3207 §4)."""

    def needs_auth(self, verb: Verb) -> bool:
        """All but NOOP, EHLO, STARTTLS and QUIT wait."""
        early = not self.tls and verb not in {Verb.NOOP, Verb.EHLO, Verb.STARTTLS, Verb.QUIT}
        return early or super().needs_auth(verb)

    def mechanisms(self) -> list[str]:
        """None that could not be used now (RFC 4954 §6)."""
        return super().mechanisms() if self.tls else []

    def auth_required(self) -> bytes:
        """What is missing first."""
        return super().auth_required() if self.tls else self.tls_required()

    def unknown_command(self) -> bytes:
        """No exception for what is not known."""
        return super().unknown_command() if self.tls else self.tls_required()

    def tls_required(self) -> bytes:
        """The answer to everything that must wait."""
        return self.reply(530, "must issue a STARTTLS command first", enhanced="5.7.0")


@variant("smtp-loses-patience")
class LosesPatienceSmtp(SmtpCore):
    """Answers the sixth mistake of a session 421 and closes: a defence that RFC 5321 §7.8 leaves to servers."""

    _mistakes = 0

    def on_command(self, line: bytes) -> bytes:
        """Counts refusals."""
        reply = super().on_command(line)
        self._mistakes += reply[:1] == b"5"
        if self._mistakes < 6:
            return reply
        self.state = State.CLOSED
        return self.reply(421, f"{self.settings.hostname} too many errors", enhanced="4.7.0")


@variant("smtp-declines-source-routes")
class DeclinesSourceRoutesSmtp(SmtpCore):
    """Understands source routes and declines to follow them, with 550 (RFC 5321 §3.3, §3.6.1)."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """A matter of policy."""
        reply = super().on_rcpt(argument) if b"<@" not in argument or self.state is State.IDLE else None
        return reply or self.reply(550, "source routes are not followed here", enhanced="5.7.1")


@variant("smtp-refuses-late")
class RefusesLateSmtp(SmtpCore):
    """Answers DATA 354 also when all recipients were refused, and refuses the message (RFC 5321 §3.3 leaves it free).

    It does not offer PIPELINING, whose RFC 2920 §3.2 advises against that.
    """

    transitions: ClassVar[Transitions] = {**ON_ACCEPT, (State.SENDER_GIVEN, Verb.DATA): State.RECEIVING}

    def extensions(self) -> list[str]:
        """All but one."""
        return [word for word in super().extensions() if word != "PIPELINING"]

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Nobody to deliver to is a failed transaction."""
        if not self.transaction.recipients:
            return self.reply(554, "no valid recipients", enhanced="5.5.1")
        return super().refusal_of_message(text)


@variant("smtp-catches-all")
class CatchesAllSmtp(SmtpCore):
    """Accepts every local-part of its domains and gives the mail of nobody to the postmaster."""

    def account_of(self, recipient: Address) -> Account | None:
        """Somebody is always there."""
        return super().account_of(recipient) or self.store.postmaster()


@variant("smtp-bounces-late")
class BouncesLateSmtp(SmtpCore):
    """Accepts every local-part of its domains, as qmail does, and notifies the sender of mail that nobody can get."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """Whether there is such a user shows later."""
        return None if self.is_local(recipient) else super().refusal_of(recipient)

    def deliver(self, text: bytes) -> None:
        """And then tell the sender what became of it (RFC 5321 §6.1)."""
        super().deliver(text)
        failed = [each for each in self.nobodies() if self.is_told_of(each)]
        if failed:
            self.send_bounce(failed, text)

    def nobodies(self) -> list[Recipient]:
        """The recipients behind whom there is nobody."""
        return [each for each in self.transaction.recipients if self.account_of(each) is None]

    def is_told_of(self, failed: Recipient) -> bool:
        """Whether the sender wishes to hear of this failure (RFC 3461 §5.2.6)."""
        return failed.notify is None or "FAILURE" in failed.notify

    def outcomes(self) -> list[Outcome]:
        """What became of the others; nothing is delivered to nobody."""
        missing = {each.written[1:-1].decode("utf-8") for each in self.nobodies()}
        return [each for each in super().outcomes() if each.address not in missing]

    def notifies(self) -> bool:
        """Whether there is a reverse-path to notify (RFC 5321 §6.1)."""
        return bool(self.transaction.sender.domain)

    def send_bounce(self, failed: Sequence[Recipient], text: bytes) -> None:
        """Put the notification where the sender reads it, if he has a mailbox here."""
        account = self.account_of(self.transaction.sender) if self.notifies() else None
        if account is not None:
            self.put(account, self.bounce(failed, text))

    def bounce(self, failed: Sequence[Recipient], text: bytes) -> bytes:
        """The notification, with the header of what could not be delivered, or all of it where that was asked for."""
        outcomes = [
            Outcome(address=each.written[1:-1].decode("utf-8"), orcpt=each.orcpt, action="failed", status="5.1.1")
            for each in failed
        ]
        account = self.account_of(self.transaction.sender) or self.store.postmaster()
        assert account is not None, "somebody is always the postmaster"
        return self.notice(outcomes, account, text)


@variant("smtp-expands-users")
class ExpandsUsersSmtp(SmtpCore):
    """Answers EXPN of a user with a list of one, as RFC 5321 §3.5.1 lets it."""

    def on_expn(self, argument: bytes) -> bytes:
        """The user's own mailbox, where ASCII can show it."""
        account = self.looked_up(argument)
        if account is None or not account.name.isascii():
            return super().on_expn(argument)
        return self.reply(250, f"Somebody <{account.name}>", enhanced="2.1.5")


@variant("smtp-starts-afresh-on-mail")
class StartsAfreshOnMailSmtp(SmtpCore):
    """Takes MAIL in an open transaction for the beginning of another: RFC 5321 §4.1.1.2 empties the buffers there."""

    transitions: ClassVar[Transitions] = {
        **ON_ACCEPT,
        (State.SENDER_GIVEN, Verb.MAIL): State.SENDER_GIVEN,
        (State.RECIPIENT_GIVEN, Verb.MAIL): State.SENDER_GIVEN,
    }


@variant("smtp-boundless")
class BoundlessSmtp(SmtpCore):
    """Takes command lines of any length, as RFC 5321 §4.5.3.1 advises, and refuses recipients by policy after 200."""

    def line_limit(self, line: bytes) -> int:
        """None that is ever reached."""
        return 1 << 24

    def max_recipients(self) -> int:
        """More than the 100 that every server takes."""
        return 200

    def too_many_recipients(self) -> bytes:
        """A limit of the site's policy may be answered 5yz (RFC 5321 §4.5.3.1.10)."""
        return self.reply(550, "no more than 200 recipients here", enhanced="5.5.3")


@variant("smtp-carries-stray-octets")
class CarriesStrayOctetsSmtp(SmtpCore):
    """Keeps bare CR and bare LF in the text as the characters that they are, and NUL too (RFC 5321 §4.5.2)."""

    def has_stray_octet(self, line: bytes) -> bool:
        """All of ASCII is text."""
        return False


@variant("smtp-carries-long-lines")
class CarriesLongLinesSmtp(SmtpCore):
    """Takes lines of text of a mebibyte and delivers them whole, as RFC 5321 §4.5.3.1 would have it."""

    def text_line_limit(self) -> int:
        """Far above what anybody must take."""
        return 1024 * 1024


@variant("smtp-seven-bit")
class SevenBitSmtp(SmtpCore):
    """Offers no 8BITMIME and clears the top bit of what comes all the same (RFC 5321 §2.4)."""

    def extensions(self) -> list[str]:
        """Without those that carry eight bits."""
        return [line for line in super().extensions() if line not in {"8BITMIME", "SMTPUTF8"}]

    def offers_binary(self) -> bool:
        """Least of all arbitrary octets."""
        return False

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """BODY and SMTPUTF8 are unknown here."""
        if parameters.keys() & {"BODY", "SMTPUTF8"}:
            raise RefusedError(self.unknown_parameter())
        super().take_mail_parameters(parameters, transaction)

    def unstuff(self, line: bytes) -> bytes:
        """Clears the bit; what becomes a stray control character by that is refused as such."""
        return bytes(octet & 0x7F for octet in super().unstuff(line))


@variant("smtp-adds-header-fields")
class AddsHeaderFieldsSmtp(SmtpCore):
    """Puts fields of its own into the header: one among the trace, one below all others."""

    def with_trace(self, text: bytes) -> bytes:
        """No RFC says where such fields go."""
        header, between, body = text.partition(b"\r\n\r\n")
        mark = b"\r\nX-Spam-Status: No, score=-0.1\r\n\ttests=none" if between else b""
        delivered = b"Delivered-To: somebody\r\n"
        return self.return_path() + delivered + self.received() + header + mark + between + body


@variant("smtp-goes-away-on-strange-text")
class GoesAwayOnStrangeTextSmtp(SmtpCore):
    """Answers a text with bare CR, bare LF or NUL in it 421 and closes, which is open to it at any time (§3.8)."""

    def refuse_text(self, reply: bytes) -> None:
        """421 in place of whatever it was."""
        super().refuse_text(self.reply(421, f"{self.settings.hostname} has had enough", enhanced="4.7.0"))

    def on_end_of_data(self) -> bytes:
        """Closes behind the refusal."""
        refused = self._refusal is not None
        reply = super().on_end_of_data()
        if refused:
            self.state = State.CLOSED
        return reply


@variant("smtp-plain-only")
class PlainOnlySmtp(SmtpCore):
    """Offers PLAIN as its only mechanism, and no STARTTLS in the middle of a transaction."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MappingProxyType({"PLAIN": sasl.MECHANISMS["PLAIN"]})

    def on_starttls(self) -> bytes:
        """First the transaction has to be over."""
        return super().on_starttls() if self.state is State.IDLE else self.bad_sequence()


@variant("smtp-normalises-line-ends")
class NormalisesLineEndsSmtp(SmtpCore):
    """Stores a bare CR or LF in the text as CRLF, once the exact end of data has come (RFC 5321 §2.3.8, §4.1.1.4).

    Nothing of it is read as a line on the way: a period behind such an octet is not taken off, and ends nothing.
    """

    def has_stray_octet(self, line: bytes) -> bool:
        """Only NUL is beyond help."""
        return b"\0" in line

    def with_trace(self, text: bytes) -> bytes:
        """In the message that is stored, unless it was sent as one of any octets (RFC 3030 §3)."""
        return super().with_trace(text if self.transaction.binary else re.sub(rb"\r\n|\r|\n", b"\r\n", text))


@variant("smtp-completes-submissions")
class CompletesSubmissionsSmtp(SmtpCore):
    """Adds Date and Sender to submitted messages that have none (RFC 6409 §8.1, §8.2), below all other fields."""

    def completed(self, text: bytes) -> bytes:
        """At the end of the header section; Sender where somebody else is in From."""
        text = super().completed(text)
        header = header_of(text)
        if self.account is None or not self.surroundings.submission:
            return text
        lacking = b""
        if not re.search(rb"(?im)^date:", header):
            lacking += b"Date: %s\r\n" % format_datetime(self.settings.wall_clock()).encode("ascii")
        wrote = re.search(rb"(?im)^from:.*", header)
        if wrote and self.account.name.encode() not in wrote[0] and not re.search(rb"(?im)^sender:", header):
            lacking += b"Sender: <%s>\r\n" % self.user_who_sends().encode()
        return header + lacking + text[len(header) :]

    def user_who_sends(self) -> str:
        """The address of the account."""
        assert self.account is not None
        return self.account.name


@variant("smtp-gives-no-service")
class GivesNoServiceSmtp(SmtpCore):
    """Greets with 554 and answers all but QUIT with 503 (RFC 5321 §3.1)."""

    refusal: ClassVar[int] = 503

    def greeting(self) -> bytes:
        """No service."""
        return self.reply(554, f"{self.settings.hostname} gives you no service: ask its postmaster for a reason")

    def refusal_of_command(self, line: bytes, verb: Verb | None, argument: bytes) -> bytes | None:
        """Whatever it is."""
        if verb is Verb.QUIT:
            return super().refusal_of_command(line, verb, argument)
        return self.reply(self.refusal, "no service was promised", enhanced="5.5.1")


@variant("smtp-accepts-no-mail")
class AcceptsNoMailSmtp(GivesNoServiceSmtp):
    """Is there to say that this host never takes mail, with 521 in the greeting and from then on (RFC 7504 §3)."""

    refusal = 521

    def greeting(self) -> bytes:
        """Nor will it tomorrow."""
        return self.reply(521, f"{self.settings.hostname} does not accept mail")


@variant("smtp-no-auth-before-tls")
class NoAuthBeforeTlsSmtp(SmtpCore):
    """Offers no mechanism at all before TLS, as Postfix does with smtpd_tls_auth_only (RFC 8314 §3.3)."""

    def is_on_offer(self, mechanism: type[Exchange]) -> bool:
        """Not even what shows no password."""
        return self.tls and super().is_on_offer(mechanism)

    def mechanism_unavailable(self, mechanism: type[Exchange]) -> bytes:
        """TLS first."""
        return self.reply(530, "must issue a STARTTLS command first", enhanced="5.7.0")
