"""Commands: verbs, white space and arguments (RFC 5321 §2.4, §4.1.1, §4.2.4, §4.5.1)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError
from conformance.expectations import expect, expect_code, expect_done
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, early_session, expect_sender_is_taken, mail_alone, settled
from conformance.smtp.session import CLIENT_NAME
from conformance.smtp.strategies_commands import case_patterns, in_case, trailing_spaces, unknown_verbs

NOT_UNDERSTOOD = frozenset({500, 501, 502})
"""What says that a line was not taken for the command that it is."""

LOWER = [False]
MIXED = [True, False]


@must("rfc5321/2.4/4", "rfc5321/2.4/5")
@given(pattern=case_patterns())
def check_reads_verbs_in_any_case(dial: Dial, pattern: list[bool]) -> None:
    """Verbs, and the words FROM and TO, mean the same in upper, lower and mixed case."""
    with dial() as smtp:
        smtp.greet()
        understood: set[str] = set()
        for case in ([True], LOWER, MIXED, pattern):
            lines = [
                in_case("NOOP", case),
                in_case("RSET", case),
                f"{in_case('MAIL FROM:', case)}<{smtp.setting.sender}>",
                f"{in_case('RCPT TO:', case)}<{smtp.recipient}>",
                f"{in_case('EHLO', case)} {CLIENT_NAME}",
            ]
            for line in lines:
                capitals = line[:4].upper()
                reply = smtp.command(line)
                # A refusal that capitals get too (of this sender, say) is not about the case.
                if case == [True] and reply.code not in NOT_UNDERSTOOD:
                    understood.add(capitals)
                elif capitals in understood:
                    expect(reply.code not in NOT_UNDERSTOOD, f"{capitals} to be understood, as in capitals", reply)


@must("rfc5321/2.4/4", "rfc1870/6/2", "rfc5321/4.1.2/10")
@given(pattern=case_patterns())
def check_reads_parameters_in_any_case(dial: Dial, pattern: list[bool]) -> None:
    """Keywords and values of parameters mean the same in upper, lower and mixed case."""
    with dial() as smtp:
        smtp.greet()
        offered = [("SIZE", "SIZE=100"), ("8BITMIME", "BODY=8BITMIME")]
        parameters = [parameter for keyword, parameter in offered if keyword in smtp.capabilities]
        for parameter in parameters:
            if not mail_alone(smtp, parameter).positive:
                raise InconclusiveError(f"MAIL with {parameter} is refused in capitals too")
            for case in (LOWER, pattern):
                reply = settled(mail_alone(smtp, in_case(parameter, case)))
                expect_done(reply, because=f"{parameter} was accepted in capitals")


@should("rfc5321/4.2.4/3", "rfc5321/3.8/6", "rfc5321/4.1.5/1", "rfc5321/4.3.2/4", "rfc5321/4.2.2/1")
@given(verb=unknown_verbs())
def check_answers_unknown_verbs_with_500(dial: Dial, verb: str) -> None:
    """A command that the server does not recognise is answered 500, which tells it from one switched off (502)."""
    with dial() as smtp:
        smtp.greet()
        expect_code(smtp.command(verb), {500}, because=f"no server knows {verb}")


@must("rfc5321/3.8/5", "rfc5321/3.8/2", "rfc5321/4.1.1.10/2")
@given(verbs=st.lists(unknown_verbs(), min_size=2, max_size=3))
def check_stays_open_after_unknown_verbs(dial: Dial, verbs: list[str]) -> None:
    """A command that is not understood is refused, and the server waits for the next.

    Two or three are no attack against which a server might defend itself (RFC 5321 §7.8).
    """
    with dial() as smtp:
        smtp.greet()
        for verb in verbs:
            reply = settled(smtp.command(verb))
            expect(reply.permanent, f"a 5yz reply to {verb}", reply)
        expect_code(smtp.noop(), {250}, because="unknown commands do not end a session")


@should("rfc5321/4.1.1/3")
@given(spaces=trailing_spaces())
def check_tolerates_trailing_white_space(dial: Dial, spaces: str) -> None:
    """White space before the CRLF changes nothing about a command."""
    with dial() as smtp:
        smtp.greet()
        sender = smtp.setting.sender
        expect_sender_is_taken(smtp)
        smtp.rset()
        expect_done(
            settled(smtp.command(f"MAIL FROM:<{sender}>{spaces}")), because="white space behind MAIL means nothing"
        )
        for line in (f"RCPT TO:<{smtp.recipient}>", "NOOP", "RSET"):
            if not smtp.command(line).positive:
                raise InconclusiveError(f"{line} is refused without white space too")
            expect_done(settled(smtp.command(line + spaces)), because=f"{line} and white space is {line}")


@should("rfc5321/4.1.1/6", "rfc5321/4.3.2/8", "rfc5321/4.1.1.4/19", "rfc5321/4.1.1.5/8", "rfc5321/4.1.1.10/7")
@given(argument=st.sampled_from(["now", "1", "MAIL", "a b", "<>"]))
def check_refuses_arguments_where_none_belong(dial: Dial, argument: str) -> None:
    """RSET, DATA and QUIT with an argument are refused as bad syntax, so that extensions may give them one."""
    with dial() as smtp:
        smtp.greet()
        expect_code(smtp.command(f"RSET {argument}"), {501}, because="RSET has no argument")
        smtp.begin()
        reply = smtp.command(f"DATA {argument}")
        if reply.intermediate:
            smtp.drop()
        expect_code(reply, {501}, because="DATA has no argument")
        farewell = ask(smtp, f"QUIT {argument}")
        smtp.abandon()
        if farewell is not None:
            expect_code(farewell, {501}, because="QUIT has no argument")


@must("rfc5321/4.5.1/2", "rfc5321/4.5.1/1", "rfc5321/4.3.2/5", "rfc5321/2.2.1/1")
def check_knows_the_minimum(dial: Dial) -> None:
    """EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP and QUIT are known to every server.

    VRFY belongs to the same list and has checks of its own.
    """
    with dial() as smtp:
        smtp.greet()
        lines = [f"HELO {CLIENT_NAME}", f"EHLO {CLIENT_NAME}", "DATA", "MAIL FROM:<>", f"RCPT TO:<{smtp.recipient}>"]
        for line in [*lines, "RSET", "NOOP"]:
            reply = smtp.command(line)
            expect(reply.code not in {500, 502}, f"{line[:4]} to be known", reply)
            if reply.intermediate:
                smtp.raw_text(b".\r\n")
        reply = smtp.quit()
        smtp.abandon()
        expect(reply.code not in {500, 502}, "QUIT to be known", reply)


@should("rfc5321/4.1.1.9/4", "rfc5321/4.1.1.9/5")
@given(text=st.sampled_from(["a", "NOOP", '"two words"', "MAIL", '"RCPT TO:<a@b>"', "RSET"]))
def check_ignores_a_string_after_noop(dial: Dial, text: str) -> None:
    """NOOP with a string does what NOOP does."""
    with dial() as smtp:
        smtp.greet()
        expect_code(smtp.command(f"NOOP {text}"), {250}, because="the string means nothing")


@must("rfc5321/4.1.1.9/2", "rfc5321/4.1.1.9/3", "rfc5321/4.1.4/11", "rfc5321/4.1.1.9/1", "rfc5321/4.3.2/29")
def check_noop_is_answered_250_at_any_time(dial: Dial) -> None:
    """NOOP gets 250 in a session that is open and in a transaction, and changes nothing there."""
    with dial() as smtp:
        # The one command besides EHLO, STARTTLS and QUIT that even a server that demands TLS must do (RFC 3207 §4).
        # Before EHLO 503 breaks no more than a SHOULD (§4.1.4), which `other_commands_need_no_ehlo` judges.
        expect_code(smtp.noop(), {250, 503}, because="NOOP may come at any time")
        smtp.greet()
        expect_code(smtp.noop(), {250}, because="NOOP is in order")
        smtp.begin()
        expect_code(smtp.noop(), {250}, because="NOOP is in order in a transaction")
        reply = smtp.rcpt(smtp.recipient)
        expect(reply.code != 503, "the transaction to be open still", reply)


@should("rfc5321/4.1.4/12", "rfc5321/4.1.4/2")
def check_other_commands_need_no_ehlo(dial: Dial) -> None:
    """NOOP, HELP, EXPN, VRFY and RSET before EHLO are not answered 503."""
    with early_session(dial) as smtp:
        for line in ("NOOP", "HELP", "EXPN mailspec", "VRFY mailspec", "RSET"):
            reply = smtp.command(line)
            expect(reply.code != 503, f"{line[:4]} to need no EHLO", reply)
