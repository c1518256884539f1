"""Notifications of failure, and what the envelope says of them: RFC 3461 §5.2.6, §6.2; RFC 8689 §5.

They are judged where a server accepts recipients whom it then does not find, as in `check_notifications`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from conformance.checks import must, should
from conformance.delivery.notices import BODY, about, is_of_the_server, read
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered, compose
from conformance.smtp.dialogue import settled

AUDIBLE: tuple[tuple[str, ...], ...] = ((), ("NOTIFY=FAILURE",), ("NOTIFY=SUCCESS,FAILURE",))
"""Parameters of RCPT with which a failure is reported."""


def _fail(
    dial: Dial, mailbox: Mailbox, rcpt: Sequence[str] = (), mail: Sequence[str] = (), *, secure: bool = False
) -> str:
    """Send a message from the mailbox to nobody, with these parameters; its token, which the address holds too.

    Raises:
        NotApplicableError: DSN is not offered, or nobody is refused in the session.
        InconclusiveError: the message is refused for another reason.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if "DSN" not in smtp.capabilities:
            raise not_applicable("DSN is not offered")
        if secure and not smtp.secured:
            smtp.start_tls()
        reply = settled(smtp.mail(mailbox.address, *mail))
        if not reply.positive:
            raise InconclusiveError(f"MAIL is refused: {reply}")
        if not smtp.rcpt(f"mailspec-nobody-{token}@{dial.domain}", *rcpt).positive:
            raise not_applicable("recipients that there are not are refused in the session, as is best")
        if smtp.data().code != 354:
            raise InconclusiveError("DATA is refused")
        reply = settled(smtp.text(compose(token, BODY, sender=mailbox.address, recipient=mailbox.address)))
        if not reply.positive:
            raise not_applicable("the message is refused in the session")
    return token


