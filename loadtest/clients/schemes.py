"""What a session is for each scheme of URL, and how one takes its leave there: for those who talk to any server."""

from __future__ import annotations

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.judging import ReplyJudge
from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.session import Record
from loadtest.clients.smtp_client import SmtpSession
from loadtest.plan import Route

AnySession = SmtpSession | Pop3Session | ImapSession

_IMAP = ("imap", "imaps")
_POP3 = ("pop3", "pop3s")


def open_session(scheme: str, route: Route, record: Record, *, judge: ReplyJudge | None = None) -> AnySession:
    """A session in the scheme's protocol, set up and logged in as the route says.

    Raises:
        LoadError: it cannot be set up.
    """
    if scheme in _IMAP:
        return ImapSession.open(route, record, judge=judge)
    if scheme in _POP3:
        return Pop3Session.open(route, record, judge=judge)
    return SmtpSession.open(route, record, judge=judge)


def take_leave(session: AnySession, *, within_s: float | None = None) -> None:
    """Say QUIT or LOGOUT, wait for the reply and close; the session is closed whatever happens.

    Raises:
        LoadError: the reply was not a farewell, or none.
    """
    if isinstance(session, ImapSession):
        session.logout(within_s=within_s)
    else:
        session.quit(within_s=within_s)
