"""Servers that mistake the parameters of MAIL (RFC 5321 §4.1.1.11, RFC 1870, RFC 6152)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import Parameters, RefusedError
from reference_server.smtp.session import Transaction

_KNOWN = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", "REQUIRETLS"})


@fault("ignores-unknown-parameters", breaks="rfc5321/4.1.1.11/1")
class IgnoresUnknownParameters(SmtpCore):
    """Accepts MAIL with parameters that it does not know, and does nothing about them."""

    def take_mail_parameters(self, parameters: Parameters, transaction: Transaction) -> None:
        """Looks only at what it knows."""
        super().take_mail_parameters({key: value for key, value in parameters.items() if key in _KNOWN}, transaction)


@fault("answers-unknown-parameters-with-501", breaks="rfc5321/4.1.1.11/1")
class AnswersUnknownParametersWith501(SmtpCore):
    """Takes parameters that it does not know for mistakes in the command."""

    def unknown_parameter(self) -> bytes:
        """The code for bad syntax."""
        return self.bad_argument("bad parameter")


@fault("announces-its-limit-in-megabytes", breaks=("rfc1870/3/3", "rfc1870/3/2"))
class AnnouncesItsLimitInMegabytes(SmtpCore):
    """Says SIZE 10M."""

    def extensions(self) -> list[str]:
        """As its configuration file has it."""
        return ["SIZE 10M" if word.startswith("SIZE") else word for word in super().extensions()]


@fault("refuses-a-size-at-its-limit", breaks="rfc1870/4/1")
class RefusesASizeAtItsLimit(SmtpCore):
    """Refuses a message of exactly the size that it announces."""

    def take_size(self, value: bytes | None) -> None:
        """One octet short."""
        super().take_size(value)
        if value is not None and int(value) >= self.settings.max_message_octets:
            raise RefusedError(self.too_big())


@fault("ignores-the-declared-size", breaks="rfc1870/7/3")
class IgnoresTheDeclaredSize(SmtpCore):
    """Accepts MAIL whatever SIZE it declares, and refuses the message once it has come."""

    def take_size(self, value: bytes | None) -> None:
        """Only the syntax counts."""
        super().take_size(b"0" if value and value.isdigit() and len(value) <= 20 else value)


@fault("takes-any-word-for-a-size", breaks=("rfc1870/3/8", "rfc5321/4.3.2/7"))
class TakesAnyWordForASize(SmtpCore):
    """Accepts a SIZE that is no number."""

    def take_size(self, value: bytes | None) -> None:
        """What is no number is no size, and no size is no problem."""
        if value and value.isdigit() and len(value) <= 20:
            super().take_size(value)


@fault(
    "takes-only-8bitmime-for-a-body",
    breaks=("rfc6152/2/5", "rfc6152/3/5"),
    also={
        "smtp/binarymime/takes_all_three_bodies": "7BIT is one of the three",
        "smtp/grammar/understands_mail_with_parameters": "BODY=7BIT is one of the parameters there",
    },
)
class TakesOnly8bitmimeForABody(SmtpCore):
    """Knows BODY=8BITMIME and no BODY=7BIT."""

    def take_body(self, value: bytes | None) -> bool:
        """One of two values."""
        if value is not None and value.upper() == b"7BIT":
            raise RefusedError(self.unknown_parameter())
        return super().take_body(value)
