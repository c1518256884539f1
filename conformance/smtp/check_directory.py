"""What VRFY, EXPN and HELP answer: RFC 5321 §3.5.2, §4.1.1.8."""

from __future__ import annotations

import re

from conformance.checks import must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.session import SmtpSession
from conformance.smtp.syntax import MAILBOX
from conformance.wire.smtp import Reply

VERIFIED = frozenset({250, 251, 551})
"""Codes whose text has a mailbox in it (§4.2.2); 252 says that nothing was verified."""

_IN_BRACKETS = re.compile(rb"<[^<>]*@[^<>]+>")
_ROUTE = re.compile(rb"<?@[^<>\s:]+:[^<>\s]*@")


def _verified(smtp: SmtpSession) -> Reply:
    reply = smtp.command(f"VRFY {smtp.recipient}")
    if reply.code not in VERIFIED:
        raise not_applicable(f"the server verifies nobody: {reply}")
    return reply


@should("rfc5321/3.5.2/3")
def check_puts_mailboxes_in_angle_brackets(dial: Dial) -> None:
    """The mailbox that VRFY found stands in angle brackets, so that a program can tell it from a name."""
    with dial() as smtp:
        smtp.greet()
        reply = _verified(smtp)
        expect(all(_IN_BRACKETS.search(line) for line in reply.lines), "<local-part@domain> on each line", reply)


@must("rfc5321/3.5.2/6")
def check_returns_no_source_routes(dial: Dial) -> None:
    """The mailbox that VRFY found has no source route before it."""
    with dial() as smtp:
        smtp.greet()
        reply = _verified(smtp)
        expect(not any(_ROUTE.search(line) for line in reply.lines), "a mailbox without a source route", reply)


@must("rfc5321/3.5.1/10")
def check_knows_mailboxes_as_user_names(dial: Dial) -> None:
    """VRFY of a mailbox that it verifies is not bad syntax without the domain: a local mailbox is a user name.

    550 and 553 are left to servers with several domains, where the name alone may mean nobody, or more than one.
    """
    with dial() as smtp:
        smtp.greet()
        _verified(smtp)
        reply = smtp.command(f"VRFY {smtp.recipient.rpartition('@')[0]}")
        expect(reply.code not in {500, 501, 502, 504}, "the name alone to be understood", reply)


@must("rfc5321/3.5.2/9")
def check_lists_expn_where_it_works(dial: Dial) -> None:
    """EXPN that expands something is listed in the reply to EHLO."""
    with dial() as smtp:
        smtp.greet()
        for name in ("postmaster", smtp.recipient):
            reply = smtp.command(f"EXPN {name}")
            # Only 250 proves that it is supported: 252 and 5yz are for servers too on which it is switched off.
            if reply.code == 250:
                expect("EXPN" in smtp.capabilities, "EXPN among the extensions, as it works", reply)


@must("rfc5321/3.5.1/9", "rfc5321/3.5.1/6", "rfc5321/4.1.1.7/2")
def check_expands_to_one_mailbox_a_line(dial: Dial) -> None:
    """Each line of a 250 to EXPN has one mailbox.

    A server may expand a user to a list of one (§3.5.1), so that this shows where the judge knows no list.
    """
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command(f"EXPN {smtp.recipient}")
        if reply.code != 250:
            raise not_applicable(f"the server does not expand users: {reply}")
        # Full names are free text, and may be of any form where the mailbox stands in brackets.
        wrong = [line for line in reply.lines if len(_IN_BRACKETS.findall(line) or MAILBOX.findall(line)) != 1]
        expect(not wrong, "one mailbox on each line", wrong)


@should("rfc5321/4.1.1.8/4")
def check_helps_without_an_argument(dial: Dial) -> None:
    """HELP alone is known, and answered for any client that asks."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command("HELP")
        expect(reply.code not in {500, 501, 502}, "HELP to be supported", reply)
