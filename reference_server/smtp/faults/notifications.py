"""Servers that accept mail for nobody and tell its sender wrongly (RFC 5321 §3.6.3, §4.4, §6.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reference_server.registry import fault
from reference_server.smtp.session import Recipient
from reference_server.smtp.variants import BouncesLateSmtp


@fault("notifies-in-its-own-name", breaks=("rfc5321/6.1/4", "rfc5321/4.4/29"))
class NotifiesInItsOwnName(BouncesLateSmtp):
    """Sends notifications from an address that can be answered."""

    def bounce(self, failed: Sequence[Recipient], text: bytes) -> bytes:
        """From its postmaster."""
        return super().bounce(failed, text).replace(b"Return-Path: <>", b"Return-Path: <postmaster@example.test>")


@fault("cannot-notify-along-a-route", breaks=("rfc5321/6.1/7", "rfc5321/6.1/8", "rfc5321/C/9"))
class CannotNotifyAlongARoute(BouncesLateSmtp):
    """Sends no notification where the reverse-path has a source route."""

    _routed = False

    def on_mail(self, argument: bytes) -> bytes:
        """Remembers how it was written."""
        self._routed = b"<@" in argument
        return super().on_mail(argument)

    def notifies(self) -> bool:
        """Not by the scenic way."""
        return not self._routed and super().notifies()


@fault("notifies-by-the-header", breaks=("rfc5321/6.1/6", "rfc5321/4.5.4/2"))
class NotifiesByTheHeader(BouncesLateSmtp):
    """Sends a notification to Errors-To where there is no reverse-path."""

    def send_bounce(self, failed: Sequence[Recipient], text: bytes) -> None:
        """Somebody should know."""
        super().send_bounce(failed, text)
        found = re.search(rb"(?im)^errors-to:\s*<([^>]+)>", text)
        account = self.store.account(found[1].decode("utf-8", "replace")) if found else None
        if account is not None and not self.notifies():
            self.put(account, self.bounce(failed, text))


@fault("notifies-whom-the-header-says", breaks=("rfc5321/6.1/5", "rfc5321/4.4/22", "rfc5321/4.5.5/2"))
class NotifiesWhomTheHeaderSays(BouncesLateSmtp):
    """Sends a notification to Reply-To in place of the reverse-path."""

    def send_bounce(self, failed: Sequence[Recipient], text: bytes) -> None:
        """As one replies to mail."""
        found = re.search(rb"(?im)^reply-to:\s*<([^>]+)>", text)
        account = self.store.account(found[1].decode("utf-8", "replace")) if found else None
        if account is None or not self.notifies():
            super().send_bounce(failed, text)
        else:
            self.put(account, self.bounce(failed, text))


@fault(
    "notifies-of-the-first-alone",
    breaks=("rfc5321/4.4/27", "rfc5321/4.4/26"),
    also={"delivery/notifications/are_one_for_all_recipients": "the notification names one of two"},
)
class NotifiesOfTheFirstAlone(BouncesLateSmtp):
    """Names one of several failed recipients."""

    def bounce(self, failed: Sequence[Recipient], text: bytes) -> bytes:
        """That should do."""
        return super().bounce(failed[:1], text)


@fault("notifies-of-each-by-itself", breaks="rfc5321/4.4/28")
class NotifiesOfEachByItself(BouncesLateSmtp):
    """Sends one notification for each failed recipient."""

    def send_bounce(self, failed: Sequence[Recipient], text: bytes) -> None:
        """Again and again."""
        for each in failed:
            super().send_bounce([each], text)


@fault("notifies-in-prose", breaks="rfc5321/3.6.3/2")
class NotifiesInProse(BouncesLateSmtp):
    """Sends notifications that only people can read."""

    def bounce(self, failed: Sequence[Recipient], text: bytes) -> bytes:
        """Several parts, and no report."""
        return (
            super().bounce(failed, text).replace(b"multipart/report; report-type=delivery-status;", b"multipart/mixed;")
        )
