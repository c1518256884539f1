"""VRFY, EXPN, HELP and NOOP: commands outside a mail transaction (RFC 5321 §3.5, §4.1.1.6 to §4.1.1.9)."""

from __future__ import annotations

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import Address, parse_mailbox
from reference_server.smtp.session import Verb
from reference_server.stores import Account


class Directory(Session):
    """Answers questions about users, and small talk."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """VRFY: a mailbox is either known or not; nothing is guessed (RFC 5321 §3.5.1)."""
        account = self.looked_up(argument)
        if not argument:
            return self.bad_argument("VRFY needs a user name or mailbox")
        if account is None:
            return self.reply(550, "no such user here", enhanced="5.1.1")
        return self.reply(250, f"<{account.name}>", enhanced="2.1.5")

    def on_expn(self, argument: bytes) -> bytes:
        """EXPN: there are no mailing lists here (RFC 5321 §3.5.2)."""
        if not argument:
            return self.bad_argument("EXPN needs the name of a list")
        if self.looked_up(argument) is not None:
            return self.reply(550, "that is a user, not a mailing list", enhanced="5.1.1")
        return self.reply(550, "no such mailing list here", enhanced="5.1.1")

    def looked_up(self, argument: bytes) -> Account | None:
        """The account that an argument of VRFY or EXPN means; a name without a domain is of our first one."""
        words = argument.split(b" ")
        # RFC 6531 §3.7.4.2: the parameter only says that the reply may hold UTF-8, and no account of ours needs it.
        if len(words) == 2 and words[1].upper() == b"SMTPUTF8" and self.extended:
            words.pop()
        address = parse_mailbox(words[0]) if len(words) == 1 else None
        if address is None:
            return None
        if address.domain:
            return self.account_of(address) if self.is_local(address) else None
        with_domains = (Address(address.local_part, domain, b"") for domain in sorted(self.settings.domains))
        return next(filter(None, map(self.account_of, with_domains)), None)

    def on_help(self, argument: bytes) -> bytes:
        """HELP: what there is and where it is written down."""
        verbs = [verb.value.decode("ascii") for verb in Verb if self.is_offered(verb)]
        return self.reply(
            214,
            f"commands: {' '.join(verbs)}",
            "as described in RFC 5321, RFC 3207 and RFC 4954",
            enhanced="2.0.0",
        )

    def on_noop(self, argument: bytes) -> bytes:
        """NOOP: does nothing, whatever its argument."""
        return self.reply(250, "ok", enhanced="2.0.0")
