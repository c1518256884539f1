"""Which command is valid in which state: RFC 3501 §3, §6.2, §9."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_refused
from conformance.imap.session import quoted

AFTER_LOG_IN = (
    b"SELECT INBOX", b"EXAMINE INBOX", b'LIST "" "*"', b'LSUB "" "*"', b"STATUS INBOX (MESSAGES)",
    b"SUBSCRIBE mailspec-state", b"UNSUBSCRIBE mailspec-state", b"CREATE mailspec-state", b"DELETE mailspec-state",
    b"RENAME mailspec-state mailspec-state-2",
)  # fmt: skip

WITH_A_MAILBOX = (
    b"CHECK", b"CLOSE", b"EXPUNGE", b"SEARCH ALL", b"FETCH 1 FLAGS", b"STORE 1 +FLAGS (\\Seen)", b"COPY 1 INBOX",
    b"UID FETCH 1 FLAGS", b"UID SEARCH ALL", b"UID STORE 1 +FLAGS (\\Seen)", b"UID COPY 1 INBOX",
)  # fmt: skip


@must("rfc3501/3.1/1", "rfc3501/3/2", "rfc3501/9/23", "rfc3501/7.1.1/5", "rfc3501/3.1/2")
@given(line=st.sampled_from(AFTER_LOG_IN + WITH_A_MAILBOX))
def check_does_nothing_before_log_in(dial: Dial, line: bytes) -> None:
    """A command that wants a user is answered NO or BAD as long as nobody has logged in."""
    with dial() as imap:
        if imap.greeting is not None and imap.greeting.name == b"PREAUTH":
            raise not_applicable("the server greets with PREAUTH")
        expect_refused(imap.command(line), because="nobody has logged in")


@must("rfc3501/3.2/1", "rfc3501/3/2", "rfc3501/9/25")
@given(line=st.sampled_from(WITH_A_MAILBOX))
def check_touches_no_message_with_no_mailbox_selected(dial: Dial, line: bytes) -> None:
    """A command on messages is answered NO or BAD while no mailbox is selected."""
    with dial() as imap:
        imap.log_in()
        expect_refused(imap.command(line), because="no mailbox is selected")


@must("rfc3501/3.2/1", "rfc3501/3.2/2")
@given(line=st.sampled_from(WITH_A_MAILBOX))
def check_touches_no_message_after_close(folder: Folder, line: bytes) -> None:
    """After CLOSE no mailbox is selected, and commands on messages are answered NO or BAD."""
    with folder.log_in() as imap:
        imap.select(folder.name)
        imap.command("CLOSE")
        expect_refused(imap.command(line), because="CLOSE has left the mailbox")


@must("rfc3501/9/24", "rfc3501/3/2", "rfc3501/6.2/2")
def check_lets_nobody_log_in_twice(dial: Dial) -> None:
    """LOGIN, AUTHENTICATE and STARTTLS are answered NO or BAD once somebody has logged in.

    There is no way back to the state before; a session that changes hands would carry one user's state to another.
    """
    with dial() as imap:
        imap.log_in()
        account = imap.setting.account
        assert account is not None
        login = b"LOGIN " + quoted(account.name) + b" " + quoted(account.password)
        expect_refused(imap.command(login), because="this session is somebody's already")
        answer = imap.authenticate_plain(account.name, account.password)
        expect_refused(answer, because="this session is somebody's already")
        expect_refused(imap.command("STARTTLS"), because="STARTTLS is for the time before log-in")
