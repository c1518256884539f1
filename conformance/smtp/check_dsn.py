"""DSN: the parameters of MAIL and RCPT (RFC 3461 §4, §5.1, §5.4). What they lead to is judged in `delivery`."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone, settled
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_dsn import (
    ALL_XTEXT,
    BAD_OF_MAIL,
    BAD_OF_RCPT,
    LONGEST_ENVID,
    LONGEST_ORCPT,
    NEARLY_XTEXT,
    in_any_case,
    notify_values,
    xtexts,
)
from conformance.wire.smtp import Reply


def _greet(smtp: SmtpSession) -> None:
    smtp.greet()
    if "DSN" not in smtp.capabilities:
        raise not_applicable("DSN is not offered")


@must("rfc3461/2/2")
def check_is_listed_alone(dial: Dial) -> None:
    """The EHLO line of DSN has nothing after the keyword."""
    with dial() as smtp:
        _greet(smtp)
        listed = smtp.capabilities["DSN"]
        expect(listed == "", "nothing after DSN", repr(listed))


def _expect_mail_is_taken(smtp: SmtpSession, *parameters: str) -> None:
    reply = settled(mail_alone(smtp, *parameters))
    expect_code(reply, {250}, because="the same MAIL without RET and ENVID is accepted")


@must(
    *("rfc3461/5.1/1", "rfc3461/5.1/2", "rfc3461/3/1", "rfc3461/5/1", "rfc3461/2/3", "rfc3461/2/6", "rfc3461/2/7"),
    *("rfc3461/4/1", "rfc3461/4/3", "rfc3461/4/4", "rfc3461/4/5", "rfc3461/4/2", "rfc3461/4/6", "rfc3461/4/7"),
    *("rfc3461/4.3/2", "rfc3461/4.3/3", "rfc3461/4.3/4", "rfc3461/4.4/1", "rfc3461/4.4/3"),
)
@given(ret=in_any_case(st.sampled_from(("FULL", "HDRS"))), envid=xtexts())
def check_mail_is_accepted_with_any_valid_parameters(dial: Dial, ret: str, envid: str) -> None:
    """MAIL with a valid RET, in any case, and a valid ENVID, whatever it says, is answered like MAIL without.

    An ENVID means nothing to the mail system, so that nothing in it is a reason to refuse mail; parentheses are part
    of it.
    """
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        for parameters in ((f"RET={ret}",), (f"ENVID={envid}", f"RET={ret}"), ("ENVID=(a)b",), (f"ENVID={ALL_XTEXT}",)):
            _expect_mail_is_taken(smtp, *parameters)


def _open(smtp: SmtpSession) -> None:
    """A transaction with a sender, and a recipient that is accepted without parameters.

    Raises:
        InconclusiveError: it is not.
    """
    smtp.begin()


def _rcpt(smtp: SmtpSession, *parameters: str) -> Reply:
    return settled(smtp.rcpt(smtp.recipient, *parameters))


@must(
    *("rfc3461/5.1/4", "rfc3461/5.1/5", "rfc3461/3/1", "rfc3461/3/2", "rfc3461/5/1", "rfc3461/2/3", "rfc3461/2/4"),
    *("rfc3461/2/5", "rfc3461/4/1", "rfc3461/4/3", "rfc3461/4/4", "rfc3461/4/5", "rfc3461/4/6", "rfc3461/4/7"),
    *("rfc3461/4.1/2", "rfc3461/4.1/3", "rfc3461/4.1/4", "rfc3461/4.1/5"),
    *("rfc3461/4.2/2", "rfc3461/4.2/3", "rfc3461/4.2/4", "rfc3461/4.2/9"),
)
@given(
    notify=notify_values(),
    kind=st.sampled_from(("rfc822", "RFC822", "x400", "unknown")),
    original=xtexts(),
)
def check_rcpt_is_accepted_with_any_valid_parameters(dial: Dial, notify: str, kind: str, original: str) -> None:
    """RCPT with a valid NOTIFY, in any case, and an ORCPT of any known type is answered like RCPT without.

    What ORCPT holds need not be an address of that type: it may come from a system of another kind.
    """
    with dial() as smtp:
        _greet(smtp)
        _open(smtp)
        for parameters in (
            (f"NOTIFY={notify}",),
            ("NOTIFY=NEVER",),
            ("NOTIFY=success,Failure,DELAY",),
            (f"ORCPT={kind};{original}", f"NOTIFY={notify}"),
            (f"ORCPT=rfc822;{ALL_XTEXT}",),
        ):
            expect_code(_rcpt(smtp, *parameters), {250, 251}, because="the same RCPT without parameters is accepted")


@must(
    *("rfc3461/5.4/1", "rfc3461/5.4/2", "rfc3461/5.4/3", "rfc3461/5.4/4", "rfc3461/5.4/5"),
    *("rfc3461/5.4/7", "rfc3461/5.4/8", "rfc3461/4.2/6", "rfc3461/4.4/4"),
)
@given(short=st.integers(0, 30), at_most=4)
def check_takes_parameters_of_full_length(dial: Dial, short: int) -> None:
    """ENVID of 100 characters and ORCPT of 500 are accepted, with every other parameter of these commands beside them.

    RFC 3461 §5.4 makes room for them in the command line, so that its usual limit of 512 octets does not hold.
    """
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        envid = "ENVID=".ljust(LONGEST_ENVID - short, "e")
        others = [
            word for name, word in (("SIZE", "SIZE=100"), ("8BITMIME", "BODY=8BITMIME")) if name in smtp.capabilities
        ]
        _expect_mail_is_taken(smtp, envid, "RET=FULL", *others)
        smtp.rset()
        _open(smtp)
        orcpt = "ORCPT=rfc822;".ljust(LONGEST_ORCPT - short, "o")
        for parameters in ((orcpt,), ("NOTIFY=SUCCESS,FAILURE,DELAY", orcpt)):
            reply = _rcpt(smtp, *parameters)
            expect_code(reply, {250, 251}, because=f"ORCPT has {len(orcpt)} characters, and may have {LONGEST_ORCPT}")


@must("rfc3461/5.1/3", "rfc3461/4.5/2")
@given(words=st.sampled_from((*BAD_OF_MAIL, "RET=FULL RET=FULL", "RET=HDRS ret=FULL", "ENVID=a ENVID=b")))
def check_bad_parameters_of_mail_are_answered_501(dial: Dial, words: str) -> None:
    """MAIL with a value of RET or ENVID that is none, or with one of them twice, is answered 501."""
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        for each in dict.fromkeys(("ENVID=a+b", "RET=WHOLE", "ENVID=a ENVID=b", words)):
            expect_code(settled(mail_alone(smtp, *each.split())), {501}, because=f"{each} is not valid")


@must("rfc3461/5.1/3", "rfc3461/4/4", "rfc3461/4/5")
@given(value=st.sampled_from(NEARLY_XTEXT), at_most=3)
def check_nearly_xtext_is_answered_501(dial: Dial, value: str) -> None:
    """An ENVID with an equals sign, or with an encoded octet in small letters, is no xtext and is answered 501.

    Where it is taken, it comes back in a report as another identifier than the sender has in his books.
    """
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        for words in dict.fromkeys((*NEARLY_XTEXT[:2], value)):
            expect_code(settled(mail_alone(smtp, words)), {501}, because=f"{words} is no xtext")


@must("rfc5321/4.1.1.11/1", "rfc3461/2/4", "rfc3461/2/5", "rfc3461/2/6", "rfc3461/2/7")
@given(
    of_rcpt=st.sampled_from(("NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;a")),
    of_mail=st.sampled_from(("RET=FULL", "RET=HDRS", "ENVID=a")),
    at_most=4,
)
def check_parameters_are_not_taken_on_the_other_command(dial: Dial, of_rcpt: str, of_mail: str) -> None:
    """MAIL refuses NOTIFY and ORCPT, and RCPT refuses RET and ENVID: neither command has them.

    A client that mixes them up must not go away in the belief that it has asked for something.
    """
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        for words in dict.fromkeys(("NOTIFY=NEVER", of_rcpt)):
            reply = mail_alone(smtp, words)
            expect(not reply.positive, f"a refusal of MAIL with {words}", reply)
        smtp.rset()
        _open(smtp)
        for words in dict.fromkeys(("RET=FULL", of_mail)):
            reply = _rcpt(smtp, words)
            expect(not reply.positive, f"a refusal of RCPT with {words}", reply)


@must("rfc3461/5.4/7", "rfc3461/5.4/8", "rfc3461/5.1/4")
@given(label=st.integers(40, 63), at_most=3)
def check_long_recipients_have_room_for_parameters(dial: Dial, label: int) -> None:
    """RCPT for a long recipient, with the longest NOTIFY and ORCPT, gets no syntax error where RCPT without gets none.

    The line has nearly 800 octets: the parameters have room of their own, beside the 512 octets for the recipient.
    """
    domain = ".".join(["d" * label, "e" * 63, "f" * 40, "test"])
    address = f"{'l' * 64}@{domain}"
    with dial() as smtp:
        _greet(smtp)
        smtp.begin()
        plain = smtp.rcpt(address)
        orcpt = "ORCPT=rfc822;".ljust(LONGEST_ORCPT, "o")
        reply = smtp.rcpt(address, "NOTIFY=SUCCESS,FAILURE,DELAY", orcpt)
        fine = reply.code == plain.code or reply.code not in {500, 501, 504, 555}
        expect(fine, f"{plain.code}, as for RCPT without parameters", reply)


@should("rfc3461/5.1/6", "rfc3461/4.5/4")
@given(words=st.sampled_from((*BAD_OF_RCPT, "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT=rfc822;a orcpt=rfc822;a")))
def check_bad_parameters_of_rcpt_are_answered_501(dial: Dial, words: str) -> None:
    """RCPT with a value of NOTIFY or ORCPT that is none, or with one of them twice, is answered 501."""
    with dial() as smtp:
        _greet(smtp)
        _open(smtp)
        for each in dict.fromkeys(("NOTIFY=NEVER,SUCCESS", "ORCPT=rfc822;a+b", "NOTIFY=DELAY NOTIFY=DELAY", words)):
            expect_code(_rcpt(smtp, *each.split()), {501}, because=f"{each} is not valid")


@should("rfc3461/5.1/6", "rfc3461/4.1/4")
@given(
    words=st.permutations(["NEVER", "SUCCESS", "FAILURE", "DELAY"]).flatmap(
        lambda words: st.integers(2, 4).map(lambda many: [*words[: many - 1], "NEVER"])
    ),
    at_most=6,
)
def check_never_stands_alone(dial: Dial, words: list[str]) -> None:
    """NOTIFY with NEVER and another word is not accepted: it asks for opposite things.

    That NEVER stands alone binds the client (RFC 3461 §4.1); what a server does about it is advice (§5.1).
    """
    value = ",".join(dict.fromkeys(words)) if words[0] != "NEVER" else "NEVER,SUCCESS"
    with dial() as smtp:
        _greet(smtp)
        _open(smtp)
        reply = _rcpt(smtp, f"NOTIFY={value}")
        expect(not reply.positive, f"a refusal of NOTIFY={value}", reply)
