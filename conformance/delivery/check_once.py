"""Accepted mail arrives once, and no other mail does: RFC 5321 §4.1.1.10, §4.2.5, §6.1."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.passage import MIME_8BIT, hand_in
from conformance.smtp.session import stuffed

REFUSABLE = (
    b"bare\nLF\r\n",
    b"bare\rCR\r\n",
    b"a NUL: \x00\r\n",
    b"x" * 100_000 + b"\r\n",
    b"unannounced: \xe4\r\n",
)
"""Bodies of which most servers refuse one or the other, each having the right to."""


@must(
    "rfc5321/6.1/1",
    "rfc5321/4.2.5/2",
    "rfc5321/2.1/5",
    "rfc5321/3.3/22",
    "rfc5321/4.1.1.4/9",
    "rfc5321/4.1.1.4/14",
    "rfc5321/4.2.5/1",
    "rfc5321/4.1.1.3/5",
    "rfc5321/3.3/21",
    "rfc5321/4.2.1/1",
)
@given(messages=st.integers(1, 3), at_most=3)
def check_accepted_mail_arrives_once(dial: Dial, mailbox: Mailbox, messages: int) -> None:
    """Each message that was answered 250 is in the mailbox exactly once, several of one session too."""
    tokens = []
    with dial() as smtp:
        smtp.greet()
        for _ in range(messages):
            token = mailbox.token()
            if hand_in(smtp, mailbox, token, b"once\r\n").positive:
                tokens.append(token)
    for token in tokens:
        mailbox.wait_for(token)
    mailbox.settle()
    for token in tokens:
        found = sum(message.token == token for message in mailbox.all_messages())
        expect(found == 1, f"the message {token} once", f"{found} times")


@must("rfc5321/4.1.1.10/4", "rfc5321/6.1/1", "rfc5321/6.1/2")
@given(how=st.sampled_from(("closed", "reset")), at_most=2)
def check_accepted_mail_outlives_the_connection(dial: Dial, mailbox: Mailbox, how: str) -> None:
    """A message that was answered 250 arrives though the client never says QUIT.

    With its 250 the server has taken the message over. The client, which has the reply, will not send it again.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        reply = hand_in(smtp, mailbox, token, b"kept\r\n")
        smtp.abandon()
        if how == "reset":
            smtp.connection.reset()
    if reply.positive:
        mailbox.settle()
        mailbox.wait_for(token)


@must("rfc5321/4.1.1.10/4")
@cuts_itself
@given(ending=st.sampled_from((b"", b"\r", b"\r\n", b"\r\n.", b"\r\n.\r")), how=st.sampled_from(("closed", "reset")))
def check_unfinished_mail_never_arrives(dial: Dial, mailbox: Mailbox, ending: bytes, how: str) -> None:
    """A message whose connection breaks before the end of data is complete does not arrive.

    The client sends it again, so that half of it, or a second copy, would be delivered otherwise.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        smtp.begin_data()
        smtp.send(stuffed(mailbox.compose(token, b"unfinished")) + ending)
        smtp.abandon()
        if how == "reset":
            smtp.connection.reset()
    mailbox.settle()
    found = mailbox.with_token(token)
    expect(not found, "nothing of a message that was broken off", f"{[message.octets for message in found]!r}")


@must("rfc5321/4.2.5/8", "rfc5321/4.2.5/5", "rfc5321/4.1.1.4/12")
def check_refused_mail_never_arrives(dial: Dial, mailbox: Mailbox) -> None:
    """A message that was answered 4yz or 5yz at its end is not delivered."""
    refused = []
    for body in REFUSABLE:
        token = mailbox.token()
        with dial() as smtp:
            smtp.greet()
            reply = mailbox.deliver(smtp, mailbox.compose(token, body, headers=MIME_8BIT))
            if not reply.positive:
                refused.append((token, reply))
    if not refused:
        raise not_applicable("the server accepts every message that the judge could think of")
    mailbox.settle()
    for token, reply in refused:
        # By its own header: a notice to its recipient about what was refused may quote it.
        arrived = any(message.token == token for message in mailbox.all_messages())
        expect(not arrived, f"no message {token}, which was refused: {reply}", "it was delivered")


REFUSALS = frozenset({552, 554, 451, 452, 450, 550, 421, 500, 521})
"""Codes of §4.3.2 for mail data, as a matter of policy too, and for any command; 521 is that of RFC 7504 for servers
that hang up."""


@should("rfc5321/4.3.2/19")
def check_refuses_mail_with_the_codes_for_it(dial: Dial, mailbox: Mailbox) -> None:
    """A message that is refused at its end gets a code that §4.3.2 lists for mail data."""
    refused = False
    for body in REFUSABLE:
        with dial() as smtp:
            smtp.greet()
            reply = mailbox.deliver(smtp, mailbox.compose(mailbox.token(), body, headers=MIME_8BIT))
            if not reply.positive:
                refused = True
                expect(reply.code in REFUSALS, "552, 554, 451, 452, or 450 and 550 for policy", reply)
    if not refused:
        raise not_applicable("the server accepts every message that the judge could think of")
