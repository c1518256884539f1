"""The lock on the maildrop: RFC 1939 §4, §6; IN-USE: RFC 2449 §8.1.2."""

from __future__ import annotations

import time

from conformance.checks import must
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.messages import Delivered
from conformance.pop3.session import Pop3Session
from conformance.reading import POLL_S
from conformance.session import setting_up
from conformance.wire.errors import NoReplyError
from conformance.wire.pop3 import Response


def _try_log_in(pop3: Pop3Session, password: str) -> Response:
    """The answer to PASS, or to USER where that is refused already."""
    pop3.make_ready()
    response = pop3.user(pop3.account.name)
    return pop3.pass_(password) if response.ok else response


def _expect_free(dial: Dial, *, after: str) -> None:
    """A log-in succeeds; it is tried until the patience is over, since a server may need a moment to clean up."""
    with dial() as pop3:
        deadline = time.monotonic() + pop3.connection.patience.reply_s
        pop3.drop()
    while True:
        with dial() as pop3:
            response = _try_log_in(pop3, pop3.account.password)
            if response.ok:
                return
            pop3.drop()
        if response.text.upper().startswith(b"[LOGIN-DELAY"):
            raise not_applicable(f"the server has users wait between log-ins (RFC 2449 §6.5): {response}")
        expect(time.monotonic() < deadline, f"a log-in that works again after {after}", response)
        time.sleep(POLL_S)


@must("rfc1939/4/6", "rfc1939/4/9", "rfc1939/7/36")
def check_keeps_others_from_removing_messages(dial: Dial, maildrop: Maildrop) -> None:
    """While a session is open nobody else removes its messages: a second log-in is refused, or cannot do it harm.

    Two mail programs that poll one account would otherwise pull the messages out from under each other.
    """
    (token,) = maildrop.fill([b"wanted by two\r\n"])
    with maildrop.opened() as first:
        # A second log-in may also be left to wait for the lock, longer than we do.
        with dial() as second, setting_up("the second session"):
            response = _try_log_in(second, second.account.password)
            if response.ok:
                second.dele(1)
                second.quit()
                second.abandon()
                second.rest()
        try:
            response = first.retr(1)
        except NoReplyError as error:
            raise ViolationError("the message for the session that had it first", error.what) from error
        expect(response.ok, "the message for the session that had it first", response)
        got = Delivered(response.content).token
        expect(got == token, f"the message {token} for the session that had it first", got)


@must("rfc1939/6/9", "rfc1939/3/26")
def check_is_gone_after_quit(dial: Dial, maildrop: Maildrop) -> None:
    """After QUIT, which removed a message, the next log-in finds the maildrop free."""
    maildrop.fill([b"to be removed\r\n"])
    with maildrop.opened() as pop3, setting_up("QUIT"):
        pop3.dele(1)
        pop3.quit()
        pop3.abandon()
        pop3.rest()
    _expect_free(dial, after="QUIT")


@must("rfc1939/4/7", "rfc1939/4/9")
def check_is_gone_with_the_connection(dial: Dial, maildrop: Maildrop) -> None:
    """A session whose connection is closed has the lock no more, and the next log-in is answered +OK.

    Otherwise a client on a bad line locks itself out of its own mail.
    """
    with maildrop.opened() as pop3:
        pop3.noop()
        pop3.drop()
    _expect_free(dial, after="the connection of the session before was closed")


@must("rfc1939/4/10")
def check_is_not_left_by_a_refused_log_in(dial: Dial, maildrop: Maildrop) -> None:
    """A log-in that was refused leaves no lock behind, while its connection is still open."""
    with maildrop.opened() as pop3:
        pop3.noop()  # nobody has the lock already
    with dial() as refused:
        with setting_up("a wrong password"):
            if _try_log_in(refused, "not-the-password").ok:
                raise not_applicable("the server lets in with a wrong password, which is for another check to say")
        _expect_free(dial, after="a log-in that was refused")
        refused.abandon()


@must("rfc2449/8.1.2/2", "rfc2449/8.1.2/1")
def check_is_told_to_the_right_password_only(dial: Dial, maildrop: Maildrop) -> None:
    """IN-USE says that the password was right: a wrong one never draws it, and neither does USER.

    A server that looks at the lock first tells strangers when somebody reads mail.
    """
    with maildrop.opened(), dial() as pop3, setting_up("a log-in while the maildrop is locked"):
        pop3.make_ready()
        responses = [pop3.user(pop3.account.name)]
        if responses[0].ok:
            responses.append(pop3.pass_("not-the-password"))
        for response in responses:
            told = response.text.upper().startswith(b"[IN-USE")
            expect(not told, "no word of the lock before the right password", response)
