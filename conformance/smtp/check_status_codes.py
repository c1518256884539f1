"""Enhanced status codes: RFC 2034 §4, RFC 3463 §2; and the reply code 521 of RFC 7504 §3."""

from __future__ import annotations

import re

from conformance.checks import must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, early_session
from conformance.smtp.session import SmtpSession
from conformance.smtp.syntax import STATUS_CODE
from conformance.wire.smtp import Reply

# Details by subject: RFC 3463 §3, and what IANA's registry of enumerated status codes has added (RFC 5248).
REGISTERED = {
    0: range(1),
    1: range(11),
    2: range(5),
    3: range(7),
    4: range(8),
    5: range(7),
    6: range(12),
    7: range(31),
}


def _said(smtp: SmtpSession) -> list[Reply]:
    """Replies of many kinds in one session, as far as the server lets it go on."""
    domain = smtp.recipient.rpartition("@")[2]
    lines = [
        *("NOOP", "HELP", f"RCPT TO:<{smtp.recipient}>", "XMAILSPEC"),
        *(f"MAIL FROM:<{smtp.setting.sender}>", f"RCPT TO:<{smtp.recipient}>", f"RCPT TO:<mailspec-nobody@{domain}>"),
        *("RCPT TO:<mailspec@relay.mailspec.invalid>", "RSET", "MAIL FROM:", f"VRFY mailspec-nobody@{domain}"),
        *("NOOP", "AUTH X-MAILSPEC", "MAIL FROM:<> X-MAILSPEC=1", "RSET", "DATA"),
    ]
    replies: list[Reply] = []
    for line in lines:
        reply = ask(smtp, line)
        if reply is None:
            break
        replies.append(reply)
        if reply.code == 354:
            replies.append(smtp.raw_text(b".\r\n"))
    return replies


def _status_codes(dial: Dial) -> list[bytes]:
    with dial() as smtp:
        smtp.greet()
        if "ENHANCEDSTATUSCODES" not in smtp.capabilities:
            raise not_applicable("the server does not offer ENHANCEDSTATUSCODES")
        lines = [line for reply in _said(smtp) for line in reply.lines]
    return [match[0] for line in lines if (match := STATUS_CODE.match(line))]


@must("rfc3463/2/6")
def check_numbers_have_no_leading_zeros(dial: Dial) -> None:
    """No number in a status code begins with a zero, unless zero is all of it."""
    wrong = [code for code in _status_codes(dial) if re.search(rb"\.0[0-9]", code)]
    expect(not wrong, "numbers without leading zeros", wrong)


@should("rfc3463/2/8")
def check_codes_are_registered(dial: Dial) -> None:
    """Status codes are those of the registry: a client has a text for them, in its user's language."""
    codes = _status_codes(dial)
    numbers = [tuple(int(number) for number in code.split(b".")) for code in codes]
    wrong = [
        code
        for code, (_, subject, detail) in zip(codes, numbers, strict=True)
        if detail not in REGISTERED.get(subject, ())
    ]
    expect(not wrong, "registered status codes", wrong)


@must("rfc2034/4/9", "rfc2034/5/1")
def check_are_there_without_ehlo(dial: Dial) -> None:
    """Status codes are in replies before any greeting, and after HELO, as they are after EHLO."""
    if not dial.facts.offers("ENHANCEDSTATUSCODES"):
        raise not_applicable("the server does not offer ENHANCEDSTATUSCODES")
    with early_session(dial) as smtp:
        early = [smtp.noop(), smtp.rset()]
        if smtp.helo().positive:
            early += [smtp.noop(), smtp.rset(), smtp.command("XMAILSPEC")]
    for reply in early:
        expect(all(STATUS_CODE.match(line) for line in reply.lines), "a status code on each line", reply)


@should("rfc7504/3/4")
def check_521_is_not_about_single_addresses(dial: Dial) -> None:
    """No sender, recipient or destination is refused with 521, which says that the host takes no mail at all."""
    with dial() as smtp:
        smtp.greet()
        wrong = [str(reply) for reply in _said(smtp) if reply.code == 521]
        expect(not wrong, "554 or 550 for a single address", wrong)
