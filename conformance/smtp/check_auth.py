"""AUTH: the command and its exchange (RFC 4954). What PLAIN and base64 ask for has modules of its own."""

from __future__ import annotations

import base64
import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect, expect_code, expect_done, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, settled
from conformance.smtp.logging_in import (
    account_of,
    answered,
    challenged,
    expect_credentials_work,
    in_base64,
    plain,
    ready,
)
from conformance.smtp.session import path

# sasl-mech = 1*20mech-char; mech-char = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE (RFC 4422 §3.1). Lower case is let
# pass: RFC 4954 §8 reads mechanism names without regard to case.
_MECHANISMS = re.compile(r"[A-Za-z0-9_-]{1,20}(?: [A-Za-z0-9_-]{1,20})*")

CLEARTEXT = ("PLAIN", "LOGIN")
"""Mechanisms that send the password itself."""

WITHOUT_TICKETS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
"""Mechanisms whose first challenge any client can ask for."""


@must("rfc4954/3/2", "rfc4954/3/1")
def check_lists_mechanism_names(submission: Dial) -> None:
    """The AUTH line of EHLO has the names of mechanisms, one space before each."""
    facts = submission.facts
    for capabilities in (facts.capabilities, facts.capabilities_under_tls):
        if "AUTH" in capabilities:
            listed = capabilities["AUTH"]
            expect(_MECHANISMS.fullmatch(listed), "AUTH, and mechanism names with one space before each", repr(listed))


@should("rfc4954/4/46", "rfc4616/5/2")
def check_offers_no_cleartext_passwords_without_tls(submission: Dial) -> None:
    """PLAIN and LOGIN are not offered before TLS.

    A client that sees them there may use them, and whoever listens has the password. A site may have its reasons, which
    is why this is no more than a SHOULD.
    """
    if submission.endpoint.means.implicit_tls:
        raise not_applicable("TLS comes before the first octet here")
    offered = submission.facts.capabilities.get("AUTH", "").upper().split()
    loose = [mechanism for mechanism in CLEARTEXT if mechanism in offered]
    expect(not loose, "no mechanism that sends the password in clear before TLS", f"AUTH {' '.join(loose)}")


@must("rfc4954/4/33", "rfc4954/4/7")
def check_takes_an_initial_response(submission: Dial) -> None:
    """AUTH PLAIN with the right credentials on its line is answered 235."""
    with ready(submission) as smtp:
        account = account_of(smtp)
        # 454 is for failures that pass (§6), and may answer any AUTH.
        reply = settled(smtp.command(b"AUTH PLAIN " + in_base64(plain(account.name, account.password))))
    if reply.code != 235:
        expect_credentials_work(submission)
        expect_code(reply, {235}, because="the same credentials are taken in answer to a challenge")


@must("rfc4954/4/15", "rfc4954/4/7")
def check_asks_for_a_response(submission: Dial) -> None:
    """AUTH PLAIN alone is answered by an empty challenge, and the response to it by 235.

    A response that makes the command too long has no other way (§4).
    """
    with ready(submission) as smtp:
        account = account_of(smtp)
        expect_code(settled(smtp.command("AUTH PLAIN")), {334}, because="PLAIN needs a response, and there was none")
        reply = settled(smtp.command(in_base64(plain(account.name, account.password))))
    if reply.code != 235:
        with ready(submission) as smtp:
            smtp.log_in()
        expect_code(reply, {235}, because="the same credentials are taken as an initial response")


@must("rfc4954/4/17", "rfc4954/4/16", "rfc4954/8/3")
def check_keeps_the_space_of_an_empty_challenge(submission: Dial) -> None:
    """An empty challenge is 334, a space and CRLF.

    Clients that split the reply at the space have been seen to fail without it.
    """
    with ready(submission) as smtp:
        challenge = challenged(smtp)
        smtp.command("*")
    expect(challenge.raw[3:4] == b" ", "334 with a space behind it", repr(challenge.raw))


