"""MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3), their parameters, and who is a recipient here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import (
    XTEXT,
    Address,
    SyntaxProblem,
    parse_forward_path,
    parse_parameters,
    parse_reverse_path,
    split_path,
)
from reference_server.smtp.session import Transaction, Verb
from reference_server.stores import Account

# size-value = 1*20DIGIT (RFC 1870 §3)
_SIZE = re.compile(rb"[0-9]{1,20}")

Parameters = Mapping[str, bytes | None]


class RefusedError(Exception):
    """A parameter cannot be granted; holds the reply."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply)
        self.reply = reply


class Envelope(Session):
    """The commands that say from whom and to whom."""

    def on_mail(self, argument: bytes) -> bytes:
        """MAIL: begin a transaction."""
        try:
            path, rest = split_path(argument, b"FROM:")
            parameters = parse_parameters(rest)
            sender = parse_reverse_path(path, utf8="SMTPUTF8" in parameters, limits=self.settings.smtp_limits)
        except SyntaxProblem as problem:
            return self.bad_argument(str(problem), enhanced="5.5.2")
        transaction = Transaction(sender=sender)
        try:
            self.take_mail_parameters(parameters, transaction)
        except RefusedError as refused:
            return refused.reply
        self.transaction = transaction
        self.advance(Verb.MAIL)
        return self.reply(250, "sender ok", enhanced="2.1.0")

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """Note what the parameters of MAIL ask for.

        Raises:
            RefusedError: one is unknown or cannot be granted.
        """
        if parameters and not self.extended:
            raise RefusedError(self.unknown_parameter())
        for keyword, value in parameters.items():
            if keyword == "SIZE":
                self.take_size(value)
            elif keyword == "BODY":
                transaction.eight_bit = self.take_body(value)
                transaction.binary = (value or b"").upper() == b"BINARYMIME"
            elif keyword == "SMTPUTF8" and value is None:
                transaction.utf8 = True
            elif keyword == "AUTH":
                self.take_auth_identity(value)
            else:
                raise RefusedError(self.unknown_parameter())

    def take_size(self, value: bytes | None) -> None:
        """SIZE: refuse at once what would be refused later (RFC 1870 §6.1)."""
        if value is None or not _SIZE.fullmatch(value):
            raise RefusedError(self.bad_argument("SIZE is a number of up to 20 digits"))
        if int(value) > self.settings.max_message_octets:
            raise RefusedError(self.too_big())

    def take_body(self, value: bytes | None) -> bool:
        """BODY: whether the text may have octets above 127 (RFC 6152 §3, RFC 3030 §3)."""
        body = (value or b"").upper()
        if body not in {b"7BIT", b"8BITMIME"} and not (body == b"BINARYMIME" and self.offers_binary()):
            raise RefusedError(self.bad_argument("BODY is 7BIT, 8BITMIME or, where it is offered, BINARYMIME"))
        return body != b"7BIT"

    def take_auth_identity(self, value: bytes | None) -> None:
        """AUTH: checked and then taken as `<>`, since no peer here is trusted to name others (RFC 4954 §5)."""
        if not value or not XTEXT.fullmatch(value):
            raise RefusedError(self.bad_argument("AUTH is <> or a mailbox in xtext"))

    def on_rcpt(self, argument: bytes) -> bytes:
        """RCPT: add a recipient."""
        try:
            path, rest = split_path(argument, b"TO:")
            parameters = parse_parameters(rest)
            recipient = parse_forward_path(path, utf8=self.transaction.utf8, limits=self.settings.smtp_limits)
        except SyntaxProblem as problem:
            return self.bad_argument(str(problem), enhanced="5.5.2")
        if parameters:
            return self.unknown_parameter()
        refusal = self.refusal_of(recipient)
        if refusal is not None:
            return refusal
        if len(self.transaction.recipients) >= self.max_recipients():
            return self.too_many_recipients()
        self.transaction.recipients.append(recipient)
        self.advance(Verb.RCPT)
        return self.reply(250, "recipient ok", enhanced="2.1.5")

    def max_recipients(self) -> int:
        """Recipients of one transaction; fewer than 100 would break RFC 5321 §4.5.3.1.8."""
        return self.settings.max_recipients

    def too_many_recipients(self) -> bytes:
        """The answer to a recipient beyond the limit (RFC 5321 §4.5.3.1.10)."""
        return self.reply(452, "too many recipients", enhanced="4.5.3")

    def refusal_of(self, recipient: Address) -> bytes | None:
        """The reply that turns a recipient down, or None when it is one of ours. Nothing is ever relayed."""
        if not self.is_local(recipient):
            return self.reply(550, "no relaying", enhanced="5.7.1")
        if self.account_of(recipient) is None:
            return self.reply(550, "no such user here", enhanced="5.1.1")
        return None

    def is_local(self, address: Address) -> bool:
        """Whether we give mail service to its domain (the bare postmaster has none)."""
        return not address.domain or address.domain in self.settings.domains

    def account_of(self, recipient: Address) -> Account | None:
        """Who gets mail for a local recipient; postmaster is always somebody (RFC 5321 §4.5.1)."""
        account = self.store.account(str(recipient))
        if account is None and recipient.local_part.lower() == "postmaster":
            account = self.store.postmaster()
        return account

    def unknown_parameter(self) -> bytes:
        """The answer to a parameter that no offered extension defines (RFC 5321 §4.1.1.11)."""
        return self.reply(555, "parameter not recognised", enhanced="5.5.4")

    def too_big(self) -> bytes:
        """The answer to a message above the size that is offered (RFC 1870 §6)."""
        return self.reply(552, "message too big", enhanced="5.3.4")
