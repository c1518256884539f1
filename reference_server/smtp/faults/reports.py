"""Servers that report deliveries wrongly, or to whom did not ask (RFC 3461 §5.2, §6)."""

from __future__ import annotations

import re
from dataclasses import replace

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import Parameters
from reference_server.smtp.grammar import Address
from reference_server.smtp.notices import Outcome
from reference_server.smtp.session import Recipient
from reference_server.stores import Account


@fault("reports-no-success", breaks=("rfc3461/5.2.3/1", "rfc3461/4.1/7", "rfc3461/3/3"))
class ReportsNoSuccess(SmtpCore):
    """Accepts NOTIFY and does nothing about it."""

    def send_notices(self, text: bytes) -> None:
        """No news is good news."""


@fault(
    "reports-every-success",
    breaks=("rfc3461/5.2.3/2", "rfc3461/5.2.3/3", "rfc3461/4.1/6", "rfc3461/5.2.8/2"),
)
class ReportsEverySuccess(SmtpCore):
    """Reports each delivery of a message with parameters, whatever NOTIFY says."""

    def take_rcpt_parameters(self, parameters: Parameters, address: Address) -> Recipient:
        """As if SUCCESS were among it."""
        recipient = super().take_rcpt_parameters(parameters, address)
        return replace(recipient, notify=frozenset({"SUCCESS"})) if recipient.notify else recipient


@fault("reports-to-the-header", breaks="rfc3461/5.2/1")
class ReportsToTheHeader(SmtpCore):
    """Sends a report to From where there is no reverse-path."""

    def send_notices(self, text: bytes) -> None:
        """Somebody will want to know."""
        super().send_notices(text)
        author = re.search(rb"(?im)^from:[^<\r\n]*<([^>\r\n]+)>", text)
        outcomes = self.outcomes()
        if self.transaction.sender.domain or author is None or not outcomes:
            return
        account = self.store.account(author[1].decode("ascii", "replace"))
        if account is not None:
            self.put(account, self.notice(outcomes, account, text))


@fault("reports-in-its-own-name", breaks="rfc3461/6.1/1")
class ReportsInItsOwnName(SmtpCore):
    """Sends reports from an address that can be answered."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """From its postmaster."""
        said = super().notice(outcomes, account, text)
        return said.replace(b"Return-Path: <>", b"Return-Path: <postmaster@example.test>", 1)


@fault("calls-its-reports-something-else", breaks=("rfc3461/6.2/2", "rfc3461/6.2/4"))
class CallsItsReportsSomethingElse(SmtpCore):
    """Gives its reports a type of their own."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """Of delivery."""
        said = super().notice(outcomes, account, text)
        return said.replace(b"report-type=delivery-status", b"report-type=delivery")


@fault("reports-in-the-wrong-status", breaks="rfc3461/6.3/14")
class ReportsInTheWrongStatus(SmtpCore):
    """Gives a reply code where the status code belongs."""

    def outcomes(self) -> list[Outcome]:
        """One is as good as the other."""
        return [replace(each, status="250") for each in super().outcomes()]


@fault("reports-the-account-for-the-recipient", breaks=("rfc3461/6.3/11", "rfc3461/6.3/12"))
class ReportsTheAccountForTheRecipient(SmtpCore):
    """Names in Final-Recipient who got the mail, by another type, and not the address of the envelope."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """As the system knows him."""
        said = super().notice(outcomes, account, text)
        return re.sub(rb"Final-Recipient: rfc822;[^@\r\n]*@[^\r\n]*", b"Final-Recipient: unix;/var/mail/user", said)


@fault("names-itself-by-no-domain", breaks="rfc3461/9.3/3")
class NamesItselfByNoDomain(SmtpCore):
    """Gives its reports the type dns and a name that is none."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """The name on its door."""
        said = super().notice(outcomes, account, text)
        return re.sub(rb"Reporting-MTA: dns;[^\r\n]*", b"Reporting-MTA: dns;our mail server", said)


@fault("leaves-names-encoded-in-reports", breaks=("rfc3461/6.3/3", "rfc3461/6.3/1"))
class LeavesNamesEncodedInReports(SmtpCore):
    """Copies ENVID into its reports in xtext."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """As it came."""
        said = super().notice(outcomes, account, text)
        envid = self.transaction.envid or b""
        return re.sub(rb"Original-Envelope-Id: [^\r\n]*", lambda _: b"Original-Envelope-Id: " + envid, said)


@fault("tidies-the-original-recipient", breaks=("rfc3461/9.1/1", "rfc3461/6.3/8"))
class TidiesTheOriginalRecipient(SmtpCore):
    """Takes from an original recipient what is no part of an address."""

    def outcomes(self) -> list[Outcome]:
        """To make it fit."""
        tidied = [(each, (each.orcpt or b"").replace(b"+3D", b"")) for each in super().outcomes()]
        return [replace(each, orcpt=orcpt or None) for each, orcpt in tidied]


@fault("makes-up-names-in-reports", breaks=("rfc3461/6.3/2", "rfc3461/6.3/9"))
class MakesUpNamesInReports(SmtpCore):
    """Has an Original-Recipient in each report, of somebody if none was given."""

    def outcomes(self) -> list[Outcome]:
        """It looks better."""
        return [replace(each, orcpt=each.orcpt or b"rfc822;unknown") for each in super().outcomes()]


@fault("returns-delivered-messages-whole", breaks=("rfc3461/6.2/8", "rfc3461/4.3/6"))
class ReturnsDeliveredMessagesWhole(SmtpCore):
    """Puts the body into each report."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """To be sure."""
        said = super().notice(outcomes, account, text)
        end = said.rfind(b"\r\n--")
        return said[:end] + b"\r\n" + text.partition(b"\r\n\r\n")[2] + said[end:]


@fault("reports-all-recipients", breaks="rfc3461/5.2.8/2")
class ReportsAllRecipients(SmtpCore):
    """Names all recipients in a report that is due for one of them."""

    def outcomes(self) -> list[Outcome]:
        """While we are at it."""
        outcomes = super().outcomes()
        if not outcomes:
            return []
        named = {each.address for each in outcomes}
        rest = [each.written[1:-1].decode("utf-8") for each in self.transaction.recipients]
        return outcomes + [replace(outcomes[0], address=each, orcpt=None) for each in rest if each not in named]
