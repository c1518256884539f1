"""Replies: codes (RFC 5321 §4.2, §4.3.2) and enhanced status codes (RFC 2034)."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, expect_status_code, line_of
from conformance.smtp.session import CLIENT_NAME, SmtpSession

STEPS = ("NOOP", "RSET", "HELP", "VRFY known", "VRFY nobody", "EXPN", "MAIL", "RCPT", "RCPT nobody", "MAIL bad", "X")


@must(
    "rfc2034/4/7",
    "rfc2034/3/3",
    "rfc2034/4/6",
    "rfc2034/4/8",
    "rfc2034/4/2",
    "rfc2034/3/4",
    "rfc2034/4/1",
    "rfc2034/4/3",
    "rfc2034/4/4",
    "rfc2034/4/5",
    "rfc3463/2/1",
    "rfc3463/2/2",
    "rfc3463/2/3",
    "rfc3463/2/4",
    "rfc3463/2/5",
)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=5))
def check_status_codes_agree_with_reply_codes(dial: Dial, steps: list[str]) -> None:
    """Where ENHANCEDSTATUSCODES is offered each line of a 2yz, 4yz or 5yz reply begins with one code of its class.

    Replies to HELO and EHLO, the greeting, and 3yz replies have none.
    """
    # First of all one of each kind: done, refused, of several lines, out of place, not known.
    always = ["RCPT", "NOOP", "HELP", "MAIL", "RCPT", "RCPT nobody", "RSET", "X"]
    with dial() as smtp:
        smtp.greet()
        if "ENHANCEDSTATUSCODES" not in smtp.capabilities:
            raise not_applicable("the server does not offer ENHANCEDSTATUSCODES")
        for step in [*always, *steps]:
            reply = ask(smtp, line_of(step, smtp))
            if reply is None:
                return
            expect_status_code(reply, to=line_of(step, smtp))


# RFC 5321 §4.3.2: 421, 500, 501 for any command; 502, 503 and 504 as §4.2.2 defines them. 530 and 538 are for any
# command by RFC 3207 §4 and RFC 4954 §6; 455 and 555 are in the table. 556: RFC 7504 §3, for domains that take no mail.
_ANY = frozenset({421, 500, 501, 502, 503, 504, 530, 538})
_SENDER = frozenset({250, 552, 451, 452, 550, 553, 455, 555, 556})
_TABLE = {
    "EHLO": frozenset({250, 550}),
    "HELO": frozenset({250, 550}),
    "MAIL": _SENDER,
    "RCPT": _SENDER | {251, 551, 450},
    "DATA": frozenset({354, 554}),
    "RSET": frozenset({250}),
    "VRFY": frozenset({250, 251, 252, 550, 551, 553}),
    "EXPN": frozenset({250, 252, 550}),
    "HELP": frozenset({211, 214}),
    "NOOP": frozenset({250}),
    "QUIT": frozenset({221}),
}


def _dialogue(smtp: SmtpSession) -> Iterator[str]:
    """A session with everything in it that a server can answer in one way or another."""
    yield from (f"EHLO {CLIENT_NAME}", f"HELO {CLIENT_NAME}", f"EHLO {CLIENT_NAME}")
    for step in ("NOOP", "HELP", "EXPN", "VRFY known", "VRFY nobody", "RCPT", "DATA", "MAIL bad", "MAIL"):
        yield line_of(step, smtp)
    yield from (f"RCPT TO:<mailspec@{name}>" for name in ("relay.mailspec.invalid", "relay-mailspec.test"))
    for step in ("RCPT nobody", "RCPT", "RSET"):
        yield line_of(step, smtp)


@should(
    "rfc5321/4.3.1/6",
    "rfc5321/4.3.2/14",
    "rfc5321/4.3.2/17",
    "rfc5321/4.3.2/26",
    "rfc5321/4.3.2/24",
    "rfc5321/4.3.2/13",
    "rfc5321/4.3.2/15",
    "rfc5321/4.3.2/16",
    "rfc5321/4.3.2/18",
    "rfc5321/4.3.2/21",
    "rfc5321/4.3.2/23",
    "rfc5321/4.3.2/25",
    "rfc5321/4.3.2/27",
    "rfc5321/4.3.2/28",
    "rfc5321/4.2.1/16",
    "rfc5321/4.2/16",
    "rfc5321/4.2.1/17",
    "rfc5321/4.2.2/6",
    "rfc5321/4.2.2/7",
    "rfc5321/4.2.1/12",
    "rfc5321/4.2.1/13",
    "rfc5321/4.2.1/14",
    "rfc5321/4.2.1/15",
    "rfc5321/3.3/7",
)
def check_codes_are_those_of_the_table(dial: Dial) -> None:
    """Each command is answered with a code that RFC 5321 §4.3.2 lists for it.

    Clients decide by the first digit, people and log readers by the whole code.
    """
    stray: list[str] = []
    with dial() as smtp:
        smtp.greet()
        if smtp.setting.endpoint.means.submission:
            raise not_applicable("the codes are looked at where mail comes in, without log-in")
        for line in _dialogue(smtp):
            reply = ask(smtp, line)
            if reply is None:
                break
            if reply.code == 354:
                smtp.raw_text(b".\r\n")
            elif reply.code not in _ANY | _TABLE[line[:4]]:
                stray.append(f"{line}: {reply}")
    if stray:
        raise ViolationError("the codes that §4.3.2 lists for each command", "; ".join(stray))
