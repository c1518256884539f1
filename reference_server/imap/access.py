"""What the user of a session may do, and where (RFC 4314 §4)."""

from __future__ import annotations

from dataclasses import replace

from reference_server.imap.rights import ALL, given_to, may_change
from reference_server.imap.session import Session
from reference_server.stores import Mailbox, NewMessage


class Permissions(Session):
    """Mixin: rights on mailboxes. They are looked up anew each time: another session may have changed them."""

    def rights_on(self, mailbox: Mailbox) -> frozenset[str]:
        """What this user may do there: the owner everything (RFC 4314 §2)."""
        return ALL if self.owns(mailbox) else given_to(self.user.name, mailbox.rights)

    def owns(self, mailbox: Mailbox) -> bool:
        """Whether it is this user's own."""
        return mailbox.owner == self.user.name

    def rights_here(self) -> frozenset[str]:
        """What he may do in the selected mailbox."""
        return self.rights_on(self.selected.mailbox)

    def may_here(self, right: str) -> bool:
        """Whether he has that right in the selected mailbox."""
        return right in self.rights_here()

    def may_change(self, flag: str) -> bool:
        """Whether he may set and clear that flag in the selected mailbox."""
        return may_change(flag, self.rights_here())

    def as_permitted(self, mailbox: Mailbox, message: NewMessage) -> NewMessage:
        """The message without those flags that the user may not set there: that is no reason to refuse it (§4)."""
        rights = self.rights_on(mailbox)
        if rights is ALL:
            return message
        return replace(message, flags=frozenset(flag for flag in message.flags if may_change(flag, rights)))
