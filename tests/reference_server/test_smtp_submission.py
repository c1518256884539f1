"""Submission: who has to log in, and who may send in whose name (RFC 6409)."""

from __future__ import annotations

from reference_server.smtp.core import SmtpCore
from tests.reference_server.smtp_dialogue import codes, fresh, inbox, play, said, settings

LOG_IN = b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"


def logged_in(kind: type[SmtpCore] = SmtpCore) -> SmtpCore:
    """Alice, on the submission port of a server for two domains, one of them of a single label."""
    domains = frozenset({"example.test", "intranet"})
    core = fresh(kind, tls=True, submission=True, changed=settings(domains=domains))
    assert codes(core, LOG_IN)[-1] == "235 2.7.0"
    return core


def test_mail_waits_for_a_log_in_and_the_rest_of_a_dialogue_does_not() -> None:
    play(
        fresh(submission=True),
        """
        > NOOP
        < 250
        > EHLO x
        << 250
        > MAIL FROM:<alice@example.test>
        < 530 5.7.0
        > RCPT TO:<alice@example.test>
        < 530
        > DATA
        < 530
        > VRFY alice
        < 530
        > RSET
        < 250
        > QUIT
        < 221
        """,
    )


def test_a_user_sends_as_oneself_or_as_nobody_or_from_elsewhere_but_not_as_another_user() -> None:
    core = logged_in()
    for sender, code in {
        "alice@example.test": "250 2.1.0",
        "ALICE@Example.Test": "250 2.1.0",
        "": "250 2.1.0",
        "alice@elsewhere.example": "250 2.1.0",
        "alice@[127.0.0.1]": "250 2.1.0",
        "nobody@example.test": "250 2.1.0",
        "postmaster@example.test": "250 2.1.0",
        "bob@example.test": "550 5.7.1",
    }.items():
        assert codes(core, f"MAIL FROM:<{sender}>\r\nRSET\r\n".encode())[0] == code


def test_domains_have_to_be_fully_qualified_unless_they_are_ours() -> None:
    play(
        logged_in(),
        """
        > MAIL FROM:<alice@sales>
        < 554 5.1.8
        > MAIL FROM:<alice@intranet>
        < 250
        > RCPT TO:<bob@sales>
        < 554 5.1.2
        > RCPT TO:<postmaster@intranet>
        < 250
        > RCPT TO:<bob@squeaky.sales>
        < 550 5.7.1
        > RCPT TO:<Postmaster>
        < 250
        """,
    )


def test_an_mx_takes_senders_as_they_come() -> None:
    play(fresh(), "> EHLO x\n<< 250\n> MAIL FROM:<bob@sales>\n< 250\n> RCPT TO:<bob@sales>\n< 550 5.7.1")


def test_what_was_submitted_is_stored_as_it_came() -> None:
    core = logged_in()
    said(core, b"MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n")
    assert inbox(core, "bob@example.test")[0].endswith(b" +0000\r\nSubject: x\r\n\r\n")
