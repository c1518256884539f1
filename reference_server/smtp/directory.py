"""VRFY, EXPN, HELP and NOOP: commands outside a mail transaction (RFC 5321 §3.5, §4.1.1.6 to §4.1.1.9)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import Address, parse_mailbox
from reference_server.smtp.session import VERBS, Verb
from reference_server.stores import Account

_USAGE: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.HELO: "HELO domain",
        Verb.EHLO: "EHLO domain, or an address literal",
        Verb.LHLO: "LHLO domain, or an address literal",
        Verb.MAIL: "MAIL FROM:<sender> [parameters]",
        Verb.RCPT: "RCPT TO:<recipient> [parameters]",
        Verb.DATA: "DATA, then the message and a line of a single dot",
        Verb.BDAT: "BDAT octets [LAST], then as many octets of the message",
        Verb.RSET: "RSET drops the message that was begun",
        Verb.VRFY: "VRFY user, or a mailbox",
        Verb.EXPN: "EXPN list",
        Verb.HELP: "HELP [command]",
        Verb.NOOP: "NOOP does nothing",
        Verb.QUIT: "QUIT ends the session",
        Verb.AUTH: "AUTH mechanism [initial-response]",
        Verb.STARTTLS: "STARTTLS, then a TLS handshake",
    }
)


class Directory(Session):
    """Answers questions about users, and small talk."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """VRFY: a mailbox is either known or not; nothing is guessed (RFC 5321 §3.5.1)."""
        account = self.looked_up(argument)
        if not argument:
            return self.bad_argument("VRFY needs a user name or mailbox")
        if account is None:
            return self.reply(550, "no such user here", enhanced="5.1.1")
        if not account.name.isascii() and not self.takes_utf8(argument):
            return self.cannot_be_shown()
        return self.reply(250, f"<{account.name}>", enhanced="2.1.5")

    def on_expn(self, argument: bytes) -> bytes:
        """EXPN: there are no mailing lists here (RFC 5321 §3.5.2)."""
        if not argument:
            return self.bad_argument("EXPN needs the name of a list")
        if self.looked_up(argument) is not None:
            return self.reply(550, "that is a user, not a mailing list", enhanced="5.1.1")
        return self.reply(550, "no such mailing list here", enhanced="5.1.1")

    def takes_utf8(self, argument: bytes) -> bool:
        """Whether the question ends in SMTPUTF8, so that its answer may have UTF-8 in it (RFC 6531 §3.7.4.2)."""
        words = argument.split(b" ")
        return self.extended and len(words) > 1 and words[-1].upper() == b"SMTPUTF8"

    def cannot_be_shown(self) -> bytes:
        """The answer about a user whose address the client cannot read (RFC 6531 §3.7.4.2)."""
        return self.reply(252, "there is one, whose address only SMTPUTF8 can show", enhanced="2.6.8")

    def looked_up(self, argument: bytes) -> Account | None:
        """The account that an argument of VRFY or EXPN means; a name without a domain is of our first one."""
        asked = argument.rpartition(b" ")[0] if self.takes_utf8(argument) else argument
        address = parse_mailbox(asked)
        if address is None:
            return None
        if address.domain:
            return self.account_of(address) if self.is_local(address) else None
        with_domains = (Address(address.local_part, domain, b"") for domain in sorted(self.settings.domains))
        return next(filter(None, map(self.account_of, with_domains)), None)

    def on_help(self, argument: bytes) -> bytes:
        """HELP: how a command is written, or what there is and where that is written down (RFC 5321 §4.1.1.8)."""
        verb = VERBS.get(argument.upper())
        if verb is not None and self.is_offered(verb):
            return self.reply(214, _USAGE[verb], enhanced="2.0.0")
        verbs = [verb.value.decode("ascii") for verb in Verb if self.is_offered(verb)]
        return self.reply(
            214,
            f"commands: {' '.join(verbs)}",
            "as described in RFC 5321, RFC 3030, RFC 3207 and RFC 4954",
            enhanced="2.0.0",
        )

    def on_noop(self, argument: bytes) -> bytes:
        """NOOP: does nothing, whatever its argument."""
        return self.reply(250, "ok", enhanced="2.0.0")
