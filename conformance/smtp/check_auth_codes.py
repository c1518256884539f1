"""Enhanced status codes of AUTH: RFC 4954 §4 and §6, where RFC 2034 is offered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from conformance.checks import should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, settled
from conformance.smtp.logging_in import account_of, answered, challenged, in_base64, plain, ready
from conformance.smtp.session import SmtpSession
from conformance.smtp.syntax import STATUS_CODE
from conformance.wire.smtp import Reply


@contextmanager
def _with_codes(dial: Dial, mechanism: str = "PLAIN") -> Iterator[SmtpSession]:
    with ready(dial, mechanism) as smtp:
        if "ENHANCEDSTATUSCODES" not in smtp.capabilities:
            raise not_applicable("ENHANCEDSTATUSCODES is not offered")
        yield smtp


def _expect_codes(reply: Reply, of: int, codes: Collection[str], *, because: str) -> None:
    """The first line of a reply with this code goes on with one of the enhanced codes.

    Raises:
        NotApplicableError: the reply has another code, which is judged by itself.
    """
    if reply.code != of:
        raise not_applicable(f"the reply is another one than {of}: {reply}")
    found = STATUS_CODE.match(reply.lines[0])
    code = found[0].decode() if found else ""
    expect(code in codes, f"{' or '.join(sorted(codes))} in the reply: {because}", reply)


@should("rfc4954/6/2", "rfc4954/6/1")
def check_success_is_2_7_0(submission: Dial) -> None:
    """235 says 2.7.0."""
    with _with_codes(submission) as smtp:
        account = account_of(smtp)
        reply = settled(answered(smtp, plain(account.name, account.password)))
    _expect_codes(reply, 235, {"2.7.0"}, because="the log-in succeeded")


@should("rfc4954/6/10", "rfc4954/6/1")
def check_wrong_credentials_are_5_7_8(submission: Dial) -> None:
    """535 says 5.7.8.

    A client that sees it asks its user for another password; with other codes it has to guess.
    """
    with _with_codes(submission) as smtp:
        reply = settled(answered(smtp, plain(account_of(smtp).name, "no such password")))
    _expect_codes(reply, 535, {"5.7.8"}, because="the credentials are invalid")


@should("rfc4954/4/9", "rfc4954/6/1")
def check_unknown_mechanisms_are_5_5_4(submission: Dial) -> None:
    """504 to a mechanism that there is not says 5.5.4."""
    with _with_codes(submission) as smtp:
        reply = settled(smtp.command("AUTH X-MAILSPEC"))
    _expect_codes(reply, 504, {"5.5.4"}, because="the mechanism is not supported")


@should("rfc4954/4/27", "rfc4954/6/13", "rfc4954/6/18", "rfc4954/6/1")
def check_overlong_responses_are_5_5_6(submission: Dial) -> None:
    """500 to a response longer than the server's buffer says 5.5.6."""
    with _with_codes(submission) as smtp:
        challenged(smtp)
        reply = ask(smtp, b"NOOP" * 25_000)
        smtp.abandon()
    if reply is None:
        raise not_applicable("the server hangs up on it")
    _expect_codes(reply, 500, {"5.5.6"}, because="the line of the exchange is too long")


@should("rfc4954/4/21", "rfc4954/6/1")
def check_a_response_before_the_challenge_is_5_7_0(submission: Dial) -> None:
    """501 to an initial response where the server has to speak first says 5.7.0."""
    with _with_codes(submission, "CRAM-MD5") as smtp:
        reply = settled(smtp.command(b"AUTH CRAM-MD5 " + in_base64(b"nobody 0123456789abcdef0123456789abcdef")))
        if reply.code == 334:
            smtp.command("*")
    _expect_codes(reply, 501, {"5.7.0"}, because="CRAM-MD5 begins with the server's challenge")


@should("rfc4954/6/15", "rfc4954/6/1")
def check_mail_without_log_in_is_5_7_0(submission: Dial) -> None:
    """Where MAIL waits for a log-in, its 530 says 5.7.0."""
    with _with_codes(submission) as smtp:
        reply = smtp.mail(smtp.setting.sender)
    _expect_codes(reply, 530, {"5.7.0"}, because="MAIL waits for a log-in")
