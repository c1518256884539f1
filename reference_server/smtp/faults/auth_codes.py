"""Servers whose AUTH has the right reply codes and the wrong enhanced ones (RFC 4954 §6)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.sasl import Failure, Kind, Step, Success
from reference_server.smtp.core import SmtpCore


@fault("success-without-its-code", breaks="rfc4954/6/2")
class SuccessWithoutItsCode(SmtpCore):
    """Says 2.0.0 to a log-in that succeeded."""

    def after_step(self, step: Step) -> bytes:
        """As to anything else that went well."""
        reply = super().after_step(step)
        return reply.replace(b"2.7.0", b"2.0.0") if isinstance(step, Success) else reply


@fault("wrong-credentials-without-their-code", breaks="rfc4954/6/10")
class WrongCredentialsWithoutTheirCode(SmtpCore):
    """Says 5.7.0, some matter of security, to a wrong password."""

    def auth_failed(self, failure: Failure) -> bytes:
        """One code for all of them."""
        return super().auth_failed(failure).replace(b"5.7.8", b"5.7.0")


@fault("unknown-mechanisms-without-their-code", breaks="rfc4954/4/9")
class UnknownMechanismsWithoutTheirCode(SmtpCore):
    """Says 5.7.4 to a mechanism that it does not have."""

    def on_auth(self, argument: bytes) -> bytes:
        """A feature of security that is not supported, as it were (RFC 3463 §3.8)."""
        return super().on_auth(argument).replace(b"504 5.5.4", b"504 5.7.4")


@fault("overlong-responses-without-their-code", breaks=("rfc4954/4/27", "rfc4954/6/13", "rfc4954/6/18"))
class OverlongResponsesWithoutTheirCode(SmtpCore):
    """Says 5.5.2 to a response that is longer than its buffer."""

    def auth_line_too_long(self) -> bytes:
        """Just bad syntax."""
        return super().auth_line_too_long().replace(b"5.5.6", b"5.5.2")


@fault("premature-responses-without-their-code", breaks="rfc4954/4/21")
class PrematureResponsesWithoutTheirCode(SmtpCore):
    """Says 5.5.2 to a response that comes before the challenge."""

    def auth_failed(self, failure: Failure) -> bytes:
        """Just bad syntax."""
        return super().auth_failed(Failure(Kind.MALFORMED) if failure.kind is Kind.PREMATURE else failure)


@fault("mail-without-log-in-without-its-code", breaks="rfc4954/6/15")
class MailWithoutLogInWithoutItsCode(SmtpCore):
    """Says 5.5.1 to mail that waits for a log-in."""

    def auth_required(self) -> bytes:
        """A command out of order."""
        return super().auth_required().replace(b"5.7.0", b"5.5.1")
