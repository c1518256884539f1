"""Mechanisms that do not send the password, as AUTH carries them: CRAM-MD5 (RFC 2195), SCRAM (RFC 5802, RFC 7677)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.check_auth import WITHOUT_TICKETS
from conformance.smtp.dialogue import settled
from conformance.smtp.logging_in import account_of, expect_credentials_work, ready
from conformance.smtp.mechanisms import HASH_OF, cram_md5, scram
from conformance.smtp.session import SmtpSession

WRONG = "no such password"


def _is_offered(smtp: SmtpSession, mechanism: str) -> bool:
    """Whether the server offers this one of the SCRAM mechanisms.

    Raises:
        NotApplicableError: it offers none.
    """
    if not any(smtp.offers_auth(each) for each in HASH_OF):
        raise not_applicable("SCRAM is not offered")
    return smtp.offers_auth(mechanism)


@should("rfc4954/6/17")
@given(mechanism=st.sampled_from(WITHOUT_TICKETS), at_most=len(WITHOUT_TICKETS))
def check_what_is_offered_in_clear_needs_no_tls(submission: Dial, mechanism: str) -> None:
    """A mechanism that EHLO lists before TLS is not refused for want of it.

    A client takes the first mechanism that it knows, and gives up where that is refused.
    """
    if submission.endpoint.means.implicit_tls:
        raise not_applicable("TLS comes before the first octet here")
    with submission() as smtp:
        smtp.greet(clear=True)
        if "AUTH" not in smtp.capabilities:
            raise not_applicable("AUTH is not offered before TLS")
        if not smtp.offers_auth(mechanism):
            return
        reply = settled(smtp.command(f"AUTH {mechanism}"))
        if reply.code == 334:
            smtp.command("*")
        expect(reply.code not in {530, 538}, f"AUTH {mechanism}, which is listed, to be possible before TLS", reply)


@must("rfc4954/4/7")
def check_cram_md5_is_done_as_it_is_offered(submission: Dial) -> None:
    """AUTH CRAM-MD5, where it is offered, logs in whoever answers the challenge with its digest under the password."""
    with ready(submission, "CRAM-MD5") as smtp:
        reply = settled(cram_md5(smtp, account_of(smtp)))
    if reply.code != 235:
        expect_credentials_work(submission)
        expect_code(reply, {235}, because="the digest is right, and the same password is taken by PLAIN")


@must("rfc4954/6/11")
def check_cram_md5_takes_no_other_digest(submission: Dial) -> None:
    """The digest under another password does not log in."""
    with ready(submission, "CRAM-MD5") as smtp:
        reply = cram_md5(smtp, account_of(smtp), password=WRONG)
        expect_refused(reply, because="the digest was made with another password")


@must("rfc4954/4/7")
@given(mechanism=st.sampled_from(tuple(HASH_OF)), at_most=len(HASH_OF))
def check_scram_is_done_as_it_is_offered(submission: Dial, mechanism: str) -> None:
    """SCRAM, where it is offered, logs in whoever proves the password, and the server proves that it knows it too.

    The server's signature is what the mechanism is for: a client that did not get it may be talking to anybody.
    """
    with ready(submission, "PLAIN") as smtp:
        if not _is_offered(smtp, mechanism):
            return
        outcome = scram(smtp, mechanism, account_of(smtp))
    reply = settled(outcome.reply)
    if reply.code != 235:
        expect_credentials_work(submission)
        expect_code(reply, {235}, because=f"the proof of {mechanism} is right, and the password is taken by PLAIN")
    expect(outcome.signed, f"the server's signature by {mechanism}, before 235", f"another one, or none, and {reply}")


@must("rfc4954/6/11")
@given(mechanism=st.sampled_from(tuple(HASH_OF)), at_most=len(HASH_OF))
def check_scram_takes_no_other_proof(submission: Dial, mechanism: str) -> None:
    """The proof of another password does not log in."""
    with ready(submission, "PLAIN") as smtp:
        if not _is_offered(smtp, mechanism):
            return
        outcome = scram(smtp, mechanism, account_of(smtp), password=WRONG)
        expect_refused(outcome.reply, because="the proof was made with another password")
