"""Legal servers with the habits of real ones, as their authors document them: no check may convict them.

Each has what its model does otherwise than we do and an RFC lets it: codes, words, offers, the look of the trace. None
is a copy, and where a model breaks an RFC its namesake here does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from email.utils import format_datetime
from types import MappingProxyType
from typing import ClassVar

from reference_server.registry import variant
from reference_server.smtp import trace
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import Parameters, RefusedError
from reference_server.smtp.grammar import Address
from reference_server.smtp.lmtp import LmtpCore
from reference_server.smtp.session import State, Transaction, Verb
from reference_server.smtp.variants import WithoutExtensionsSmtp
from reference_server.stores import Account

_NO_WORDS: Mapping[str, str] = MappingProxyType({})


def _shown(address: Address) -> str:
    """An address in a reply, where UTF-8 must not be (RFC 6531 §3.7.4)."""
    return address.written.decode("utf-8").encode("ascii", "replace").decode("ascii")


class Worded(SmtpCore):
    """What the servers here stand on: texts of replies in place of ours."""

    words: ClassVar[Mapping[str, str]] = _NO_WORDS

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """The same codes, other words."""
        return super().reply(code, self.words.get(text, text), *more, enhanced=enhanced)


@variant("smtp-postfix")
class PostfixSmtp(Worded):
    """Like Postfix: puts relaying off, 554 to DATA without recipients, 252 to VRFY, gone after BDAT without a size."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ok": "Ok",
            "reset": "Ok",
            "sender ok": "Ok",
            "recipient ok": "Ok",
            "message accepted": "Ok: queued as 4Wq1Xn2Kz3Y",
            "end with a line of a single dot": "End data with <CR><LF>.<CR><LF>",
            "command not recognised": "Error: command not recognized",
            "no such user here": "Recipient address rejected: User unknown in local recipient table",
        }
    )

    def salutation(self, name: str) -> str:
        """The name alone."""
        return self.settings.hostname

    def extensions(self) -> list[str]:
        """EXPN and HELP are not spoken of."""
        return [word for word in super().extensions() if word not in {"EXPN", "HELP"}]

    def refusal_of(self, recipient: Address) -> bytes | None:
        """Relaying is put off rather than refused, in case that was a mistake of the operator's.

        With 451: 454, which its model says, is not for RCPT (RFC 5321 §4.3.2).
        """
        if not self.is_local(recipient):
            return self.reply(451, f"{_shown(recipient)}: Relay access denied", enhanced="4.7.1")
        return super().refusal_of(recipient)

    def refusal_of_command(self, line: bytes, verb: Verb | None, argument: bytes) -> bytes | None:
        """554 where DATA comes with no recipient accepted (RFC 5321 §3.3)."""
        refusal = super().refusal_of_command(line, verb, argument)
        if refusal is not None and verb is Verb.DATA and self.state is State.SENDER_GIVEN:
            return self.reply(554, "Error: no valid recipients", enhanced="5.5.1")
        return refusal

    def on_vrfy(self, argument: bytes) -> bytes:
        """What is no user is said, whether a user is there is not (RFC 5321 §3.5.3)."""
        reply = super().on_vrfy(argument)
        return self.reply(252, "Ok, by the look of it", enhanced="2.0.0") if reply[:3] == b"250" else reply

    def on_unknown_size(self, refusal: bytes) -> bytes:
        """What follows could be anything: better to go (RFC 5321 §3.8)."""
        self.state = State.CLOSED
        return self.reply(421, f"{self.settings.hostname} Error: malformed chunk size", enhanced="4.7.0")


