"""What a submission service does on top of SMTP (RFC 6409): it looks at domains, senders and address fields, and adds
a Message-ID where there is none. The log-in is in `auth`.
"""

from __future__ import annotations

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import Address
from reference_server.smtp.header_fields import address_fields, domains_in, with_message_id
from reference_server.smtp.trace import header_of

MOST_ADDRESSES_OCTETS = 1 << 18
"""Octets of all address fields of a message that are looked through: some six thousand addresses. More are refused."""


class Submission(Session):
    """Says who may send in whose name."""

    def refusal_of_sender(self, sender: Address) -> bytes | None:
        """Why this sender is turned down; None if it is not. `<>` never is (RFC 6409 §3.2), and nobody is by an MX."""
        if not self.surroundings.submission or not sender.domain:
            return None
        if not self.is_qualified(sender):
            return self.unqualified("5.1.8")
        if not self.may_send_as(sender):
            return self.reply(550, "that is another user's address", enhanced="5.7.1")
        return None

    def refusal_of_unqualified(self, recipient: Address) -> bytes | None:
        """Why a recipient is turned down by a submission service for its domain alone; None if it is not."""
        if not self.surroundings.submission or not recipient.domain or self.is_qualified(recipient):
            return None
        return self.unqualified("5.1.2")

    def is_qualified(self, address: Address) -> bool:
        """Whether the domain can be a full one (RFC 6409 §4.2): with a dot, or an address, or ours under that name."""
        return "." in address.domain or address.domain[:1] == "[" or self.is_local(address)

    def unqualified(self, enhanced: str) -> bytes:
        """The answer to a domain that is only part of one (RFC 6409 §4.2)."""
        return self.reply(554, "the domain is not fully qualified", enhanced=enhanced)

    def may_send_as(self, sender: Address) -> bool:
        """Whether the user who is logged in may send in that name (RFC 6409 §6.1): not in another user's of ours."""
        owner = self.account_of(sender) if self.is_local(sender) else None
        return owner is None or self.account is None or owner.name == self.account.name

    # The text.

    def refusal_of_header(self, header: bytes) -> bytes | None:
        """Why a message is turned down for its address fields, which bind who alters the text (RFC 6409 §4.2, §5.1)."""
        if not self.surroundings.submission:
            return None
        fields = list(address_fields(header))
        if sum(map(len, fields)) > MOST_ADDRESSES_OCTETS:
            return self.reply(554, "too many addresses in the header", enhanced="5.1.0")
        for field in fields:
            refusal = self.refusal_of_domains(domains_in(field))
            if refusal is not None:
                return refusal
        return None

    def refusal_of_domains(self, domains: list[bytes] | None) -> bytes | None:
        """Why an address field is turned down for its domains, None meaning that it is no list of addresses."""
        if domains is None:
            return self.illegal_field()
        for domain in domains:
            if not self.is_qualified(Address("", domain.decode("utf-8", "replace").lower(), b"")):
                return self.unqualified("5.1.0")
        return None

    def illegal_field(self) -> bytes:
        """The answer to an address field that breaks the grammar (RFC 6409 §5.1)."""
        return self.reply(554, "an address field of the header is not valid", enhanced="5.1.0")

    def completed(self, text: bytes) -> bytes:
        """The message with what a submission lacks: a Message-ID that is one (RFC 6409 §8.3), and nothing else."""
        if not self.surroundings.submission:
            return text
        header = header_of(text)
        return with_message_id(header, self.new_message_id()) + text[len(header) :]

    def new_message_id(self) -> bytes:
        """A name that no other message has, in angle brackets."""
        return f"<{self.settings.unique()}@{self.settings.hostname}>".encode("ascii")
