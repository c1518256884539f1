"""Arguments in the grammar and outside it: RFC 5321 §3.3, §4.1.2, §4.1.3."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, expect_sender_is_taken, mail_alone, settled, usable_sender_domain
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_grammar import BROKEN_PARAMETERS, BROKEN_PATHS, STRINGS, mailboxes_below
from conformance.wire.smtp import Reply

SYNTAX_ERRORS = frozenset({500, 501, 502, 555})
"""What says that an argument was not understood. 553 and 550 may be policy about mailboxes, 504 is about routes."""

_HOME = "client.example"
"""Stands in generated addresses for the domain from which the server takes mail."""


@must(
    "rfc5321/4.1.2/17",
    "rfc5321/4.1.2/20",
    "rfc5321/4.1.2/21",
    "rfc5321/4.1.2/22",
    "rfc5321/4.1.2/24",
    "rfc5321/4.1.2/13",
    "rfc5321/4.1.2/14",
    "rfc5321/4.1.2/15",
    "rfc5321/4.1.2/3",
    "rfc5321/4.1.2/4",
    "rfc5321/4.1.2/6",
    "rfc5321/4.1.1.2/5",
    "rfc5321/3.3/2",
    "rfc5321/4.1.1/2",
)
@given(mailbox=mailboxes_below(_HOME))
def check_understands_every_mailbox(dial: Dial, mailbox: str) -> None:
    """A mailbox in the grammar, quoted or not, is not refused as bad syntax when it is the sender."""
    with dial() as smtp:
        smtp.greet()
        domain = usable_sender_domain(smtp)
        for each in (f"a.b+c@1x.{_HOME}", f'"a b"@{_HOME}', f'"a\\"b>"@{_HOME}', mailbox):
            sender = each.replace(_HOME, domain)
            reply = mail_alone(smtp, sender=sender)
            expect(reply.code not in SYNTAX_ERRORS, f"MAIL FROM:<{sender}> to be understood", reply)


@must("rfc5321/4.1.1.3/12", "rfc5321/3.3/10", "rfc5321/4.1.2/8")
def check_understands_rcpt_with_parameters(dial: Dial) -> None:
    """RCPT takes the path straight behind its colon, and then, where DSN is offered, parameters after a space each."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        lines: list[tuple[str, ...]] = [()]
        if "DSN" in smtp.capabilities:
            lines += [("NOTIFY=NEVER",), ("ORCPT=rfc822;mailspec@client.example", "NOTIFY=FAILURE,DELAY")]
        for parameters in lines:
            reply = smtp.rcpt(smtp.recipient, *parameters)
            expect(reply.code not in SYNTAX_ERRORS, f"RCPT with {parameters or 'no parameters'} understood", reply)


@must("rfc5321/4.1.1.2/6", "rfc5321/4.1.2/7")
@given(order=st.permutations(["SIZE=100", "BODY=7BIT", "RET=HDRS", "ENVID=mailspec"]), count=st.integers(1, 4))
def check_understands_mail_with_parameters(dial: Dial, order: list[str], count: int) -> None:
    """MAIL takes the parameters of the extensions that are offered, in any number and order, after a space each."""
    offers = {"SIZE": "SIZE", "BODY": "8BITMIME", "RET": "DSN", "ENVID": "DSN"}
    with dial() as smtp:
        smtp.greet()
        expect_sender_is_taken(smtp)
        usable = [word for word in order if offers[word.partition("=")[0]] in smtp.capabilities]
        if not usable:
            raise not_applicable("the server offers no extension with parameters of MAIL")
        for words in (usable, usable[:count]):
            reply = settled(mail_alone(smtp, *words))
            expect(reply.code not in SYNTAX_ERRORS, f"MAIL with {' '.join(words)} to be understood", reply)


@should("rfc5321/4.3.2/7", "rfc5321/4.1.3/9")
@given(path=st.sampled_from(BROKEN_PATHS))
def check_obeys_no_path_outside_the_grammar(dial: Dial, path: str) -> None:
    """MAIL with a path that is none in the grammar is refused.

    What one server repairs the next repairs otherwise, so that two of them see different senders in one command.
    """
    with dial() as smtp:
        smtp.greet()
        domain = usable_sender_domain(smtp)
        for each in ("<a..b@{0}>", '<"a@{0}>', "<a@[192.0.2.256]>", path):
            if _refusal(smtp, f"MAIL FROM:{each.format(domain)}", because="the path is outside the grammar") is None:
                return


@should("rfc5321/4.3.2/7")
@given(parameter=st.sampled_from(BROKEN_PARAMETERS))
def check_obeys_no_parameter_outside_the_grammar(dial: Dial, parameter: str) -> None:
    """MAIL with a parameter that is none in the grammar is refused: no keyword, no value, or an equals sign in it."""
    with dial() as smtp:
        smtp.greet()
        expect_sender_is_taken(smtp)
        for words in ("SIZE=", parameter):
            line = f"MAIL FROM:<{smtp.setting.sender}> {words}"
            if _refusal(smtp, line, because="the parameter is outside the grammar") is None:
                return


def _refusal(smtp: SmtpSession, line: str, *, because: str) -> Reply | None:
    """The refusal of a line in a session without a transaction; None where the server ends the session instead."""
    if ask(smtp, "RSET") is None:
        return None
    reply = ask(smtp, line)
    if reply is not None and not reply.transient:
        expect_refused(reply, because=f"{line}: {because}")
    return reply


@must("rfc5321/4.1.2/33", "rfc5321/4.1.2/31", "rfc5321/4.1.2/32")
@given(character=st.sampled_from("_!#$&'*+/=?^`{|}~ ()"))
def check_refuses_other_characters_in_domains(dial: Dial, character: str) -> None:
    """MAIL whose domain has a character other than letters, digits, hyphens and dots is refused, the underscore too.

    501 is the code meant, for a command that would have been obeyed otherwise.
    """
    with dial() as smtp:
        smtp.greet()
        domain = usable_sender_domain(smtp)
        for each in ("_", character):
            line = f"MAIL FROM:<mailspec@a{each}b.{domain}>"
            if _refusal(smtp, line, because="such a character has no place in a domain") is None:
                return


@must("rfc5321/4.1.1.6/4", "rfc5321/4.1.1.7/5", "rfc5321/4.1.1.8/5", "rfc5321/4.1.2/25")
@given(text=st.sampled_from(STRINGS))
def check_understands_every_string(dial: Dial, text: str) -> None:
    """VRFY, EXPN and HELP take an atom or a quoted string for their argument, where they are implemented."""
    with dial() as smtp:
        smtp.greet()
        for verb in ("VRFY", "EXPN", "HELP"):
            # Where the command is not there, or takes only addresses with a domain, that is no matter of quotes.
            if smtp.command(f"{verb} mailspec").code in SYNTAX_ERRORS:
                continue
            for argument in ('"two words"', text):
                reply = smtp.command(f"{verb} {argument}")
                expect(reply.code not in SYNTAX_ERRORS, f"{verb} {argument} to be understood", reply)
