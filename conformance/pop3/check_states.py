"""Which command belongs to which state: RFC 1939 §3, §4, §5, §7."""

from __future__ import annotations

import base64

from conformance.checks import must
from conformance.errors import InconclusiveError
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.listings import expect_each_refused, totals
from conformance.pop3.session import Pop3Session, plain
from conformance.session import setting_up
from conformance.wire.errors import ClosedError

_AFTER_LOG_IN = (b"STAT", b"LIST", b"LIST 1", b"RETR 1", b"DELE 1", b"NOOP", b"RSET", b"TOP 1 0", b"UIDL", b"UIDL 1")


@must(
    "rfc1939/3/29",
    "rfc1939/4/3",
    "rfc1939/3/22",
    "rfc1939/5/5",
    "rfc1939/5/13",
    "rfc1939/5/25",
    "rfc1939/5/30",
    "rfc1939/5/36",
    "rfc1939/5/39",
    "rfc1939/7/4",
    "rfc1939/7/10",
    "rfc2449/6.1/3",
    "rfc2449/6.8/3",
)
def check_before_the_log_in_no_mail_is_shown(dial: Dial) -> None:
    """Before the log-in every command of the TRANSACTION state is answered -ERR."""
    expect_each_refused(dial, _AFTER_LOG_IN, because="nobody is logged in")


@must("rfc1939/3/29", "rfc1939/4/3")
def check_after_user_no_mail_is_shown(dial: Dial) -> None:
    """A name is no log-in: after USER the commands of the TRANSACTION state are still answered -ERR."""
    for command in (b"STAT", b"LIST", b"RETR 1", b"DELE 1"):
        with dial() as pop3:
            pop3.make_ready()
            pop3.user(pop3.account.name)
            response = pop3.command(command)
            expect(not response.ok, f"-ERR to {command!r} after USER alone", response)


@must("rfc1939/3/29", "rfc1939/7/25", "rfc1939/7/38", "rfc5034/4/4", "rfc5034/3/3", "rfc2449/6.2/3", "rfc2449/6.3/3")
def check_after_the_log_in_nobody_logs_in_again(maildrop: Maildrop) -> None:
    """After the log-in USER, PASS, APOP and AUTH are answered -ERR, and the session goes on as it was."""
    maildrop.fill([b"one\r\n"])
    with maildrop.opened() as pop3:
        name, password = pop3.account.name.encode(), pop3.account.password
        before = totals(pop3.stat())
    again = base64.b64encode(plain(name.decode(), password))
    commands = (
        b"USER " + name,
        b"PASS " + password.encode(),
        b"APOP " + name + b" " + b"0" * 32,
        b"AUTH PLAIN " + again,
        b"AUTH PLAIN",
    )
    expect_each_refused(maildrop.opened, commands, because="somebody is logged in already")
    with maildrop.opened() as pop3:
        with setting_up("USER after the log-in"):
            pop3.user("somebody-else")
        try:
            after = pop3.stat()
        except ClosedError:
            return
        expect(after.ok and totals(after) == before, f"the maildrop as before: {before}", after)


def _put_between(dial: Dial, pop3: Pop3Session, between: str) -> bool:
    """USER and then another command; False where the question does not come up."""
    if between == "STLS":
        # The name goes out in clear.
        if pop3.secured or between not in dial.facts.capabilities or not pop3.user(pop3.account.name).ok:
            return False
        try:
            pop3.start_tls()
        except InconclusiveError:
            return False  # refusing STLS there answers the question as well
        return True
    pop3.make_ready()
    if between:
        if not pop3.user(pop3.account.name).ok:
            return False
        pop3.command(between, multi_line=between == "CAPA")
    return True


@must("rfc1939/7/32")
def check_pass_comes_straight_after_user(dial: Dial) -> None:
    """PASS is answered -ERR unless a USER that succeeded came right before it, right as the password may be.

    With STLS between the two, the name came in clear, and whoever sat on the line may have put it there.
    """
    for between in ("", "CAPA", "NOOP", "ZJXZ", "STAT", "STLS"):
        with dial() as pop3:
            try:
                if not _put_between(dial, pop3, between):
                    continue
                response = pop3.pass_(pop3.account.password)
            except ClosedError:
                continue  # nobody is logged in by that either
            after = f"USER and {between}" if between else "no USER"
            expect(not response.ok, f"-ERR to PASS after {after}", response)
