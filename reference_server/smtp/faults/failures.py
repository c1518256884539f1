"""Servers that report failures against the sender's wishes (RFC 3461 §5.2.6, §6.2; RFC 8689 §5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reference_server.registry import fault
from reference_server.smtp.envelope import Parameters
from reference_server.smtp.notices import Outcome
from reference_server.smtp.session import Recipient, Transaction
from reference_server.smtp.variants import BouncesLateSmtp
from reference_server.stores import Account


@fault("reports-failures-in-spite-of-notify", breaks=("rfc3461/5.2.6/2", "rfc3461/4.1/6"))
class ReportsFailuresInSpiteOfNotify(BouncesLateSmtp):
    """Reports every failure, whatever NOTIFY says."""

    def is_told_of(self, failed: Recipient) -> bool:
        """Everybody wants to know."""
        return True


@fault("reports-failures-on-request-alone", breaks=("rfc3461/5.2.6/4",))
class ReportsFailuresOnRequestAlone(BouncesLateSmtp):
    """Takes the lack of NOTIFY for NEVER."""

    def is_told_of(self, failed: Recipient) -> bool:
        """Who wants to hear says so."""
        return failed.notify is not None and super().is_told_of(failed)


@fault("knows-no-notify-of-failure", breaks=("rfc3461/5.2.6/1",))
class KnowsNoNotifyOfFailure(BouncesLateSmtp):
    """Takes any NOTIFY for a wish not to hear of failures."""

    def is_told_of(self, failed: Recipient) -> bool:
        """Only as it always was."""
        return failed.notify is None


@fault("calls-failures-relayed", breaks=("rfc3461/5.2.6/5",))
class CallsFailuresRelayed(BouncesLateSmtp):
    """Reports what it could not deliver as handed on."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """Somewhere."""
        return super().notice(outcomes, account, text).replace(b"Action: failed", b"Action: relayed")


@fault("returns-the-header-of-failures-alone", breaks=("rfc3461/6.2/6",))
class ReturnsTheHeaderOfFailuresAlone(BouncesLateSmtp):
    """Takes no notice of RET=FULL."""

    def returns_all(self) -> bool:
        """Less is more."""
        return False


@fault("returns-what-needed-tls", breaks=("rfc8689/5/3", "rfc8689/5/4"))
class ReturnsWhatNeededTls(BouncesLateSmtp):
    """Does what RET=FULL asks for beside REQUIRETLS too."""

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """As was asked."""
        super().take_mail_parameters(parameters, transaction)
        if transaction.require_tls:
            transaction.ret = "FULL"


@fault("reports-failures-with-a-status-of-success", breaks="rfc3461/6.3/14")
class ReportsFailuresWithAStatusOfSuccess(BouncesLateSmtp):
    """Gives a failed delivery a status of class 2."""

    def notice(self, outcomes: list[Outcome], account: Account, text: bytes) -> bytes:
        """The report was made without a hitch."""
        return super().notice([replace(each, status="2.0.0") for each in outcomes], account, text)


@fault("names-nothing-in-reports-of-failure", breaks=("rfc3461/6.3/1", "rfc3461/6.3/8"))
class NamesNothingInReportsOfFailure(BouncesLateSmtp):
    """Leaves ENVID and ORCPT out of reports of failure."""

    def bounce(self, failed: Sequence[Recipient], text: bytes) -> bytes:
        """What could not be delivered needs no name."""
        said = super().bounce([replace(each, orcpt=None) for each in failed], text)
        return re.sub(rb"Original-Envelope-Id: [^\r\n]*\r\n", b"", said)


@fault("returns-all-of-failures", breaks="rfc3461/4.3/3")
class ReturnsAllOfFailures(BouncesLateSmtp):
    """Takes no notice of RET=HDRS."""

    def returns_all(self) -> bool:
        """More is more; but what needed TLS is not shown."""
        return not self.transaction.require_tls
