"""LOGIN: RFC 3501 §6.2.3, §7.2.1, §11.2; RFC 2595 §3.2."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_done, expect_no, expect_nobody_in, expect_refused
from conformance.imap.session import ImapSession
from conformance.imap.strategies_login import FORMS, argument_forms, login_parts, made_wrong, wrong_passwords
from conformance.target import Account


def _account(imap: ImapSession) -> Account:
    account = imap.setting.account
    if account is None:
        raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
    return account


def _where_login_works(dial: Dial, imap: ImapSession) -> Account:
    """Bring the session to where LOGIN is on offer."""
    if dial.facts.demands_tls:
        imap.start_tls()
    if "LOGINDISABLED" in imap.capabilities():
        raise not_applicable("LOGIN is disabled")
    return _account(imap)


@must("rfc3501/6.2.3/1", "rfc3501/6.2/3")
@given(forms=argument_forms(), at_most=9)
def check_lets_the_right_password_in_however_it_is_written(dial: Dial, forms: tuple[str, str]) -> None:
    """LOGIN with the right name and password succeeds, whether these are atoms, quoted strings or literals."""
    with dial() as imap:
        account = _where_login_works(dial, imap)
        parts = login_parts(account.name.encode(), account.password.encode(), forms)
        answer = imap.command_with_literals(*parts)
        expect_done(answer, because="name and password are right")
        expect_done(imap.command('LIST "" ""'), because="the user is logged in")


@must("rfc3501/6.2.3/2", "rfc3501/7.1.2/2")
@given(how=wrong_passwords(), form=st.sampled_from(FORMS), at_most=3)
def check_keeps_a_wrong_password_out(dial: Dial, how: str, form: str) -> None:
    """LOGIN with a wrong password is answered NO, and nobody is logged in by it."""
    with dial() as imap:
        account = _where_login_works(dial, imap)
        wrong = made_wrong(account.password, how)
        answer = imap.command_with_literals(*login_parts(account.name.encode(), wrong.encode(), (form, form)))
        expect_no(answer, because=f"the password is wrong ({how})")
        expect_nobody_in(imap)


@must("rfc3501/7.2.1/5", "rfc3501/11.2/4", "rfc2595/3.2/2")
def check_is_refused_while_logindisabled_is_listed(dial: Dial) -> None:
    """While LOGINDISABLED is listed LOGIN is answered NO, the right password notwithstanding.

    A server that lets it through teaches clients to send passwords in the clear.
    """
    if "LOGINDISABLED" not in dial.facts.capabilities:
        raise not_applicable("LOGINDISABLED is not listed")
    with dial() as imap:
        account = _account(imap)
        parts = login_parts(account.name.encode(), account.password.encode(), ("quoted", "quoted"))
        answer = imap.command_with_literals(*parts)
        expect_no(answer, because="LOGINDISABLED is listed")
        expect_nobody_in(imap)


@should("rfc3501/6.2.2/10", "rfc3501/11.2/3", "rfc3501/11.2/5")
def check_stands_alone_as_no_plaintext_mechanism_is_on_offer_either(dial: Dial) -> None:
    """While LOGINDISABLED is listed no mechanism that shows the password is listed, and none lets the user in.

    That an implementation can be set up so is a MUST; that it is set up so, where nothing protects the session, is a
    SHOULD (§6.2.2). Inside TLS the one may be disabled and the other not.
    """
    if "LOGINDISABLED" not in dial.facts.capabilities:
        raise not_applicable("LOGINDISABLED is not listed")
    with dial() as imap:
        if imap.secured:
            raise not_applicable("TLS is on from the start on this endpoint")
        account = _account(imap)
        listed = imap.capabilities() & {"AUTH=PLAIN", "AUTH=LOGIN"}
        expect(not listed, "no plaintext mechanism beside LOGINDISABLED", ", ".join(sorted(listed)))
        answer = imap.authenticate_plain(account.name, account.password)
        expect_refused(answer, because="LOGINDISABLED is listed")
