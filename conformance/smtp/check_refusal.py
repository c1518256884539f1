"""Servers that refuse service in their greeting: RFC 5321 §3.1, §4.3.2, and the 521 of RFC 7504 §3.

Where the greeting is 220 there is nothing to ask. Of a server that refuses, no other check can begin anything.
"""

from __future__ import annotations

from conformance.checks import judges_refusals, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask
from conformance.smtp.session import SmtpSession


def _turned_away(dial: Dial, code: int) -> SmtpSession:
    """A session that begins with that code; none has ended in good order, so none is judged by its end."""
    smtp = dial.turned_away()
    smtp.abandon()
    greeting = smtp.greeting
    if greeting is None or greeting.code != code:
        smtp.drop()
        raise not_applicable(f"the greeting is not {code}: {greeting}")
    return smtp


@should("rfc5321/4.3.2/11")
@judges_refusals
def check_is_554_or_521(dial: Dial) -> None:
    """A greeting that refuses service for good is 554, or 521 where nobody's mail is ever taken."""
    with dial.turned_away() as smtp:
        smtp.abandon()
        greeting = smtp.greeting
    assert greeting is not None, "a session has its greeting once it is open"
    expect(greeting.code in {554, 521}, "554, or 521, in a greeting that refuses service", greeting)


@must("rfc5321/3.1/5")
@judges_refusals
def check_554_is_followed_by_a_session(dial: Dial) -> None:
    """After a 554 greeting the server goes on answering until QUIT has come.

    A client that has just been refused still says QUIT, and one that pipelines has said more: to close on it loses
    the 554 together with the connection, and the client tries again for days.
    """
    with _turned_away(dial, 554) as smtp:
        reply = smtp.ehlo()
        if reply.code != 503:
            dial.remark(f"EHLO after the 554 greeting is answered {reply}, where RFC 5321 §3.1 would have 503")
        reply = smtp.quit()
        expect(reply.positive or reply.permanent, "an answer to QUIT", reply)


@must("rfc7504/3/5")
@judges_refusals
def check_521_waits_for_a_command(dial: Dial) -> None:
    """After a 521 greeting the session is a session: QUIT is answered."""
    with _turned_away(dial, 521) as smtp:
        reply = smtp.quit()
        expect(reply.positive or reply.permanent, "an answer to QUIT", reply)


@must("rfc7504/3/1")
@judges_refusals
def check_521_means_no_mail(dial: Dial) -> None:
    """A host that greets with 521 takes no mail: whoever goes on all the same gets 521 or is cut off."""
    with _turned_away(dial, 521) as smtp:
        for line in ("EHLO client.example", "MAIL FROM:<>", f"RCPT TO:<{smtp.recipient}>"):
            reply = ask(smtp, line)
            if reply is None or not reply.positive:
                return
        data = ask(smtp, "DATA")
        smtp.drop()
        expect(data is None or data.code != 354, "no mail to be taken after a 521 greeting", data)
