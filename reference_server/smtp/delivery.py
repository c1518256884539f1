"""Delivery into mailboxes: trace fields, one copy for each account, and notices of what became of it.

RFC 5321 §4.4 for the trace, RFC 3461 §5.2 for notices, RFC 8098 §2.3 for Original-Recipient, RFC 8689 §4.1. What the
envelope asked beyond an address is shown in the delivered message: behind our Received stand, for each recipient whose
copy it is, Original-Recipient with its ORCPT, and `X-Envelope-Parameters` with the other parameters as they came.
"""

from __future__ import annotations

from collections.abc import Mapping

from reference_server.smtp import trace
from reference_server.smtp.base import Session
from reference_server.smtp.dsn import readable_original
from reference_server.smtp.notices import Outcome, notification
from reference_server.smtp.session import Recipient
from reference_server.stores import Account, OverQuotaError

# RFC 3461 §4.1: what a RCPT without NOTIFY means.
_BY_DEFAULT = frozenset({"FAILURE"})

_NONE: Mapping[str, bytes] = {}


class Delivery(Session):
    """Puts accepted messages where they belong. `undelivered` has the refusal by account name, for the last message."""

    undelivered: Mapping[str, bytes] = _NONE

    def deliver(self, text: bytes) -> None:
        """Put one copy into the INBOX of each account among the recipients, and send the notices that are due."""
        text = self.completed(self.without_return_path(text))
        undelivered: dict[str, bytes] = {}
        plain = b""
        for account in self.receivers():
            fields = self.envelope_fields(account)
            octets = self.with_trace(fields + text) if fields else plain or self.with_trace(text)
            plain = plain if fields else octets
            refusal = self.refusal_of_room(account, len(octets)) or self.put(account, octets)
            if refusal is not None:
                undelivered[account.name] = refusal
        self.undelivered = undelivered
        self.send_notices(text)

    def put(self, account: Account, octets: bytes) -> bytes | None:
        """Store one copy; the reply that says why it could not be, or None."""
        inbox = account.mailbox("INBOX")
        assert inbox is not None, "every account has an INBOX"
        try:
            inbox.append(octets, internal_date=self.settings.wall_clock())
        except OverQuotaError:
            return self.mailbox_full()
        return None

    def refusal_of_room(self, account: Account, octets: int) -> bytes | None:
        """Why a message of that size cannot go to that account (RFC 1870 §6.4); None if it can."""
        limits = account.limits
        if limits.message_octets is not None and octets > limits.message_octets:
            return self.reply(552, "message too big for that mailbox", enhanced="5.2.3")
        if limits.storage_octets is not None and account.usage.storage_octets + octets > limits.storage_octets:
            return self.mailbox_full()
        return None

    def mailbox_full(self) -> bytes:
        """The answer where a user has no room left; he may make some (RFC 3463 §3.3)."""
        return self.reply(452, "mailbox full", enhanced="4.2.2")

    def refusal_after_delivery(self) -> bytes | None:
        """Why nobody got the message; None if anybody did, since one reply speaks for all (RFC 5321 §4.4)."""
        if not self.undelivered or len(self.undelivered) < len(self.receivers()):
            return None
        return next(iter(self.undelivered.values()))

    def failures_are_answered(self) -> bool:
        """Whether the replies tell the client of every failure, so that no notice of one is due."""
        return self.refusal_after_delivery() is not None

    def receivers(self) -> list[Account]:
        """The accounts behind the recipients, each once."""
        recipients = self.transaction.recipients
        if len(recipients) == 1:
            account = self.account_of(recipients[0])
            return [account] if account else []
        found = filter(None, map(self.account_of, recipients))
        return list({account.name: account for account in found}.values())

    def recipients_of(self, account: Account) -> list[Recipient]:
        """The recipients of this transaction whose mail goes to that account."""
        return [
            recipient
            for recipient in self.transaction.recipients
            if (owner := self.account_of(recipient)) is not None and owner.name == account.name
        ]

    # What is written into the message.

    def without_return_path(self, text: bytes) -> bytes:
        """The message without what an earlier hop said was its sender (RFC 5321 §4.4)."""
        return trace.without_return_path(text)

    def with_trace(self, text: bytes) -> bytes:
        """The message as it is stored: Return-Path and Received before what came (RFC 5321 §4.4)."""
        return self.return_path() + self.received() + text

    def return_path(self) -> bytes:
        """The Return-Path line."""
        return trace.return_path(self.transaction.sender.written)

    def received(self) -> bytes:
        """The Received field."""
        recipients = self.transaction.recipients
        only = recipients[0] if len(recipients) == 1 and recipients[0].domain else None
        return trace.received(
            client=self.greeting_name,
            peer=self.surroundings.peer,
            hostname=self.settings.hostname,
            protocol=trace.with_protocol(
                lmtp=self.protocol == "lmtp",
                extended=self.extended,
                tls=self.tls,
                authenticated=self.account is not None,
                utf8=self.transaction.utf8,
            ),
            token=self.settings.unique(),
            recipient=only.written if only else None,
            date=self.settings.wall_clock(),
            utf8=self.transaction.utf8,
        )

    def envelope_fields(self, account: Account) -> bytes:
        """Fields that show what else the envelope asked for this account's recipients; empty if it asked nothing."""
        said = self.transaction
        of_mail = [
            *([b"REQUIRETLS"] if said.require_tls else ()),
            *([b"RET=" + said.ret.encode("ascii")] if said.ret else ()),
            *([b"ENVID=" + said.envid] if said.envid else ()),
        ]
        if not of_mail and not any(recipient.notify or recipient.orcpt for recipient in said.recipients):
            return b""
        fields: list[bytes] = []
        for recipient in self.recipients_of(account):
            if recipient.orcpt is not None:
                original = readable_original(recipient.orcpt, utf8=said.utf8)
                fields.append(b"Original-Recipient: %s\r\n" % original.encode("utf-8"))
            words = [*of_mail]
            if recipient.notify:
                words.append(b"NOTIFY=" + ",".join(sorted(recipient.notify)).encode("ascii"))
            if words:
                fields.append(b"X-Envelope-Parameters: %s\r\n" % b"\r\n\t".join(words))
        return b"".join(dict.fromkeys(fields))

    # Notices.

    def send_notices(self, text: bytes) -> None:
        """Tell the sender what he asked to be told, and what he must be told (RFC 3461 §5.2.3, §5.2.6).

        Nothing leaves this server: a sender without a mailbox here learns of no success, and of failures the postmaster
        learns in his place. There is never a notice of a notice (RFC 3461 §5.2).
        """
        if not self.undelivered and not any(recipient.notify for recipient in self.transaction.recipients):
            return
        outcomes = self.outcomes()
        if not outcomes:
            return
        sender = self.transaction.sender
        account = self.account_of(sender) if sender.domain and self.is_local(sender) else None
        if account is not None and self.put(account, self.notice(outcomes, account, text)) is None:
            return
        postmaster = self.store.postmaster()
        failed = [outcome for outcome in outcomes if outcome.action == "failed"]
        if postmaster is not None and failed:
            self.put(postmaster, self.notice(failed, postmaster, text))

    def outcomes(self) -> list[Outcome]:
        """What there is to be said of each recipient; nothing of a failure that the client learns from its reply."""
        outcomes: list[Outcome] = []
        answered = self.failures_are_answered()
        for recipient in self.transaction.recipients:
            account = self.account_of(recipient)
            refusal = self.undelivered.get(account.name) if account is not None else None
            wanted = recipient.notify or _BY_DEFAULT
            if refusal is None and "SUCCESS" in wanted and not answered:
                action, status = "delivered", "2.0.0"
            elif refusal is not None and "FAILURE" in wanted and not answered:
                # Nobody tries again, so that what a reply would call temporary is for good here.
                action, status = "failed", "5" + refusal[5:9].decode("ascii")
            else:
                continue
            address = recipient.written[1:-1].decode("utf-8")
            outcomes.append(Outcome(address=address, orcpt=recipient.orcpt, action=action, status=status))
        return outcomes

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """The message to that account."""
        domain = min(self.settings.domains, default=self.settings.hostname)
        return notification(
            outcomes,
            to=account.name,
            postmaster=f"postmaster@{domain}",
            hostname=self.settings.hostname,
            token=self.settings.unique(),
            date=self.settings.wall_clock(),
            envid=self.transaction.envid,
            text=text,
            whole=self.returns_all() and any(outcome.action == "failed" for outcome in outcomes),
        )

    def returns_all(self) -> bool:
        """Whether failures bring the whole message back (RFC 3461 §4.3)."""
        return self.transaction.ret == "FULL"
