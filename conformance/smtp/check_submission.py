"""Submission: RFC 6409. Judged where the target has a submission:// or submissions:// endpoint."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, intrusive, must, should
from conformance.delivery.check_trace import fields_of, is_called
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import compose
from conformance.smtp.dialogue import mail_alone, settled
from conformance.smtp.session import SmtpSession, stuffed
from conformance.wire.errors import SilenceError


def _unauthenticated(msa: Dial) -> SmtpSession:
    """A session with EHLO said, inside TLS where that can be, and nobody logged in."""
    smtp = msa()
    try:
        smtp.ehlo()
        if "STARTTLS" in smtp.capabilities:
            smtp.start_tls()
    except BaseException:
        smtp.drop()
        raise
    return smtp


@must("rfc6409/7/12", "rfc6409/7/23")
def check_offers_auth(msa: Dial) -> None:
    """AUTH is on offer, in clear or under TLS."""
    expect(msa.facts.offers("AUTH"), "AUTH in the reply to EHLO", sorted(msa.facts.capabilities))


@must("rfc6409/7/3", "rfc6409/7/16")
def check_offers_no_turning_round(msa: Dial) -> None:
    """Neither ETRN nor ATRN is on offer: they are between hosts."""
    offered = [word for word in ("ETRN", "ATRN") if msa.facts.offers(word)]
    expect(not offered, "neither ETRN nor ATRN", offered)


@should("rfc6409/7/1", "rfc6409/7/2", "rfc6409/7/4", "rfc6409/7/5", "rfc6409/7/11", "rfc6409/7/21", "rfc6409/7/22")
def check_offers_what_user_agents_count_on(msa: Dial) -> None:
    """PIPELINING, ENHANCEDSTATUSCODES, DSN and 8BITMIME are on offer."""
    wanted = ("PIPELINING", "ENHANCEDSTATUSCODES", "DSN", "8BITMIME")
    missing = [word for word in wanted if not msa.facts.offers(word)]
    expect(not missing, ", ".join(wanted), f"no {', no '.join(missing)}")


@must("rfc6409/4.3/1", "rfc6409/4.3/2")
def check_asks_for_log_in_at_mail(msa: Dial) -> None:
    """MAIL before AUTH is refused, with 530, unless the server knows the client by its address or the like.

    What other code it has may be about something else, but no code that speaks of syntax or order is meant. A server
    that takes MAIL and answers 530 to RCPT has shown that it does not know the client.
    """
    with _unauthenticated(msa) as smtp:
        reply = settled(smtp.mail(smtp.setting.sender))
        if reply.positive:
            later = smtp.rcpt(smtp.recipient)
            expect(later.code != 530, "530 to MAIL already", later)
            raise not_applicable("MAIL is accepted without log-in: the server may know the client by its address")
        expect(reply.code not in {500, 501, 502, 503, 504, 555}, "530 to MAIL before AUTH", reply)


@must("rfc6409/3.2/3")
def check_takes_the_null_return_path(msa: Dial) -> None:
    """MAIL FROM:<> is no reason to reject: receipts for messages that were read have it."""
    with msa() as smtp:
        smtp.greet()
        reply = settled(mail_alone(smtp, sender=""))
        expect(reply.positive, "MAIL FROM:<> to be accepted from a user who is logged in", reply)


@must("rfc6409/6.1/2")
def check_refuses_senders_of_others_with_550(msa: Dial) -> None:
    """A sender who is another user's, if that is why it is refused, is refused with 550.

    It is why, where each user may send under the own address, and the one not under the other's.
    """
    if len(msa.accounts) < 2:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    one, other = msa.accounts[:2]
    address = other.address(msa.domain) or other.name
    with msa(other) as smtp:
        smtp.greet()
        if not mail_alone(smtp, sender=address).positive:
            raise not_applicable(f"{address} is refused to its own user too")
    with msa(one) as smtp:
        smtp.greet()
        if not mail_alone(smtp, sender=one.address(msa.domain) or one.name).positive:
            raise not_applicable(f"{one.name} may not even send in the own name")
        reply = settled(mail_alone(smtp, sender=address))
        if reply.positive:
            raise not_applicable("every user may send in every name, or is told later")
        expect(reply.code == 550, f"550 to {one.name}, who may not send as {address}", reply)


@must("rfc6409/7/7")
def check_does_not_answer_521(msa: Dial) -> None:
    """521 is no answer of a submission service."""
    with msa() as smtp:
        smtp.greet()
        replies = [smtp.mail("mailspec-nobody@mailspec.invalid"), smtp.rset(), smtp.mail(smtp.recipient)]
        replies += [smtp.rcpt(f"mailspec-nobody@{msa.domain}"), smtp.rcpt("mailspec@relay.mailspec.invalid")]
        wrong = [str(reply) for reply in replies if reply.code == 521]
        expect(not wrong, "another code than 521", wrong)


ILLEGAL = ("@", "a b@client.example", "a@b@client.example", "a@-.example", "a@client..example", "<a@client.example>")


@should("rfc6409/5.1/1")
@given(address=st.sampled_from(ILLEGAL), at_most=6)
def check_rejects_illegal_addresses(msa: Dial, address: str) -> None:
    """A recipient that is no address by the grammar is refused while the user can still mend it."""
    with msa() as smtp:
        smtp.greet()
        smtp.begin(sender=smtp.recipient, to=[])
        for path in dict.fromkeys(("a@b@client.example", address)):
            reply = smtp.rcpt(path)
            expect(not reply.positive, f"RCPT TO:<{path}> to be refused", reply)


@must("rfc6409/6.3/3")
def check_commands_with_bad_syntax_are_501(msa: Dial) -> None:
    """A DATA command that is refused for what stands behind it is answered 501.

    That it is refused at all is no more than a SHOULD (RFC 5321 §4.1.1).
    """
    with msa() as smtp:
        smtp.greet()
        smtp.begin(sender=smtp.recipient)
        reply = settled(smtp.command("DATA now"))
        if reply.code == 354:
            smtp.abandon()
            raise not_applicable("DATA with an argument is accepted")
        expect(reply.code == 501, "501 to DATA with an argument", reply)


@must("rfc6409/4.2/1")
def check_domains_of_the_envelope_are_full_ones(msa: Dial, mailbox: Mailbox) -> None:
    """A sender with a bare host name is refused, or goes on under a full domain: nobody else could answer it."""
    token = mailbox.token()
    with msa() as smtp:
        smtp.greet()
        if not mail_alone(smtp, sender="mailspec@mailspec-host").positive:
            return
        if not smtp.rcpt(mailbox.address).positive or smtp.data().code != 354:
            raise not_applicable("the sender is refused later on")
        if not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise not_applicable("the sender is refused later on")
    # Trace fields may tell what the client had said.
    paths = [field for field in fields_of(mailbox.wait_for(token)) if is_called(field, b"Return-Path")]
    expect(all(b"<mailspec@mailspec-host>" not in each for each in paths), "a full domain in the return path", paths)


ANSWER_MINUTES = 2


@should("rfc6409/5.3/1")
@intrusive
def check_answers_within_two_minutes(msa: Dial) -> None:
    """Every command is answered within two minutes, the end of a message too: user agents wait no longer than that."""
    with msa() as smtp:
        smtp.greet()
        wait_s = max(msa.minutes(ANSWER_MINUTES), smtp.connection.patience.reply_s)
        envelope = (f"MAIL FROM:<{smtp.recipient}>", f"RCPT TO:<{smtp.recipient}>", "DATA")
        for line in ("NOOP", "HELP", "VRFY mailspec-nobody", "MAIL FROM:<>", "RSET", *envelope):
            try:
                reply = smtp.command(line, within_s=wait_s)
                if reply.code == 354:
                    smtp.send(stuffed(compose("mailspec", b"text\r\n", recipient=smtp.recipient)) + b".\r\n")
                    smtp.read_reply(within_s=wait_s)
            except SilenceError as error:
                raise ViolationError(f"an answer to {line} within {ANSWER_MINUTES} minutes", error.what) from error