@variant("smtp-exim")
class EximSmtp(Worded):
    """Like Exim: no status codes, neither SMTPUTF8 nor DSN nor BINARYMIME, the client's address in the salutation."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ok": "OK",
            "reset": "Reset OK",
            "sender ok": "OK",
            "recipient ok": "Accepted",
            "message accepted": "OK id=1tVw5x-000000004fR-2Bcd",
            "end with a line of a single dot": 'Enter message, ending with "." on a line by itself',
            "command not recognised": "unrecognized command",
            "no such user here": "Unrouteable address",
            "no relaying": "relay not permitted",
            "authentication failed": "Incorrect authentication data",
        }
    )

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Plain replies."""
        return super().reply(code, text, *more)

    def salutation(self, name: str) -> str:
        """With a greeting of sorts."""
        return f"{self.settings.hostname} Hello {name} {trace.address_literal(self.surroundings.peer)}"

    def extensions(self) -> list[str]:
        """Fewer."""
        gone = {"ENHANCEDSTATUSCODES", "SMTPUTF8", "VRFY", "EXPN"}
        return [word for word in super().extensions() if word not in gone]

    def received(self) -> bytes:
        """The address first and the EHLO in a comment, where that is a literal of another address."""
        name, peer = self.greeting_name.encode("ascii"), trace.address_literal(self.surroundings.peer).encode("ascii")
        if not name.startswith(b"[") or name == peer:
            return super().received()
        return super().received().replace(b"from %s (%s)" % (name, peer), b"from %s (helo=%s)" % (peer, name), 1)

    def offers_dsn(self) -> bool:
        """Not by default."""
        return False

    def offers_binary(self) -> bool:
        """Text only."""
        return False

    def offers_require_tls(self) -> bool:
        """Not at all."""
        return False

    def octets_allowed(self, line: bytes, verb: Verb | None, argument: bytes) -> bool:
        """Commands are of ASCII."""
        return line.isascii() and super().octets_allowed(line, verb, argument)

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """SMTPUTF8 is unknown."""
        if keyword == "SMTPUTF8":
            raise RefusedError(self.unknown_parameter())
        super().take_mail_parameter(keyword, value, transaction)

    def on_vrfy(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.reply(252, "Administrative prohibition")

    def on_expn(self, argument: bytes) -> bytes:
        """No."""
        return self.reply(550, "Administrative prohibition")


@variant("smtp-sendmail")
class SendmailSmtp(Worded):
    """Like Sendmail: repeats addresses, has comments in Received and dates it in local time."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ok": "OK",
            "reset": "Reset state",
            "message accepted": "5AHMc0a1002345 Message accepted for delivery",
            "end with a line of a single dot": 'Enter mail, end with "." on a line by itself',
            "bad sequence of commands": "Need the command before it first",
        }
    )

    def salutation(self, name: str) -> str:
        """Pleased to meet everybody."""
        peer = trace.address_literal(self.surroundings.peer)
        return f"{self.settings.hostname} Hello {name} {peer}, pleased to meet you"

    def on_mail(self, argument: bytes) -> bytes:
        """Says whose mail it takes."""
        reply = super().on_mail(argument)
        if reply[:3] != b"250":
            return reply
        return self.reply(250, f"{_shown(self.transaction.sender)}... Sender ok", enhanced="2.1.0")

    def on_rcpt(self, argument: bytes) -> bytes:
        """Says for whom."""
        reply = super().on_rcpt(argument)
        if reply[:3] != b"250":
            return reply
        return self.reply(250, f"{_shown(self.transaction.recipients[-1])}... Recipient ok", enhanced="2.1.5")

    def on_command(self, line: bytes) -> bytes:
        """Repeats a verb that it does not know."""
        reply = super().on_command(line)
        if reply[:4] != b"500 " or not line[:80].isascii() or not line[:80].decode("ascii").isprintable():
            return reply
        return self.reply(500, f'Command unrecognized: "{line[:80].decode("ascii")}"', enhanced="5.5.1")

    def received(self) -> bytes:
        """With a comment behind our name, and the hour that the clock on the wall shows."""
        there = timezone(timedelta(hours=1))
        now = self.settings.wall_clock()
        local = format_datetime(now.astimezone(there)).encode("ascii")
        field = super().received().replace(b" with ", b" (8.18.1/8.18.1) with ", 1)
        return re.sub(rb";\r\n\t[^\r]*\r\n\Z", b";\r\n\t%s (CET)\r\n" % local, field)


@variant("smtp-qmail")
class QmailSmtp(WithoutExtensionsSmtp, Worded):
    """Like qmail: PIPELINING and 8BITMIME, every local address, 451 and good-bye to a bare LF."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "reset": "flushed",
            "sender ok": "ok",
            "recipient ok": "ok",
            "message accepted": "ok 1770120000 qp 4711",
            "end with a line of a single dot": "go ahead",
            "command not recognised": "unimplemented (#5.5.1)",
            "no relaying": "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        }
    )
    _saw_bare_line_end = False

    def salutation(self, name: str) -> str:
        """The name alone."""
        return self.settings.hostname

    def extensions(self) -> list[str]:
        """Two."""
        return ["PIPELINING", "8BITMIME"]

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """BODY alone, which changes nothing: eight bits always pass."""
        for keyword, value in parameters.items():
            if keyword != "BODY" or not self.extended:
                raise RefusedError(self.unknown_parameter())
            self.take_body(value)

    def eight_bit_allowed(self) -> bool:
        """Always."""
        return True

    def account_of(self, recipient: Address) -> Account | None:
        """Whether a user is there shows later, and the postmaster then has the mail."""
        return super().account_of(recipient) or self.store.postmaster()

    def on_vrfy(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.reply(252, "send some mail, i'll try my best")

    def has_stray_octet(self, line: bytes) -> bool:
        """Notes a bare LF; CR and NUL are characters like others."""
        self._saw_bare_line_end = self._saw_bare_line_end or line.find(b"\n") != len(line) - 1
        return line.find(b"\n") != len(line) - 1

    def on_end_of_data(self) -> bytes:
        """After a bare LF there is nothing more to talk about (RFC 5321 §3.8 wants 421 for that)."""
        reply = super().on_end_of_data()
        if not self._saw_bare_line_end:
            return reply
        self.state = State.CLOSED
        return self.reply(421, f"{self.settings.hostname} see https://cr.yp.to/docs/smtplf.html")


@variant("smtp-courier")
class CourierSmtp(Worded):
    """Like Courier: refusals in several lines, SIZE without a number, and no word about who has a mailbox."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ok": "Ok.",
            "reset": "Ok.",
            "sender ok": "Ok.",
            "recipient ok": "Ok.",
            "message accepted": "Ok. 000000000000A1B2.0000000065BE2F40.00001A2B",
            "end with a line of a single dot": "Ok.",
            "no such user here": "User unknown.",
        }
    )

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """A refusal has a line of its own for the reason."""
        if code < 500 or enhanced is None:
            return super().reply(code, text, *more, enhanced=enhanced)
        return super().reply(code, "This was refused:", self.words.get(text, text), *more, enhanced=enhanced)

    def salutation(self, name: str) -> str:
        """Agreed."""
        return f"{self.settings.hostname} Ok."

    def extensions(self) -> list[str]:
        """A fixed limit is not spoken of (RFC 1870 §3)."""
        gone = {"VRFY", "EXPN"}
        return ["SIZE" if word.startswith("SIZE") else word for word in super().extensions() if word not in gone]

    def on_vrfy(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.reply(252, "Will attempt delivery.", enhanced="2.5.0")

    def on_expn(self, argument: bytes) -> bytes:
        """Not here."""
        return self.reply(502, "EXPN is not implemented.", enhanced="5.5.1")


@variant("lmtp-dovecot")
class DovecotLmtp(LmtpCore):
    """Like Dovecot's: each reply after the text says for whom it is, and nobody is looked up."""

    def accepted_for(self, recipient: Address) -> bytes:
        """With the address."""
        return self.reply(250, f"{_shown(recipient)} yN2qAFQ5vmkrDwAAS1mJ0A Saved", enhanced="2.0.0")

    def on_vrfy(self, argument: bytes) -> bytes:
        """Neither yes nor no."""
        return self.reply(252, "Try RCPT", enhanced="2.3.3")


@variant("lmtp-cyrus")
class CyrusLmtp(LmtpCore):
    """Like Cyrus's: the mailbox is checked again after the text, and each reply names the session."""

    def accepted_for(self, recipient: Address) -> bytes:
        """With the session's id."""
        return self.reply(250, f"Ok SESSIONID=<{self.settings.hostname}-1-1770120000-1>", enhanced="2.1.5")
