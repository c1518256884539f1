"""What a submission service asks of an envelope on top of SMTP (RFC 6409 §4.2, §6.1); the log-in is in `auth`."""

from __future__ import annotations

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import Address


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
