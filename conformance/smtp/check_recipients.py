"""RCPT: who is a recipient, and how many there may be (RFC 5321 §3.3, §4.2.1, §4.5.3.1.8, §4.5.3.1.10)."""

from __future__ import annotations

from conformance.checks import given, intrusive, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask_together, expect_no_recipients
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_commands import any_local_parts
from conformance.wire.smtp import Reply

MINIMUM = 100
"""Recipients that every server takes (RFC 5321 §4.5.3.1.8)."""

MOST = 1100
"""RCPTs after which the judge stops looking for a server's limit; 1000 is a common one."""

GROUP = 50
"""RCPTs in one group: the replies to them fit into any socket buffer."""


def _add_recipients(smtp: SmtpSession, count: int) -> list[Reply]:
    """The replies to so many RCPTs of the same recipient; in a group where the server offers that."""
    line = f"RCPT TO:<{smtp.recipient}>".encode()
    if "PIPELINING" in smtp.capabilities:
        return ask_together(smtp, [line] * count)
    return [smtp.command(line) for _ in range(count)]


@must("rfc5321/4.5.3.1.8/1", "rfc5321/4.5.3.1.8/2", "rfc5321/4.5.3.1.10/3", "rfc5321/3.3/9", "rfc5321/4.1.1.3/1")
def check_takes_100_recipients(dial: Dial) -> None:
    """One message can have 100 recipients."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        taken = 1
        while taken < MINIMUM:
            for reply in _add_recipients(smtp, min(GROUP, MINIMUM - taken)):
                if reply.code in (450, 451):
                    raise InconclusiveError(f"RCPT number {taken + 1} is put off, which may be for its rate: {reply}")
                if not reply.positive:
                    raise ViolationError(f"{MINIMUM} recipients to be accepted", f"number {taken + 1}: {reply}")
                taken += 1
        smtp.rset()


@must("rfc5321/4.5.3.1.10/4", "rfc5321/4.5.3.1.10/1", "rfc5321/4.5.3.1.8/4")
@intrusive
def check_answers_too_many_recipients_with_452(dial: Dial) -> None:
    """RCPT beyond the limit is answered 452, so that the client sends the rest in a message of its own.

    A limit that is the site's policy may be answered 5yz instead; nothing else tells a client what to do.
    """
    with dial() as smtp:
        smtp.greet()
        if "PIPELINING" not in smtp.capabilities:
            raise not_applicable(f"{MOST} recipients one by one would take too long: no PIPELINING")
        smtp.begin()
        taken = 1
        while taken < MOST:
            for reply in _add_recipients(smtp, GROUP):
                if reply.positive:
                    taken += 1
                elif reply.code == 450:
                    # "Blocked for reasons of policy" for now (§4.2.2): a client's rate, say, and no limit of a message.
                    raise InconclusiveError(f"RCPT number {taken + 1} is put off, which may be for its rate: {reply}")
                elif not reply.permanent:
                    expect_code(reply, {452}, because=f"{taken} recipients were accepted, and this one is too many")
                    smtp.rset()
                    return
                else:
                    smtp.rset()
                    return
        smtp.rset()
    raise not_applicable(f"the server takes {MOST} recipients")


def _nobody(dial: Dial, local_part: str) -> str:
    return f"{local_part}-mailspec-nobody@{dial.domain}"


@should("rfc5321/3.3/12", "rfc5321/4.2.2/17")
@given(local_part=any_local_parts())
def check_refuses_unknown_recipients_with_550(dial: Dial, local_part: str) -> None:
    """A recipient known not to exist is refused with 550."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        reply = smtp.rcpt(_nobody(dial, local_part))
        if reply.positive:
            raise not_applicable("the server accepts unknown recipients")
        if reply.permanent:
            # 501 and 553 are for names whose form the server does not allow (§4.2.2): it is free to have such rules.
            expect_code(reply, {550, 501, 553}, because="nobody has that name")


@must("rfc5321/4.2.1/9", "rfc5321/4.2.1/5", "rfc5321/2.1/6")
def check_a_refused_recipient_is_none(dial: Dial) -> None:
    """A recipient that was refused is not one: with no other, no message can follow."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[])
        for address in (_nobody(dial, "a"), "mailspec@relay.mailspec.invalid", ""):
            reply = smtp.rcpt(address)
            if reply.positive:
                raise not_applicable(f"the server accepts {address or '<>'} as a recipient")
        expect_no_recipients(smtp, because="every recipient was refused")