@must(
    "rfc4954/4/11",
    "rfc4954/4/10",
    "rfc4648/3.1/1",
    "rfc4648/3.2/1",
    "rfc4648/3.5/1",
    *(f"rfc4648/4/{sentence}" for sentence in range(1, 10)),
)
@given(mechanism=st.sampled_from(WITHOUT_TICKETS), at_most=len(WITHOUT_TICKETS))
def check_challenges_in_base64_alone(submission: Dial, mechanism: str) -> None:
    """The text of a 334 is the challenge in base64 and nothing else; PLAIN's first challenge is empty.

    In one line, padded to whole groups of four characters, the bits that carry nothing zero: there is one way to write
    octets in base64, and clients that are strict about it exist.
    """
    with ready(submission, "PLAIN") as smtp:
        if not smtp.offers_auth(mechanism):
            return
        challenge = challenged(smtp, mechanism)
        smtp.command("*")
    text = b"".join(challenge.lines)
    expect(_is_base64(text), f"base64 and nothing else as the challenge of {mechanism}", repr(challenge.raw))
    expect(mechanism != "PLAIN" or not text, "nothing in the challenge of PLAIN, where the client begins", repr(text))


def _is_base64(text: bytes) -> bool:
    """Whether an encoder that follows RFC 4648 wrote it."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)) == text
    except ValueError:
        return False


@must("rfc4954/4/20")
def check_refuses_a_response_before_the_challenge(submission: Dial) -> None:
    """An initial response to CRAM-MD5, in which the server speaks first, is answered 501.

    The response cannot be an answer to anything. A server that waits for another leaves the client, which has said all
    that it has to say, waiting too.
    """
    with ready(submission, "CRAM-MD5") as smtp:
        reply = settled(smtp.command(b"AUTH CRAM-MD5 " + in_base64(b"nobody 0123456789abcdef0123456789abcdef")))
        if reply.code == 334:
            smtp.command("*")
        if reply.code in {530, 538}:
            # Said of the connection, before anybody looked at the response (RFC 3207 §4, RFC 4954 §6).
            raise not_applicable("AUTH waits for TLS here")
        expect_code(reply, {501}, because="the challenge of CRAM-MD5 comes first")


@must("rfc4954/4/14")
def check_answers_a_cancelled_exchange_with_501(submission: Dial) -> None:
    """A lone asterisk in answer to a challenge is answered 501, and the session goes on.

    Servers have read it as base64, as a user name, or as a command.
    """
    with ready(submission) as smtp:
        challenged(smtp)
        expect_code(smtp.command("*"), {501}, because="the client took AUTH back")
        expect_done(smtp.noop(), because="the exchange is over")


@must("rfc4954/4/3")
def check_answers_a_second_auth_with_503(submission: Dial) -> None:
    """AUTH after an AUTH that succeeded is answered 503."""
    with ready(submission) as smtp:
        smtp.log_in()
        expect_code(smtp.command("AUTH PLAIN"), {503}, because="the session has authenticated already")


@must("rfc4954/4/5")
def check_answers_auth_in_a_transaction_with_503(smtp: Dial) -> None:
    """AUTH between MAIL and the end of the transaction is answered 503.

    Where MAIL waits for a log-in a second AUTH is answered 503 anyway, and shows nothing.
    """
    with ready(smtp) as session:
        reply = session.mail(session.setting.sender)
        if reply.code == 530:
            raise not_applicable("no transaction is opened without a log-in")
        if not reply.positive:
            raise InconclusiveError(f"MAIL was refused: {reply}")
        expect_code(session.command("AUTH PLAIN"), {503}, because="a mail transaction is open")


@must("rfc4954/4/8")
@given(mechanism=st.sampled_from(("X-MAILSPEC", "PLAIN-X", "X", "NTLM-9")), initial=st.booleans(), at_most=4)
def check_answers_an_unknown_mechanism_with_504(submission: Dial, mechanism: str, *, initial: bool) -> None:
    """AUTH with a mechanism that the server does not have is answered 504.

    A client takes 535 for a wrong password, and asks its user for another one in place of trying another mechanism.
    """
    with ready(submission) as smtp:
        reply = settled(smtp.command(f"AUTH {mechanism}" + (" AAAA" if initial else "")))
        expect_code(reply, {504}, because=f"there is no mechanism {mechanism}")


@must("rfc4954/4/6")
def check_refuses_auth_without_a_mechanism(submission: Dial) -> None:
    """AUTH without an argument is refused; 501 is the code meant."""
    with ready(submission) as smtp:
        expect_refused(smtp.command("AUTH"), because="AUTH names a mechanism")


@must("rfc4954/8/1")
@given(spelled=st.sampled_from(("auth plain", "Auth Plain", "AUTH plain", "auth PLAIN", "aUTH pLAIN")), at_most=5)
def check_reads_mechanism_names_in_any_case(submission: Dial, spelled: str) -> None:
    """AUTH and the name of the mechanism mean the same in capitals and in small letters."""
    with ready(submission) as smtp:
        challenged(smtp)
        smtp.command("*")
        expect_code(settled(smtp.command(spelled)), {334}, because="AUTH PLAIN in capitals is answered so")
        smtp.command("*")


@must("rfc4954/4/7")
def check_login_is_done_as_it_is_offered(submission: Dial) -> None:
    """AUTH LOGIN, where it is offered, asks for the name and then for the password, and logs in with them.

    LOGIN is in no RFC; but what AUTH lists is supported, and this is the only dialogue that anybody knows by the name.
    """
    with ready(submission, "LOGIN") as smtp:
        account = account_of(smtp)
        expect_code(settled(smtp.command("AUTH LOGIN")), {334}, because="LOGIN is offered, and asks for the name")
        reply = smtp.command(in_base64(account.name.encode()))
        expect_code(reply, {334}, because="the name was given, and the password comes next")
        reply = settled(smtp.command(in_base64(account.password.encode())))
    if reply.code != 235:
        expect_credentials_work(submission)
        expect_code(reply, {235}, because="the same name and password are taken by PLAIN")


@must("rfc4954/5/3", "rfc4954/15/1")
@given(value=st.sampled_from(("<>", "sender@client.example", "e+3Dmc2@example.com", "a+2Bb@client.example")), at_most=4)
def check_takes_the_auth_parameter(submission: Dial, value: str) -> None:
    """MAIL with AUTH=<> or AUTH= and a mailbox in xtext is accepted like MAIL without."""
    with ready(submission) as smtp:
        if not smtp.mail(smtp.setting.sender).positive:
            smtp.log_in()
            reply = smtp.mail(smtp.setting.sender)
            if not reply.positive:
                raise InconclusiveError(f"MAIL was refused: {reply}")
        smtp.rset()
        reply = settled(smtp.command(b"MAIL FROM:%s AUTH=%s" % (path(smtp.setting.sender), value.encode())))
        expect_done(reply, because="AUTH is offered, and the same MAIL without AUTH= is accepted")


@must("rfc4954/3/4")
@given(octets=st.integers(440, 490), at_most=4)
def check_takes_a_long_auth_parameter(submission: Dial, octets: int) -> None:
    """AUTH= may make a MAIL line 500 octets longer: one of that length is accepted like a short one.

    Each character of a mailbox may take three in xtext.
    """
    with ready(submission) as smtp:
        mail = b"MAIL FROM:" + path(smtp.setting.sender)
        smtp.log_in()
        if not smtp.command(mail + b" AUTH=sender@client.example").positive:
            raise not_applicable("MAIL with AUTH= is refused, long or short")
        smtp.rset()
        mailbox = b"m" * 64 + b"@" + b"d" * 60 + b"." + b"e" * (octets // 3 - 64 - 60 - 10) + b".example"
        value = b"".join(b"+%02X" % octet for octet in mailbox)
        reply = settled(smtp.command(mail + b" AUTH=" + value))
        expect_done(reply, because=f"AUTH= may have up to 500 octets, and has {len(value) + 6}")


@must("rfc4954/6/3", "rfc4616/2/14")
def check_success_opens_what_was_closed(submission: Dial) -> None:
    """After 235 the client is authenticated: MAIL, which waited for that, is accepted."""
    with ready(submission) as smtp:
        if smtp.mail(smtp.setting.sender).code != 530:
            raise not_applicable("MAIL does not wait for a log-in here")
        smtp.log_in()
        # Other refusals may be about the sender, and are policy.
        reply = smtp.mail(smtp.setting.sender)
        expect(reply.code != 530, "MAIL not to wait for a log-in any more after 235", reply)


@must("rfc4954/6/11", "rfc4616/2/13")
@given(how=st.sampled_from(("cancelled", "wrong password")), at_most=2)
def check_failure_opens_nothing(submission: Dial, how: str) -> None:
    """After an AUTH that failed or was taken back nobody is logged in: what had to wait still has to."""
    with ready(submission) as smtp:
        if smtp.mail(smtp.setting.sender).code != 530:
            raise not_applicable("MAIL does not wait for a log-in here")
        if how == "cancelled":
            challenged(smtp)
            smtp.command("*")
        else:
            answered(smtp, plain(account_of(smtp).name, "no such password"))
        reply = smtp.mail(smtp.setting.sender)
        expect_refused(reply, because="AUTH did not succeed, so MAIL still waits for a log-in")


@must("rfc4954/4/50")
def check_goes_on_behind_a_pipelined_auth(submission: Dial) -> None:
    """Where commands may come in groups, some may follow AUTH PLAIN with its response, and are answered after it.

    RSET may stand anywhere in a group, and NOOP at its end (RFC 2920 §3.1).
    """
    with ready(submission) as smtp:
        if "PIPELINING" not in smtp.capabilities:
            raise not_applicable("PIPELINING is not offered")
        account = account_of(smtp)
        response = in_base64(plain(account.name, account.password))
        smtp.send(b"AUTH PLAIN " + response + b"\r\nRSET\r\nNOOP\r\n")
        if smtp.read_reply().code != 235:
            raise InconclusiveError("the log-in was refused")
        expect_code(smtp.read_reply(), {250}, because="RSET came behind AUTH in the group")
        expect_code(smtp.read_reply(), {250}, because="NOOP came last in the group")


@should("rfc4954/9/3", "rfc4954/4/44")
def check_bears_two_failures(submission: Dial) -> None:
    """After two log-ins that failed the session is still there, and a third, with the right password, is taken.

    Who mistypes a password should not lose the connection. From the third failure on a server may hang up.
    """
    expect_credentials_work(submission)
    with ready(submission) as smtp:
        account = account_of(smtp)
        wrong, right = (in_base64(plain(account.name, password)) for password in ("no such", account.password))
        for response in (wrong, wrong, right):
            reply = ask(smtp, b"AUTH PLAIN " + response)
            expect(reply is not None, "the session to go on after two failed log-ins", "421 or a closed connection")
    assert reply is not None
    if settled(reply).code != 235:
        # A site may bar whoever guesses, for a time and from all sessions, which is no matter of this one.
        expect_credentials_work(submission)
        expect_code(reply, {235}, because="the same credentials are taken in a session of their own")


@should("rfc4954/6/16")
def check_what_waits_for_a_log_in_is_answered_530(submission: Dial) -> None:
    """MAIL that is refused before a log-in, and accepted after it, is refused with 530.

    Other codes speak of the sender or of the message, and a client that believes them gives up the mail.
    """
    with ready(submission) as smtp:
        reply = settled(smtp.mail(smtp.setting.sender))
        if reply.positive:
            raise not_applicable("MAIL does not wait for a log-in here")
        smtp.log_in()
        if smtp.mail(smtp.setting.sender).positive:
            expect_code(reply, {530}, because="after a log-in the same MAIL is accepted")
