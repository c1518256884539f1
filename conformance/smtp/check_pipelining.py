"""PIPELINING: RFC 2920."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.session import setting_up
from conformance.smtp.dialogue import ask_together
from conformance.smtp.session import SmtpSession, stuffed
from conformance.wire.errors import SilenceError


def _begin(smtp: SmtpSession) -> None:
    smtp.greet()
    if "PIPELINING" not in smtp.capabilities:
        raise not_applicable("the server does not offer PIPELINING")


STEPS = ("MAIL", "RCPT", "RCPT nobody", "RSET", "MAIL bad")
"""What RFC 2920 §3.1 lets stand anywhere in a group."""


MANY_ERRORS = 3
"""So many commands out of place end a session with some servers (Exim's smtp_max_synprot_errors lets 3 pass)."""


def _with_few_errors(steps: list[str]) -> list[str]:
    """As many of the steps as a server answers with fewer errors than that, after `RSET` and one error before it."""
    under_way = False
    errors = 1
    for at, step in enumerate(steps):
        if step == "MAIL bad" or step.startswith("RCPT") > under_way or (step == "MAIL" and under_way):
            errors += 1
        elif step in {"MAIL", "RSET"}:
            under_way = step == "MAIL"
        if errors > MANY_ERRORS:
            return steps[:at]
    return steps


def _lines(smtp: SmtpSession, steps: list[str]) -> list[bytes]:
    domain = smtp.recipient.rpartition("@")[2]
    line_of = {
        "MAIL": f"MAIL FROM:<{smtp.setting.sender}>",
        "MAIL bad": "MAIL FROM:",
        "RCPT": f"RCPT TO:<{smtp.recipient}>",
        "RCPT nobody": f"RCPT TO:<mailspec-nobody@{domain}>",
    }
    return [line_of.get(step, step).encode() for step in steps]


@must("rfc2920/3.2/1", "rfc2920/3/2", "rfc2920/3.2/9", "rfc2920/3.1/15", "rfc2920/3.1/2", "rfc2920/3.2/7")
@given(steps=st.lists(st.sampled_from(STEPS), max_size=8).map(_with_few_errors))
def check_a_group_is_answered_as_its_commands_would_be(dial: Dial, steps: list[str]) -> None:
    """Commands sent in a group get the replies, one each and in order, that they get when each waits for the last.

    A server that answers out of order, or loses what came in the same segment, makes clients believe the wrong
    recipients accepted.
    """
    group = ["RCPT", "MAIL", "RCPT nobody", "RCPT", "RSET", *steps, "NOOP"]
    with dial() as smtp:
        _begin(smtp)
        lines = _lines(smtp, group)
        with setting_up("the commands one by one"):  # Also a server that has had enough of errors hangs up.
            one_by_one = [smtp.command(line) for line in lines]
    with dial() as smtp:
        _begin(smtp)
        together = ask_together(smtp, lines)
    for line, single, grouped in zip(lines, one_by_one, together, strict=True):
        if single.transient != grouped.transient and line.startswith(b"MAIL"):
            raise InconclusiveError(f"{line.decode()} was put off in one session alone: the rest cannot be compared")
        # What is put off for now may be accepted, or not, the next time it is asked.
        if not single.transient and not grouped.transient:
            got = f"{str(grouped)!r} in the group"
            expect(single.code == grouped.code, f"{str(single)!r} to {line.decode()}, as when sent alone", got)


@must("rfc2920/3.2/9", "rfc2920/3.1/5")
def check_commands_behind_the_message_are_kept(dial: Dial, mailbox: Mailbox) -> None:
    """The mail data may be the first item of a group: commands that follow the final dot at once are not lost.

    They are not part of the message either.
    """
    token = mailbox.token()
    body = b"one line\r\n"
    with dial() as smtp:
        _begin(smtp)
        smtp.begin_data()
        message = mailbox.compose(token, body)
        smtp.send(stuffed(message) + b".\r\nRSET\r\nNOOP\r\n")
        if not smtp.read_reply().positive:
            raise not_applicable("the message was refused")
        for verb in ("RSET", "NOOP"):
            reply = smtp.read_reply()
            if reply.code != 250:
                raise ViolationError(f"250 to {verb} behind the final dot", str(reply))
    got = mailbox.wait_for(token).body
    # What a server adds to or takes off the end of a text is judged elsewhere.
    expect(got.startswith(body), f"the body {body!r}", repr(got))
    expect(b"NOOP" not in got and b"RSET" not in got, f"the body {body!r}, and no commands in it", repr(got))


@must("rfc2920/3.2/5", "rfc2920/3.2/6", "rfc2920/3.2/7")
@given(
    line=st.sampled_from(("EHLO client.example", "VRFY postmaster", "EXPN postmaster", "NOOP", "X-MAILSPEC", "DATA")),
    at_most=6,
)
def check_withholds_no_reply(dial: Dial, line: str) -> None:
    """The last command of a group is answered when there is nothing more to read: no reply waits for the next command.

    The client sends nothing until it has the reply, and both wait for ever.
    """
    with dial() as smtp:
        _begin(smtp)
        smtp.send(b"RSET\r\n%s\r\n" % line.encode())
        expect_code(smtp.read_reply(), {250}, because="RSET came first")
        try:
            smtp.read_reply()
        except SilenceError as error:
            smtp.abandon()
            raise ViolationError(f"a reply to {line} at the end of a group", error.what) from error


@should("rfc2920/3.2/3")
def check_data_waits_for_a_recipient(dial: Dial) -> None:
    """In a group, DATA is accepted if one of the recipients was, and refused if none was.

    The client has no time to look at the replies before it sends DATA. Where 354 says nothing about the recipients it
    has to send an empty message to nobody.
    """
    with dial() as smtp:
        _begin(smtp)
        mail, nobody, somebody, data = (*_lines(smtp, ["MAIL", "RCPT nobody", "RCPT"]), b"DATA")
        replies = ask_together(smtp, [mail, nobody, data])
        if replies[2].code == 354:
            smtp.raw_text(b".\r\n")
        if replies[0].positive and not replies[1].positive:
            expect(replies[2].code != 354, "DATA to be refused: no recipient was accepted", replies[2])
        smtp.rset()
        replies = ask_together(smtp, [mail, nobody, somebody, data])
        if replies[3].code == 354:
            smtp.abandon()  # An end of the data would have somebody get an empty message.
        if replies[2].positive and not replies[3].transient:
            expect_code(replies[3], {354}, because="a recipient was accepted")


@must("rfc2920/3.2/4")
def check_nothing_for_nobody_is_sent_to_nobody(dial: Dial, mailbox: Mailbox) -> None:
    """Where DATA is accepted without recipients, the empty message that the client then sends goes to nobody.

    It is the client's way out of a group that was answered 354 too soon; not even its sender may hear of it.
    """
    name = f"mailspec-nobody-{mailbox.token()}"
    with dial() as smtp:
        _begin(smtp)
        sender, nobody = (f"<{address}>".encode() for address in (mailbox.address, f"{name}@{dial.domain}"))
        replies = ask_together(smtp, [b"MAIL FROM:" + sender, b"RCPT TO:" + nobody, b"DATA"])
        if replies[2].code != 354:
            return  # There is nobody to whom anything could be sent, which is best.
        smtp.raw_text(b".\r\n")
        if replies[1].positive:
            raise not_applicable("the server accepts every recipient")
    mailbox.settle()
    told = [message for message in mailbox.all_messages() if name.encode() in message.octets]
    expect(not told, "no message about the empty one", f"{len(told)} in the mailbox of its sender")
