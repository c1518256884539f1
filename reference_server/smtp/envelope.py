"""MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3), their parameters, and who is a recipient here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from reference_server.smtp.base import Session
from reference_server.smtp.dsn import decoded_xtext, parse_envid, parse_notify, parse_orcpt, parse_ret
from reference_server.smtp.grammar import (
    Address,
    SyntaxProblem,
    parse_forward_path,
    parse_parameters,
    parse_reverse_path,
    split_path,
)
from reference_server.smtp.labels import in_a_labels
from reference_server.smtp.session import Recipient, Transaction, Verb, without_parameters
from reference_server.stores import Account

# size-value = 1*20DIGIT (RFC 1870 §3)
_SIZE = re.compile(rb"[0-9]{1,20}")

T = TypeVar("T")
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
        refusal = self.refusal_of_sender(sender)
        if refusal is not None:
            return refusal
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
            self.take_mail_parameter(keyword, value, transaction)
        # RFC 8689 §5: what asks for TLS must not be returned whole.
        if transaction.require_tls and transaction.ret is not None:
            transaction.ret = "HDRS"

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """Note what one parameter of MAIL asks for.

        Raises:
            RefusedError: it is unknown or cannot be granted.
        """
        match keyword:
            case "SIZE":
                self.take_size(value)
                transaction.declared_octets = int(value) if value and _SIZE.fullmatch(value) else None
            case "BODY":
                transaction.eight_bit = self.take_body(value)
                transaction.binary = (value or b"").upper() == b"BINARYMIME"
            case "SMTPUTF8" if value is None:
                transaction.utf8 = True
            case "AUTH":
                self.take_auth_identity(value)
            case "RET" if self.offers_dsn():
                transaction.ret = self.take_ret(value)
            case "ENVID" if self.offers_dsn():
                transaction.envid = self.take_envid(value)
            case "REQUIRETLS" if value is None and self.offers_require_tls():
                transaction.require_tls = True
            case _:
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
        refused = RefusedError(self.bad_argument("AUTH is <> or a mailbox in xtext"))
        if not value:
            raise refused
        try:
            identity = decoded_xtext(value, utf8=True)
            if identity != b"<>":
                parse_reverse_path(b"<" + identity + b">", utf8=True, limits=self.settings.smtp_limits)
        except SyntaxProblem:
            raise refused from None

    def take_ret(self, value: bytes | None) -> str:
        """RET: how much of the message goes back with a failure (RFC 3461 §4.3)."""
        return self.understood(parse_ret, value)

    def take_envid(self, value: bytes | None) -> bytes:
        """ENVID: what the sender calls this transaction (RFC 3461 §4.4)."""
        return self.understood(parse_envid, value)

    def take_notify(self, value: bytes | None) -> frozenset[str]:
        """NOTIFY: when the sender wants to hear of this recipient (RFC 3461 §4.1)."""
        return self.understood(parse_notify, value)

    def take_orcpt(self, value: bytes | None) -> bytes:
        """ORCPT: whom the sender wrote to (RFC 3461 §4.2)."""
        return self.understood(parse_orcpt, value)

    def understood(self, parse: Callable[[bytes | None], T], value: bytes | None) -> T:
        """The value of a parameter as `parse` reads it.

        Raises:
            RefusedError: it cannot, which is 501 (RFC 3461 §5.1).
        """
        try:
            return parse(value)
        except SyntaxProblem as problem:
            raise RefusedError(self.bad_argument(str(problem))) from None

    def on_rcpt(self, argument: bytes) -> bytes:
        """RCPT: add a recipient."""
        try:
            path, rest = split_path(argument, b"TO:")
            parameters = parse_parameters(rest)
            address = parse_forward_path(path, utf8=self.transaction.utf8, limits=self.settings.smtp_limits)
        except SyntaxProblem as problem:
            return self.bad_argument(str(problem), enhanced="5.5.2")
        try:
            recipient = self.take_rcpt_parameters(parameters, address)
        except RefusedError as refused:
            return refused.reply
        refusal = (
            self.refusal_of_unqualified(recipient) or self.refusal_of(recipient) or self.refusal_of_size_for(recipient)
        )
        if refusal is not None:
            return refusal
        if len(self.transaction.recipients) >= self.max_recipients():
            return self.too_many_recipients()
        self.transaction.recipients.append(recipient)
        self.advance(Verb.RCPT)
        return self.reply(250, "recipient ok", enhanced="2.1.5")

    def take_rcpt_parameters(self, parameters: Parameters, address: Address) -> Recipient:
        """The recipient with what the parameters of RCPT ask for.

        Raises:
            RefusedError: one is unknown or cannot be granted.
        """
        if not parameters:
            return without_parameters(address)
        notify: frozenset[str] | None = None
        orcpt: bytes | None = None
        for keyword, value in parameters.items():
            if not self.extended or not self.offers_dsn() or keyword not in {"NOTIFY", "ORCPT"}:
                raise RefusedError(self.unknown_parameter())
            if keyword == "NOTIFY":
                notify = self.take_notify(value)
            else:
                orcpt = self.take_orcpt(value)
        return Recipient(address.local_part, address.domain, address.written, notify=notify, orcpt=orcpt)

    def refusal_of_size_for(self, recipient: Address) -> bytes | None:
        """Why a message of the declared size cannot go to that recipient (RFC 1870 §6.4); None if it can.

        Without a declared size at least one octet has to fit. Postmaster is reachable at this point in any case.
        """
        account = self.account_of(recipient)
        if account is None or recipient.local_part.lower() == "postmaster":
            return None
        return self.refusal_of_room(account, self.transaction.declared_octets or 1)

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
        return not address.domain or self.local_domain(address.domain) is not None

    def local_domain(self, domain: str) -> str | None:
        """How we spell a domain that we give mail service to, in Unicode or not (RFC 6531 §3.2); None for others."""
        if domain in self.settings.domains:
            return domain
        wanted = in_a_labels(domain)
        return next((ours for ours in self.settings.domains if in_a_labels(ours) == wanted), None)

    def account_of(self, recipient: Address) -> Account | None:
        """Who gets mail for a local recipient; postmaster is always somebody (RFC 5321 §4.5.1)."""
        account = self.store.account(str(recipient))
        if account is None and recipient.local_part.lower() == "postmaster":
            return self.store.postmaster()
        if account is None and (ours := self.local_domain(recipient.domain)) not in {None, recipient.domain}:
            return self.store.account(f"{recipient.local_part}@{ours}")
        return account

    def unknown_parameter(self) -> bytes:
        """The answer to a parameter that no offered extension defines (RFC 5321 §4.1.1.11)."""
        return self.reply(555, "parameter not recognised", enhanced="5.5.4")

    def too_big(self) -> bytes:
        """The answer to a message above the size that is offered (RFC 1870 §6)."""
        return self.reply(552, "message too big", enhanced="5.3.4")
