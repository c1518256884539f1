"""The order of commands: RFC 5321 §3.3, §4.1.1, §4.1.4."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, expect_no_recipients, line_of, settled
from conformance.wire.smtp import Reply


@must("rfc5321/3.3/17", "rfc5321/4.1.4/14", "rfc5321/4.2.2/4")
def check_refuses_rcpt_without_mail_with_503(dial: Dial) -> None:
    """RCPT without a MAIL that was accepted is answered 503: in a fresh session, and after a refused MAIL."""
    with dial() as smtp:
        smtp.greet()
        expect_code(smtp.rcpt(smtp.recipient), {503}, because="no MAIL was given")
        if smtp.command("MAIL FROM:").permanent:
            expect_code(smtp.rcpt(smtp.recipient), {503}, because="MAIL was refused")


@must("rfc5321/4.1.4/14", "rfc5321/4.1.4/19", "rfc5321/3.3/25")
def check_takes_no_message_without_recipients(dial: Dial) -> None:
    """DATA leads to no message before MAIL, and none between MAIL and RCPT."""
    with dial() as smtp:
        smtp.greet()
        expect_no_recipients(smtp, because="no MAIL was given")
        smtp.rset()
        smtp.begin(to=[])
        expect_no_recipients(smtp, because="no RCPT was given")


@must("rfc5321/4.1.1.2/3", "rfc5321/3.3/3", "rfc5321/4.1.4/19")
def check_mail_starts_with_no_recipients(dial: Dial) -> None:
    """A MAIL that is accepted begins with empty buffers, also where a transaction was open.

    Most servers refuse a second MAIL; one that accepts it must not send the new message to the old recipients.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        second = smtp.mail(smtp.setting.sender)
        if second.positive:
            expect_no_recipients(smtp, because="a new MAIL was accepted and no RCPT followed")
            return
        # §4.1.4: a command out of order leaves the session as it is.
        expect_code(settled(second), {503}, because="a transaction is open")
        after = smtp.rcpt(smtp.recipient)
        expect(after.code != 503, "the open transaction to go on after the refused MAIL", after)


UNACCEPTABLE = ("FROM:", "FROM:<", "FROM:<a@>", "FROM:<@client.example>", "<a@client.example>", "FROM:<a b@c>", "")
"""Arguments of MAIL that have no address in them, or no whole one."""


@must("rfc5321/4.1.4/18")
def check_refused_mail_changes_nothing(dial: Dial) -> None:
    """After a MAIL whose argument was not acceptable the session is as before, and a good MAIL is in order."""
    refused = False
    for argument in UNACCEPTABLE:
        with dial() as smtp:
            smtp.greet()
            reply = ask(smtp, f"MAIL {argument}".rstrip())
            if reply is None or reply.positive:
                continue
            refused = True
            after = ask(smtp, f"MAIL FROM:<{smtp.setting.sender}>")
            if after is not None:
                expect(after.code != 503, f"MAIL in its place, since MAIL {argument} was refused", after)
    if not refused:
        raise not_applicable("the server accepts every argument of MAIL")


@should("rfc5321/4.3.2/7", "rfc5321/4.2.2/2")
@given(argument=st.sampled_from(["FROM:", "", "TO:<a@client.example>", "FROM", "FROM:<a@client.example"]))
def check_answers_mail_without_a_path_with_501(dial: Dial, argument: str) -> None:
    """MAIL whose argument is no path is a syntax error in the argument, and that is 501."""
    with dial() as smtp:
        smtp.greet()
        reply = ask(smtp, f"MAIL {argument}".rstrip())
        if reply is not None and reply.permanent:
            # §4.2.2 has 553 for mailbox names of bad syntax; 500 is for syntax errors in general.
            expect_code(reply, {500, 501, 553}, because="the argument has no path")


@dataclass(slots=True)
class _Expected:
    """What the judge is sure of about the session's state."""

    sender: bool = False
    recipients: int = 0


STEPS = ("MAIL", "RCPT", "RCPT nobody", "DATA", "RSET", "EHLO", "NOOP", "VRFY", "MAIL bad")


def _judge(step: str, reply: Reply, state: _Expected) -> None:
    """Convict where the reply contradicts the state, and move on to the next one."""
    if step in ("RSET", "NOOP"):
        if reply.code != 250:
            raise ViolationError(f"250 to {step}, which is always in order", str(reply))
    elif step == "MAIL" and not state.sender and reply.code == 503:
        raise ViolationError("MAIL to be in order with no transaction open", str(reply))
    elif step.startswith("RCPT") and not state.sender and reply.code != 503:
        raise ViolationError("503 to RCPT, as no sender was accepted since the last reset", str(reply))
    elif step.startswith("RCPT") and state.sender and reply.code == 503:
        raise ViolationError("RCPT to be in order after an accepted MAIL", str(reply))
    if step in ("RSET", "EHLO") and reply.positive:
        state.sender, state.recipients = False, 0
    elif step in ("MAIL", "MAIL bad") and reply.positive:
        state.sender, state.recipients = True, 0
    elif step.startswith("RCPT") and reply.positive:
        state.recipients += 1


@must(
    "rfc5321/4.1.4/19",
    "rfc5321/4.1.4/13",
    "rfc5321/4.1.4/14",
    "rfc5321/4.1.4/15",
    "rfc5321/3.3/17",
    "rfc5321/4.1.1.5/2",
    "rfc5321/4.1.1.2/3",
    "rfc5321/4.1.1.3/6",
    "rfc5321/4.1.1.6/3",
    "rfc5321/4.1.1.9/3",
)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=6))
def check_commands_out_of_order_change_nothing(dial: Dial, steps: list[str]) -> None:
    """Whatever commands come in whatever order, the session stands where those that were accepted have put it.

    The judge keeps a small model of §4.1.4 and convicts only what contradicts it. A server that ends a session with
    many errors in it (RFC 5321 §7.8) is not held to the rest.
    """
    always = ["RCPT", "MAIL", "MAIL", "VRFY", "RCPT", "MAIL bad", "RCPT"]
    state = _Expected()
    with dial() as smtp:
        smtp.greet()
        for step in [*always, *steps]:
            if step == "DATA":
                if state.recipients:
                    continue  # it would be in order, and begin a message
                expect_no_recipients(smtp, because="no recipient was accepted")
                # A server that answered 354 has ended the transaction by its refusal of the empty message.
                if smtp.rset().positive:
                    state.sender = False
                continue
            reply = ask(smtp, line_of(step, smtp))
            if reply is None:
                return
            _judge(step, reply, state)
