"""STARTTLS: RFC 3207, and what must not come through from before the handshake."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect, expect_code, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.session import SmtpSession
from conformance.wire.errors import ClosedError, TlsError

INJECTED = (
    b"NOOP\r\n",
    b"NOOP\r\nNOOP\r\n",
    b"EHLO injected.example\r\n",
    b"RSET\r\n",
    b"EHLO injected.example\r\nMAIL FROM:<>\r\n",
    b"NOOP\n",
    b"NOOP",
)
"""What a man in the middle may put behind STARTTLS: whole commands, one ended by LF alone, one cut off."""


def _greeted(dial: Dial) -> SmtpSession:
    """A session in clear, with STARTTLS on offer.

    Raises:
        NotApplicableError: there is no such thing.
    """
    if dial.endpoint.means.implicit_tls:
        raise not_applicable("TLS comes before the first octet here")
    smtp = dial()
    try:
        smtp.greet(clear=True)
        if "STARTTLS" not in smtp.capabilities:
            raise not_applicable("STARTTLS is not offered")
    except BaseException:
        smtp.drop()
        raise
    return smtp


def _secure(smtp: SmtpSession) -> None:
    """STARTTLS and the handshake, and no EHLO behind it.

    Raises:
        InconclusiveError: either failed.
    """
    reply = smtp.command("STARTTLS")
    if reply.code != 220:
        raise InconclusiveError(f"STARTTLS was refused: {reply}")
    try:
        smtp.handshake()
    except TlsError as error:
        raise InconclusiveError(error.what) from error


@must("rfc3207/2/2", "rfc3207/2/1")
def check_is_listed_alone(dial: Dial) -> None:
    """The EHLO line of STARTTLS has nothing after the keyword."""
    with _greeted(dial) as smtp:
        listed = smtp.capabilities["STARTTLS"]
        expect(listed == "", "nothing after STARTTLS", repr(listed))


@must("rfc3207/3/1", "rfc3207/4/2")
def check_leads_to_tls(dial: Dial) -> None:
    """STARTTLS that is offered is answered 220, and after the handshake EHLO is answered.

    454, for now, is allowed, and says nothing about later.
    """
    with _greeted(dial) as smtp:
        reply = smtp.command("STARTTLS")
        if reply.code == 454:
            raise InconclusiveError(f"TLS is not there for now: {reply}")
        expect_code(reply, {220}, because="STARTTLS is offered")
        try:
            smtp.handshake()
        except TlsError as error:
            # Two programs may have no version or cipher in common without either breaking a rule.
            raise InconclusiveError(error.what) from error
        expect_code(smtp.ehlo(), {250}, because="the session begins anew inside TLS")


@must("rfc3207/6/6", "rfc3207/4.2/1")
@cuts_itself
@given(injected=st.sampled_from(INJECTED), at_once=st.booleans(), at_most=14)
def check_obeys_nothing_sent_in_clear(dial: Dial, injected: bytes, *, at_once: bool) -> None:
    """What was sent in clear behind STARTTLS is not obeyed inside TLS.

    CVE-2011-0411: a server that keeps what it had read ahead runs it as if it had come through TLS. Who sits in the
    middle so puts commands of his own before those of the client, and has the client's password, or its message,
    delivered to himself. Postfix had it in 2011, and ten years later another look found it in half of all programs.
    A server may drop the octets, let the handshake fail on them, or refuse STARTTLS for them, as Exim does.
    """
    smtp = _greeted(dial)
    with smtp:
        smtp.send_segment(b"STARTTLS\r\n" + (injected if at_once else b""))
        reply = smtp.read_reply()
        if at_once and reply.permanent:
            smtp.abandon()  # There is no TLS, so that nothing can be obeyed inside it.
            return
        if reply.code != 220:
            raise InconclusiveError(f"STARTTLS was refused: {reply}")
        if not at_once:
            smtp.send_segment(injected)
        smtp.abandon()
        try:
            smtp.handshake()
            smtp.send(b"QUIT\r\n")
            answer = smtp.read_reply(allow_421=True)
        except (TlsError, ClosedError):
            return
    if answer.code not in (221, 421):
        raise ViolationError(
            f"221 to QUIT, the first command inside TLS, with {injected!r} before it in clear",
            f"before it, inside TLS: {answer}",
        )


@must("rfc3207/4.2/1", "rfc3207/4.2/2")
@given(with_recipient=st.booleans(), at_most=2)
def check_forgets_the_transaction(dial: Dial, *, with_recipient: bool) -> None:
    """Sender and recipients from before the handshake are forgotten.

    Otherwise somebody in the middle can open a transaction in clear for which the client then sends the text.
    """
    with _greeted(dial) as smtp:
        if not smtp.mail(smtp.setting.sender).positive:
            raise not_applicable("no transaction can be opened before TLS")
        if with_recipient and not smtp.rcpt(smtp.recipient).positive:
            raise InconclusiveError("RCPT was refused before TLS")
        reply = smtp.command("STARTTLS")
        if reply.code != 220:
            raise not_applicable(f"STARTTLS is refused in a transaction: {reply}")
        try:
            smtp.handshake()
        except TlsError as error:
            raise InconclusiveError(error.what) from error
        reply = smtp.data() if with_recipient else smtp.rcpt(smtp.recipient)
        if not reply.permanent and not reply.transient:
            smtp.abandon()
        expect_refused(reply, because="the transaction was opened before the handshake")


@must("rfc3207/4.2/2", "rfc3207/4.2/1")
def check_forgets_the_greeting(dial: Dial) -> None:
    """EHLO from before the handshake is forgotten: where MAIL needs one, it needs one inside TLS."""
    with dial() as fresh:
        # Another refusal than 503 may be for want of TLS (530), and need no EHLO.
        if fresh.mail(fresh.setting.sender).code != 503:
            raise not_applicable("MAIL is not refused for want of EHLO here")
    with _greeted(dial) as smtp:
        _secure(smtp)
        reply = smtp.mail(smtp.setting.sender)
        expect_refused(reply, because="EHLO came before the handshake, and MAIL without EHLO is refused")


@must("rfc3207/4.2/8")
def check_is_not_offered_inside_tls(dial: Dial) -> None:
    """EHLO inside TLS does not list STARTTLS."""
    with _greeted(dial) as smtp:
        _secure(smtp)
        expect_code(smtp.ehlo(), {250}, because="the session begins anew inside TLS")
        expect("STARTTLS" not in smtp.capabilities, "no STARTTLS in the list", "STARTTLS is listed")


@must("rfc3207/4.2/6")
def check_is_refused_inside_tls(dial: Dial) -> None:
    """STARTTLS inside TLS is refused.

    Both sides have to know whether TLS is on (§4.2), and 220 says that it is not. It asks for a second handshake inside
    the first, which clients and proxies answer in ways that nobody has thought through.
    """
    with _greeted(dial) as smtp:
        _secure(smtp)
        smtp.ehlo()
        reply = smtp.command("STARTTLS")
        if reply.positive:
            smtp.abandon()
        expect_refused(reply, because="TLS is on already")


@must("rfc3207/4/2")
@given(parameter=st.sampled_from(("now", "TLS1.3", "NOOP", "=")), at_most=4)
def check_is_refused_with_a_parameter(dial: Dial, parameter: str) -> None:
    """STARTTLS with a parameter is refused; 501 is the code meant."""
    with _greeted(dial) as smtp:
        reply = smtp.command(f"STARTTLS {parameter}")
        if reply.positive:
            smtp.abandon()
        expect_refused(reply, because="STARTTLS has no parameters")


@should("rfc3207/4/8", "rfc3207/4/9")
@given(line=st.sampled_from(("RSET", "VRFY postmaster", "HELP", "MAIL FROM:<>", "RCPT TO:<postmaster>")), at_most=5)
def check_what_waits_for_tls_is_answered_530(dial: Dial, line: str) -> None:
    """A server that insists on TLS answers everything but NOOP, EHLO, STARTTLS and QUIT with 530, and 5.7.0.

    A client that is not told why takes the refusal for one of the sender or the recipient.
    """
    if not dial.facts.demands_tls:
        raise not_applicable("the server does not insist on TLS")
    with _greeted(dial) as smtp:
        reply = smtp.command(line)
        expect_code(reply, {530}, because=f"TLS comes before {line}")
        if "ENHANCEDSTATUSCODES" in smtp.capabilities:
            expect(reply.lines[0].startswith(b"5.7.0"), "5.7.0 with the 530", reply)