_STATUS = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}(?:[ (].*)?", re.DOTALL)
_FAILED = re.compile(rb"^Action:[ \t]*failed", re.MULTILINE | re.IGNORECASE)


def _is_failure(token: str, message: Delivered) -> bool:
    """Whether a message reports a failure: a delay, or a hand-over to another system, may be reported besides."""
    return about(token, message) and bool(_FAILED.search(message.octets))


def _report(
    dial: Dial, mailbox: Mailbox, *tokens: str, matches: Callable[[str, Delivered], bool] = _is_failure
) -> Delivered:
    """The first report of one of these failures.

    Raises:
        NotApplicableError: none comes, so that somebody may get what is sent to any name.
        InconclusiveError: it is from a server behind this one, which need not know DSN.
    """
    found = mailbox.wait_until(lambda message: any(matches(token, message) for token in tokens))
    if found is None:
        raise not_applicable("nothing comes back, so that somebody may get what is sent to any name")
    if not is_of_the_server(dial, found):
        raise InconclusiveError("the report is not, by its Reporting-MTA, from the server that accepted the message")
    return found


@must("rfc3461/5.2.6/1", "rfc3461/5.2.6/4", "rfc3461/4.1/7")
def check_are_reported_unless_the_sender_said_no(dial: Dial, mailbox: Mailbox) -> None:
    """Mail that cannot be delivered is reported where NOTIFY has FAILURE, and where there is no NOTIFY."""
    tokens = {_fail(dial, mailbox, rcpt): rcpt for rcpt in AUDIBLE}
    _report(dial, mailbox, *tokens)
    for token, rcpt in tokens.items():
        found = mailbox.wait_until(partial(_is_failure, token))
        expect(found, f"a report of the failure, as of others: {' '.join(rcpt) or 'no NOTIFY'}", "none in the mailbox")


@must("rfc3461/5.2.6/2", "rfc3461/4.1/6")
def check_are_not_reported_to_who_said_no(dial: Dial, mailbox: Mailbox) -> None:
    """Mail that cannot be delivered is not reported where NOTIFY has no FAILURE.

    The judge waits until a later failure has been reported.
    """
    quiet = {_fail(dial, mailbox, (value,)): value for value in ("NOTIFY=NEVER", "NOTIFY=SUCCESS", "NOTIFY=DELAY")}
    _report(dial, mailbox, *(_fail(dial, mailbox, rcpt) for rcpt in AUDIBLE[:2]))
    for token, value in quiet.items():
        reports = [message for message in mailbox.with_token(token) if _is_failure(token, message)]
        found = [report for report in reports if is_of_the_server(dial, report)]
        expect(not found, f"no report of a failure, since there was {value}", repr(found[:1]))


@must("rfc3461/5.2.6/5")
def check_are_called_failures(dial: Dial, mailbox: Mailbox) -> None:
    """The report of mail that could not be delivered has the action "failed"."""
    notice = read(_report(dial, mailbox, *(_fail(dial, mailbox, rcpt) for rcpt in AUDIBLE[:2]), matches=about))
    action = (notice.of_recipient("Action") or "").partition("(")[0].strip().lower()
    if action == "delayed":
        # The server may go on trying for a while, and say so meanwhile (RFC 3461 §5.2.5).
        raise InconclusiveError("the message is delayed, and has not failed yet")
    expect(action == "failed", "Action: failed", notice.blocks[1])


@must("rfc3461/6.3/14", "rfc3461/6.3/10", "rfc3461/6.3/13")
def check_have_a_status_of_failure(dial: Dial, mailbox: Mailbox) -> None:
    """The report of mail that could not be delivered names the recipient, and has a status of class 4 or 5."""
    notice = read(_report(dial, mailbox, *(_fail(dial, mailbox, rcpt) for rcpt in AUDIBLE[:2])))
    expect(notice.of_recipient("Final-Recipient"), "a Final-Recipient", notice.blocks[1])
    status = notice.of_recipient("Status") or ""
    expect(_STATUS.fullmatch(status), "a Status of failure", notice.blocks[1])


@must("rfc3461/6.3/1", "rfc3461/6.3/3", "rfc3461/6.3/8")
def check_name_what_the_sender_named(dial: Dial, mailbox: Mailbox) -> None:
    """ENVID and ORCPT come back in the report of mail that could not be delivered, ENVID without its encoding.

    By these the sender's program finds the message that the report is about.
    """
    original = "ORCPT=rfc822;there+2B1@there.test"
    failed = [_fail(dial, mailbox, (*rcpt, original), ("ENVID=here+3D1",)) for rcpt in AUDIBLE[:2]]
    notice = read(_report(dial, mailbox, *failed))
    said = notice.of_message("Original-Envelope-Id")
    expect(said == "here=1", "Original-Envelope-Id: here=1", said)
    address = (notice.of_recipient("Original-Recipient") or "").partition(";")[2].strip()
    # Either form of the address is met with, as in reports of success.
    expect(address in {"there+1@there.test", "there+2B1@there.test"}, original, address)


@must("rfc3461/4.3/3")
def check_bring_the_header_alone_back_on_request(dial: Dial, mailbox: Mailbox) -> None:
    """With RET=HDRS a message that could not be delivered comes back without its body."""
    found = _report(dial, mailbox, *(_fail(dial, mailbox, rcpt, ("RET=HDRS",)) for rcpt in AUDIBLE[:2]))
    expect(BODY.strip() not in found.octets, "no body of the message in the report", repr(found.octets[-300:]))


@should("rfc3461/6.2/6")
def check_bring_the_whole_message_back_on_request(dial: Dial, mailbox: Mailbox) -> None:
    """With RET=FULL, a short message that could not be delivered comes back with its body."""
    found = _report(dial, mailbox, *(_fail(dial, mailbox, rcpt, ("RET=FULL",)) for rcpt in AUDIBLE[:2]))
    expect(BODY.strip() in found.octets, "the body of the message in the report", repr(found.octets[-300:]))


@must("rfc8689/5/3", "rfc8689/5/4")
def check_under_requiretls_bring_the_header_back_alone(dial: Dial, mailbox: Mailbox) -> None:
    """What was sent with REQUIRETLS comes back without its body, RET=FULL or not: the way back may have no TLS."""
    if not dial.facts.offers("REQUIRETLS"):
        raise not_applicable("the server does not offer REQUIRETLS")
    wishes = ("REQUIRETLS", "RET=FULL")
    found = _report(dial, mailbox, *(_fail(dial, mailbox, rcpt, wishes, secure=True) for rcpt in AUDIBLE[:2]))
    expect(BODY.strip() not in found.octets, "no body of the message in the report", repr(found.octets[-300:]))
