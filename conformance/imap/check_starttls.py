"""STARTTLS: RFC 3501 §6.2.1, RFC 2595 §3."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_bad, expect_done, expect_refused, hear
from conformance.imap.session import ImapSession, quoted
from conformance.wire.errors import ClosedError, TlsError

INJECTIONS = (
    b"%b NOOP\r\n",
    b"%b CAPABILITY\r\n",
    b"%b LOGOUT\r\n",
    b"%b NOOP\n",
    b"%b NOOP",
    b"%b ",
    b"%b AUTHENTICATE PLAIN\r\n*\r\n",
    b"%b NOOP\r\n" * 3,
)
"""What somebody on the way puts behind the client's STARTTLS, in the clear: whole commands and the beginning of one.

The beginning of one would be completed by what the client sends under TLS.
"""


def _needs_starttls(dial: Dial) -> None:
    if "STARTTLS" not in dial.facts.capabilities:
        raise not_applicable("STARTTLS is not offered")


@must("rfc3501/6.2.1/1", "rfc2595/3.1/4")
@cuts_itself
@given(injection=st.sampled_from(INJECTIONS), at_most=8)
def check_takes_nothing_from_the_clear_into_tls(dial: Dial, injection: bytes) -> None:
    """What came in the clear in one segment with STARTTLS is never answered under TLS.

    The handshake begins directly after the line of the OK. A server that keeps what it had read before runs commands of
    somebody on the way in the client's own secured session: CVE-2011-0411, CVE-2021-33515 and many more.
    """
    _needs_starttls(dial)
    with dial() as imap:
        tag, injected = imap.next_tag(), b"INJECTED"
        planted = injection.replace(b"%b", injected)
        imap.send_segment(tag + b" STARTTLS\r\n" + planted)
        try:
            answer = imap.read_answer(tag)
            if not answer.ok:
                # Refusing STARTTLS that is not the last thing in its segment is as safe.
                imap.abandon()
                return
            imap.connection.start_tls()
        except (ClosedError, TlsError):
            # So is taking the rest for a broken handshake and hanging up.
            imap.abandon()
            return
        heard = hear(imap, b"")
        expect(
            not heard.tagged(injected) and not heard.refusals,
            f"no answer under TLS to {planted!r}, which came in the clear",
            heard,
        )
        if heard.closed:
            return
        expect_done(imap.command("CAPABILITY"), because="the session goes on under TLS")


@must("rfc3501/6.2.1/3", "rfc2595/3.1/7")
def check_logs_nobody_in(dial: Dial) -> None:
    """After the handshake nobody is logged in."""
    _needs_starttls(dial)
    with dial() as imap:
        imap.start_tls()
        expect_refused(imap.command('LSUB "" "*"'), because="TLS logs nobody in")


@should("rfc3501/2.2.2/6", "rfc2595/3.1/3", "rfc2595/3.1/1")
def check_has_no_argument(dial: Dial) -> None:
    """STARTTLS with an argument is answered BAD, and no handshake begins.

    RFC 2595 lists the BAD among the results of the command; how strict a server is about syntax in general is a matter
    of SHOULD (RFC 3501 §2.2.2).
    """
    _needs_starttls(dial)
    with dial() as imap:
        for line in (b"STARTTLS now", b"STARTTLS STARTTLS", b'STARTTLS ""'):
            expect_bad(imap.command(line), because=f"{line!r} has an argument")


@must("rfc3501/6.2/3", "rfc2595/3.1/2", "rfc3501/6.2.1/1")
def check_leads_to_a_session_like_any_other(dial: Dial) -> None:
    """STARTTLS that is listed is answered OK, and under TLS the capabilities can be asked for and the user logs in."""
    _needs_starttls(dial)
    with dial() as imap:
        expect_done(imap.command("STARTTLS"), because="STARTTLS is listed")
        imap.connection.start_tls()
        before = _capabilities(imap)
        expect(before, "capabilities under TLS", "none")
        account = imap.setting.account
        if account is None or "LOGINDISABLED" in before:
            return
        login = b"LOGIN " + quoted(account.name) + b" " + quoted(account.password)
        if dial.facts.log_in == "":
            expect_done(imap.command(login), because="name and password are right")


def _capabilities(imap: ImapSession) -> frozenset[str]:
    answer = imap.command("CAPABILITY")
    if not answer.ok:
        raise ViolationError("OK to CAPABILITY under TLS", str(answer.tagged))
    return imap.capabilities()
