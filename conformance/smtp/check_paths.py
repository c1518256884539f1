"""Paths in MAIL and RCPT: RFC 5321 §2.4, §3.3, §4.1.2, §4.1.3."""

from __future__ import annotations

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect, expect_done, expect_refused
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import settled
from conformance.smtp.strategies_commands import (
    case_patterns,
    escapes,
    in_case,
    quoted_with,
    source_routes,
)

SYNTAX_ERRORS = frozenset({500, 501, 502, 504, 555})
"""What says that a path was not understood; 553 may be policy about a mailbox name."""


@must("rfc5321/4.1.2/1", "rfc5321/3.6.3/6", "rfc5321/4.5.5/1")
def check_takes_the_null_reverse_path(dial: Dial) -> None:
    """MAIL FROM:<> is in the grammar: every bounce, and every notification, comes with it."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.mail("")
        # A submission service may have rules about whose name users send in, and 553 is a code for them.
        codes = SYNTAX_ERRORS if smtp.setting.endpoint.means.submission else SYNTAX_ERRORS | {553}
        expect(reply.code not in codes, "MAIL FROM:<> to be understood", reply)


@should("rfc5321/4.3.2/7", "rfc5321/4.1.2/2")
def check_refuses_a_null_forward_path(dial: Dial) -> None:
    """RCPT TO:<> names nobody and is refused.

    The grammar of §4.1.2 binds who writes the path. That a server refuses what is not in it is the advice of §4.3.2.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[])
        expect_refused(smtp.rcpt(""), because="a forward-path is never empty")


@must("rfc5321/4.1.2/27", "rfc5321/4.1.2/18", "rfc5321/4.1.2/23", "rfc5321/4.1.2/30")
@given(escaped=escapes())
def check_takes_all_quoted_forms_for_one_mailbox(dial: Dial, escaped: list[bool]) -> None:
    """Local-parts that differ only in quotes and backslashes are one mailbox."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        local_part, _, domain = smtp.recipient.rpartition("@")
        for pattern in ([False], [True], escaped):
            address = f"{quoted_with(local_part, pattern)}@{domain}"
            reply = smtp.rcpt(address)
            if reply.transient:
                continue
            expect_done(reply, because=f"<{address}> is <{smtp.recipient}>, which was accepted")


@must(
    "rfc5321/4.1.1.3/3",
    "rfc5321/3.3/14",
    "rfc5321/4.1.2/5",
    "rfc5321/C/3",
    "rfc5321/F.2/1",
    "rfc5321/4.1.2/3",
    "rfc5321/4.1.2/4",
    "rfc5321/4.1.2/6",
)
@given(route=source_routes())
def check_recognises_source_routes(dial: Dial, route: str) -> None:
    """A source route in a forward-path is understood; to decline it is a matter of policy, not of syntax."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[])
        for before in ("@relay.example:", route):
            reply = smtp.rcpt(before + smtp.recipient)
            # §3.6.1 lets a server decline, and names no code: 504, "not implemented", says that it has understood.
            expect(
                reply.code not in SYNTAX_ERRORS - {504}, f"RCPT TO:<{before}{smtp.recipient}> to be understood", reply
            )


@should("rfc5321/3.6.1/3")
@given(route=source_routes(), at_most=3)
def check_delivers_to_the_last_element_of_a_source_route(dial: Dial, mailbox: Mailbox, route: str) -> None:
    """A source route that is accepted is passed over: the mail is delivered to the mailbox behind it."""
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[])
        reply = settled(smtp.rcpt(route + mailbox.address))
        if not reply.positive:
            raise not_applicable(f"the server declines source routes: {reply}")
        if smtp.data().code != 354 or not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message is refused")
    mailbox.wait_for(token)


@must("rfc5321/2.4/9")
@given(pattern=case_patterns())
def check_reads_domains_in_any_case(dial: Dial, pattern: list[bool]) -> None:
    """A recipient is the same whatever the case of its domain."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        local_part, _, domain = smtp.recipient.rpartition("@")
        for case in ([True], [True, False], pattern):
            reply = smtp.rcpt(f"{local_part}@{in_case(domain, case)}")
            if reply.transient:
                continue
            expect_done(reply, because=f"{smtp.recipient} was accepted, and the case of its domain means nothing")
