"""Sequences of commands against a model of the session: RFC 5321 §3.3, §4.1.4, §4.2.1, §4.3.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, expect_no_recipients, line_of
from conformance.smtp.session import SmtpSession
from conformance.wire.smtp import Reply

SINGLE = (
    "MAIL",
    "RCPT",
    "DATA",
    "RSET",
    "EHLO",
    "HELO",
    "NOOP",
    "VRFY",
    "EXPN",
    "HELP",
    "MAIL bad",
    "RCPT nobody",
    "X",
)
PHRASES = (
    ("MAIL", "EXPN", "RCPT", "DATA", "RCPT"),
    ("MAIL", "RCPT", "HELP", "DATA", "DATA"),
    ("MAIL", "RCPT", "DATA", "MAIL"),
    ("MAIL", "EXPN", "RCPT", "RSET", "RCPT"),
    ("MAIL", "RCPT", "EHLO", "DATA"),
    ("MAIL", "RCPT nobody", "DATA"),
    ("MAIL", "DATA"),
    ("HELP", "EXPN", "VRFY", "X"),
)
"""What tells most comes in one piece, so that few examples have it; one command each is what they shrink to."""

ANSWERS = {
    "MAIL": {250},
    "RCPT": {250, 251},
    "RSET": {250},
    "NOOP": {250},
}
"""Codes of success that the text binds (§3.3, §4.1.1.5, §4.1.1.9); those of §4.3.2 for other commands are advice."""


def walks() -> st.SearchStrategy[list[tuple[str, ...]]]:
    """Lists of commands and phrases; they shrink by leaving out, and towards single commands."""
    return st.lists(st.sampled_from([*((step,) for step in SINGLE), *PHRASES]), min_size=1, max_size=5)


RULES = (
    "rfc5321/4.1.4/19",
    "rfc5321/4.1.4/13",
    "rfc5321/4.1.4/14",
    "rfc5321/4.1.4/15",
    "rfc5321/4.1.4/16",
    "rfc5321/3.3/17",
    "rfc5321/4.1.1.5/2",
    "rfc5321/4.1.1.2/3",
    "rfc5321/4.1.1.3/6",
    "rfc5321/4.1.1.6/3",
    "rfc5321/4.1.1.9/3",
    "rfc5321/4.1.4/4",
    "rfc5321/4.1.1.4/1",
    "rfc5321/4.1.1.4/10",
    "rfc5321/4.1.1.4/11",
    "rfc5321/4.1.1.4/13",
    "rfc5321/4.2.1/3",
    "rfc5321/4.2.1/4",
    "rfc5321/4.3.1/7",
    "rfc5321/4.2.2/11",
    "rfc5321/4.2.2/23",
    "rfc5321/3.3/4",
    "rfc5321/3.3/5",
    "rfc5321/3.3/11",
    "rfc5321/3.3/19",
    "rfc5321/3.3/20",
    "rfc5321/3.3/23",
    "rfc5321/3.3/24",
)
"""What the model holds a server to: the order of commands, the end of a transaction, and codes that the text binds."""

TOUR = (
    *("EHLO", "NOOP", "HELP", "EXPN", "VRFY", "X", "RCPT", "DATA", "MAIL bad", "RCPT"),
    *("MAIL", "EXPN", "RCPT nobody", "RCPT", "DATA", "RCPT", "DATA", "MAIL", "RCPT", "RSET", "RCPT"),
    *("MAIL", "RCPT", "EHLO", "RCPT", "MAIL", "RCPT", "HELO", "DATA", "MAIL", "RCPT", "DATA"),
)
"""A session with everything in it once, in its place and out of it."""


@dataclass(slots=True)
class _Model:
    """What the judge is sure of: whether a sender was accepted, and how many recipients, since the last reset."""

    sender: bool = False
    recipients: int = 0

    def clear(self) -> None:
        self.sender, self.recipients = False, 0

    def judge(self, step: str, reply: Reply) -> None:
        """Convict where the reply contradicts the state."""
        verb = step.partition(" ")[0]
        if reply.intermediate:
            raise ViolationError(f"no 3yz reply to {step}: nothing is to follow it", str(reply))
        if verb in ANSWERS and reply.positive and reply.code not in ANSWERS[verb]:
            raise ViolationError(
                f"{' or '.join(map(str, sorted(ANSWERS[verb])))} to {step} when it is done", str(reply)
            )
        if verb == "X":
            expect(not reply.positive, "a refusal of a command that nobody knows", reply)
        elif verb == "RCPT" and not self.sender:
            expect(reply.code == 503 or reply.transient, "503 to RCPT, as no sender was accepted", reply)
        elif verb == "RCPT" or step == "MAIL":
            expect(reply.code != 503 or (verb == "MAIL" and self.sender), f"{step} to be in order", reply)

    def follow(self, step: str, reply: Reply) -> None:
        """Go where an accepted command leads."""
        if not reply.positive:
            return
        if step in ("RSET", "EHLO", "HELO"):
            self.clear()
        elif step.startswith("MAIL"):
            self.sender, self.recipients = True, 0
        elif step.startswith("RCPT"):
            self.recipients += 1


@must(*RULES)
@given(walk=walks())
def check_is_where_accepted_commands_have_put_it(dial: Dial, mailbox: Mailbox, walk: list[tuple[str, ...]]) -> None:
    """After any commands in any order, messages among them, the session stands where those that were accepted put it.

    The model convicts only what contradicts the text: not a refusal as policy, for now, or of a session with many
    errors (§7.8), after which nothing more is asked.
    """
    _walk(dial, mailbox, [step for phrase in walk for step in phrase])


@must(*RULES)
def check_goes_through_a_whole_session(dial: Dial, mailbox: Mailbox) -> None:
    """The same for one long session in which each command comes in its place and out of it."""
    _walk(dial, mailbox, TOUR)


def _walk(dial: Dial, mailbox: Mailbox, steps: Sequence[str]) -> None:
    model = _Model()
    with dial() as smtp:
        smtp.greet()
        for step in steps:
            if step == "DATA":
                if not _send_message(smtp, mailbox, model):
                    return
                continue
            reply = ask(smtp, line_of(step, smtp))
            if reply is None:
                return
            model.judge(step, reply)
            model.follow(step, reply)


def _send_message(smtp: SmtpSession, mailbox: Mailbox, model: _Model) -> bool:
    """DATA, in its place or out of it, and a message where it is accepted; whether the session goes on."""
    if not model.recipients:
        expect_no_recipients(smtp, because="no recipient was accepted")
    else:
        reply = ask(smtp, "DATA")
        if reply is None:
            return False
        expect(not reply.positive and reply.code != 503, "354 to DATA, which is in order, or a refusal", reply)
        if reply.intermediate:
            expect(reply.code == 354, "354, which is the code that calls for the message", reply)
            final = smtp.text(mailbox.compose(mailbox.token(), b"text\r\n"))
            expect(not final.intermediate, "a reply to the message that is final", final)
            expect(not final.positive or final.code == 250, "250 to a message that is accepted", final)
            if final.positive:
                model.clear()  # §4.1.1.4: the end of the data uses the buffers up
                return True
    # What a refusal leaves of a transaction is not laid down.
    after = ask(smtp, "RSET")
    if after is not None:
        model.judge("RSET", after)
        model.clear()
    return after is not None
