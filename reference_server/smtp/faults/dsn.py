"""Servers that mistake the parameters of DSN (RFC 3461 §4, §5.1, §5.4)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.dsn import XTEXT
from reference_server.smtp.envelope import Parameters, RefusedError
from reference_server.smtp.grammar import Address
from reference_server.smtp.session import Recipient, Transaction


@fault("puts-words-behind-dsn", breaks="rfc3461/2/2")
class PutsWordsBehindDsn(SmtpCore):
    """Lists DSN with what it knows of it."""

    def extensions(self) -> list[str]:
        """All of it."""
        return ["DSN RET ENVID" if word == "DSN" else word for word in super().extensions()]


@fault("knows-ret-in-capitals-only", breaks=("rfc3461/4.3/4", "rfc3461/5.1/1"))
class KnowsRetInCapitalsOnly(SmtpCore):
    """Refuses RET in small letters."""

    def take_ret(self, value: bytes | None) -> str:
        """As it is printed."""
        if value is not None and value != value.upper():
            raise RefusedError(self.bad_argument("RET is FULL or HDRS"))
        return super().take_ret(value)


@fault("refuses-parentheses-in-envid", breaks=("rfc3461/4.4/3", "rfc3461/4/2"))
class RefusesParenthesesInEnvid(SmtpCore):
    """Wants an ENVID that looks like a message identifier."""

    def take_envid(self, value: bytes | None) -> bytes:
        """No comments."""
        if value is not None and b"(" in value:
            raise RefusedError(self.bad_argument("ENVID looks odd"))
        return super().take_envid(value)


@fault("takes-any-envid", breaks="rfc3461/5.1/3")
class TakesAnyEnvid(SmtpCore):
    """Accepts an ENVID that is no xtext."""

    def take_envid(self, value: bytes | None) -> bytes:
        """Whatever it is, it comes back as it is."""
        return super().take_envid(value if value is not None and XTEXT.fullmatch(value) else b"strange")


@fault("answers-a-bad-ret-with-555", breaks="rfc3461/5.1/3")
class AnswersABadRetWith555(SmtpCore):
    """Takes a value that it does not know for a parameter that it does not know."""

    def take_ret(self, value: bytes | None) -> str:
        """The code for those."""
        try:
            return super().take_ret(value)
        except RefusedError:
            raise RefusedError(self.unknown_parameter()) from None


@fault("knows-notify-in-capitals-only", breaks=("rfc3461/4.1/5", "rfc3461/5.1/4"))
class KnowsNotifyInCapitalsOnly(SmtpCore):
    """Refuses NOTIFY in small letters."""

    def take_notify(self, value: bytes | None) -> frozenset[str]:
        """As it is printed."""
        if value is not None and value != value.upper():
            raise RefusedError(self.bad_argument("NOTIFY is in capitals"))
        return super().take_notify(value)


@fault("wants-an-internet-address-in-orcpt", breaks=("rfc3461/4.2/9", "rfc3461/5.1/5"))
class WantsAnInternetAddressInOrcpt(SmtpCore):
    """Refuses an ORCPT of any type but rfc822."""

    def take_orcpt(self, value: bytes | None) -> bytes:
        """What else could it be?"""
        orcpt = super().take_orcpt(value)
        if not orcpt.lower().startswith(b"rfc822;"):
            raise RefusedError(self.bad_argument("not an address"))
        return orcpt


@fault("has-no-room-for-a-long-orcpt", breaks=("rfc3461/5.4/4", "rfc3461/4.2/6"))
class HasNoRoomForALongOrcpt(SmtpCore):
    """Refuses an ORCPT longer than a path may be."""

    def take_orcpt(self, value: bytes | None) -> bytes:
        """An address is not longer."""
        if value is not None and len(value) > 256:
            raise RefusedError(self.bad_argument("ORCPT is too long"))
        return super().take_orcpt(value)


@fault("makes-no-room-for-dsn", breaks=("rfc3461/5.4/7", "rfc3461/5.4/8"))
class MakesNoRoomForDsn(SmtpCore):
    """Offers DSN and keeps to the command lines of RFC 5321."""

    def line_limit(self, line: bytes) -> int:
        """512 octets are plenty."""
        return min(super().line_limit(line), 512) if line[:4].upper() == b"RCPT" else super().line_limit(line)


@fault("answers-bad-notify-with-550", breaks="rfc3461/5.1/6")
class AnswersBadNotifyWith550(SmtpCore):
    """Refuses a NOTIFY that it does not understand as if there were no such user."""

    def take_notify(self, value: bytes | None) -> frozenset[str]:
        """No."""
        try:
            return super().take_notify(value)
        except RefusedError:
            raise RefusedError(self.reply(550, "cannot notify", enhanced="5.7.1")) from None


@fault("takes-never-beside-other-words", breaks=("rfc3461/4.1/4", "rfc3461/5.1/6"))
class TakesNeverBesideOtherWords(SmtpCore):
    """Takes NOTIFY with NEVER among other words for NEVER."""

    def take_notify(self, value: bytes | None) -> frozenset[str]:
        """The safest reading."""
        words = (value or b"").upper().split(b",")
        return super().take_notify(b"NEVER" if b"NEVER" in words else value)


def _without_repetitions(argument: bytes) -> bytes:
    """The words of a command, the last of those with the same keyword."""
    words = {word.partition(b"=")[0].upper(): word for word in argument.split(b" ")}
    return b" ".join(words.values())


@fault("takes-parameters-of-dsn-twice", breaks=("rfc3461/4.5/2", "rfc3461/4.5/4", "rfc3461/5.1/3", "rfc3461/5.1/6"))
class TakesParametersOfDsnTwice(SmtpCore):
    """Takes the last of two parameters of the same name."""

    def on_mail(self, argument: bytes) -> bytes:
        """It overrules the first."""
        return super().on_mail(_without_repetitions(argument) if b" ENVID=" in argument else argument)

    def on_rcpt(self, argument: bytes) -> bytes:
        """Here as well."""
        return super().on_rcpt(_without_repetitions(argument) if b" NOTIFY=" in argument else argument)


@fault("reads-xtext-leniently", breaks=("rfc3461/5.1/3", "rfc3461/4/4", "rfc3461/4/5"))
class ReadsXtextLeniently(SmtpCore):
    """Takes an equals sign in ENVID for itself, and small letters for hexadecimal digits."""

    def take_envid(self, value: bytes | None) -> bytes:
        """It is clear what is meant."""
        if value is not None:
            value = re.sub(rb"\+[0-9A-Fa-f]{2}", lambda found: found[0].upper(), value.replace(b"=", b"+3D"))
        return super().take_envid(value)


@fault("takes-dsn-on-either-command", breaks=("rfc5321/4.1.1.11/1", "rfc3461/2/4", "rfc3461/2/6"))
class TakesDsnOnEitherCommand(SmtpCore):
    """Passes over parameters of DSN that belong to the other command."""

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """RCPT will say it again."""
        if keyword not in {"NOTIFY", "ORCPT"}:
            super().take_mail_parameter(keyword, value, transaction)

    def take_rcpt_parameters(self, parameters: Parameters, address: Address) -> Recipient:
        """MAIL has said it before."""
        kept = {word: value for word, value in parameters.items() if word not in {"RET", "ENVID"}}
        return super().take_rcpt_parameters(kept, address)
