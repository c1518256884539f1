"""Servers that promise TLS for the rest of the way and do not mean it (RFC 8689)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.session import Transaction


@fault("offers-require-tls-before-tls-alone", breaks="rfc8689/2/8")
class OffersRequireTlsBeforeTlsAlone(SmtpCore):
    """Lists REQUIRETLS in clear, and no more after STARTTLS."""

    def extensions(self) -> list[str]:
        """The wrong way round."""
        offered = [word for word in super().extensions() if word != "REQUIRETLS"]
        return offered if self.tls else [*offered, "REQUIRETLS"]


@fault("requiretls-takes-a-value", breaks="rfc8689/2/2")
class RequiretlsTakesAValue(SmtpCore):
    """Takes REQUIRETLS=1."""

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """Whatever it may be."""
        super().take_mail_parameter(keyword, None if keyword == "REQUIRETLS" else value, transaction)


@fault("promises-require-tls-in-clear", breaks="rfc8689/2/5")
class PromisesRequireTlsInClear(SmtpCore):
    """Takes REQUIRETLS where there is no TLS."""

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """With or without."""
        if keyword != "REQUIRETLS" or value is not None:
            super().take_mail_parameter(keyword, value, transaction)


@fault("requiretls-is-not-meant", breaks="rfc8689/2/2")
class RequiretlsIsNotMeant(SmtpCore):
    """Lists REQUIRETLS and does not know the parameter."""

    def take_mail_parameter(self, keyword: str, value: bytes | None, transaction: Transaction) -> None:
        """Knows all the others."""
        if keyword == "REQUIRETLS":
            raise RefusedError(self.unknown_parameter())
        super().take_mail_parameter(keyword, value, transaction)
