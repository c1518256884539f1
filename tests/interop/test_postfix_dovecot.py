"""The recipe of Postfix with Dovecot gives a whole mail system, private to the test and gone after it."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.interop.postfix_dovecot import SERVICES, running_postfix_dovecot
from tests.interop.stdlib_clients import (
    ALICE,
    BOB,
    PASSWORD,
    TIMEOUT_S,
    address_of,
    await_uid,
    body_of,
    fetch_octets,
    imap_session,
    new_message,
    pop3_session,
    retr_by_subject,
    smtp_session,
    tls_trusting,
    uids_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.interop.private_server import MailSystem

pytestmark = pytest.mark.interop

DOTS_AND_OCTETS = b".\r\n..\r\n.leading\r\n\r\n" + "grüße\r\n".encode() + b"x" * 998 + b"\r\n"
GREETINGS = {"smtp": b"220 ", "submission": b"220 ", "lmtp": b"220 ", "pop3": b"+OK", "imap": b"* OK"}


def traces_on_the_machine() -> set[str]:
    """Whatever an installation of these servers would leave behind."""
    paths = (
        "/etc/postfix",
        "/etc/dovecot",
        "/var/spool/postfix",
        "/var/vmail",
        "/usr/sbin/postfix",
        "/usr/sbin/dovecot",
    )
    found = {path for path in paths if Path(path).exists()}
    packages = Path("/var/lib/dpkg/status").read_text(encoding="utf-8").splitlines()
    found |= {line for line in packages if line.startswith(("Package: postfix", "Package: dovecot"))}
    users = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    found |= {line for line in users if line.startswith(("postfix:", "dovecot:", "dovenull:", "vmail:"))}
    return found | {line for line in Path("/proc/self/mounts").read_text().splitlines() if "mailspec" in line}


TRACES_BEFORE = traces_on_the_machine()  # taken at collection: before any fixture starts a server


def refuses(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    return False


def hold_a_connection_to_each(urls: Iterable[str], cleanup: ExitStack) -> list[socket.socket]:
    addresses = [urlsplit(url) for url in urls]
    return [
        cleanup.enter_context(socket.create_connection((each.hostname or "", each.port or 0), timeout=TIMEOUT_S))
        for each in addresses
    ]


def ends(connection: socket.socket) -> bool:
    """Wait for the peer's end of the connection to go; a greeting may come before."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_greets(postfix_dovecot: MailSystem, service: str) -> None:
    protocol = service.removesuffix("s")
    with socket.create_connection(address_of(postfix_dovecot, service), timeout=TIMEOUT_S) as plain:
        if protocol == service:
            assert plain.recv(512).startswith(GREETINGS[protocol])
        else:
            with tls_trusting(postfix_dovecot).wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                assert secure.recv(512).startswith(GREETINGS[protocol])


@pytest.mark.parametrize(
    ("sent_by", "user"), [("smtp", None), ("smtps", None), ("smtps", "alice"), ("submission", ALICE)]
)
def test_a_message_sent_is_read_back_unchanged(postfix_dovecot: MailSystem, sent_by: str, user: str | None) -> None:
    subject, message = new_message(DOTS_AND_OCTETS)
    with smtp_session(postfix_dovecot, sent_by, user=user) as smtp:
        assert smtp.sendmail(ALICE, [BOB], message, mail_options=["BODY=8BITMIME"]) == {}
    with imap_session(postfix_dovecot, "imap", BOB) as imap:
        assert body_of(fetch_octets(imap, await_uid(imap, subject))) == DOTS_AND_OCTETS
    with pop3_session(postfix_dovecot, "pop3", "bob") as pop3:
        assert body_of(retr_by_subject(pop3, subject)[1]) == DOTS_AND_OCTETS


def test_lmtp_delivers_before_it_answers(postfix_dovecot: MailSystem) -> None:
    subject, message = new_message(DOTS_AND_OCTETS)
    with smtplib.LMTP(*address_of(postfix_dovecot, "lmtp"), "client.example") as lmtp:
        assert lmtp.sendmail(ALICE, [BOB], message) == {}
    with imap_session(postfix_dovecot, "imaps", "bob") as imap:
        (uid,) = uids_of(imap, subject)
        assert body_of(fetch_octets(imap, uid)) == DOTS_AND_OCTETS


def test_a_message_deleted_over_pop3_is_gone_over_imap(postfix_dovecot: MailSystem) -> None:
    subject, message = new_message()
    with smtplib.LMTP(*address_of(postfix_dovecot, "lmtp"), "client.example") as lmtp:
        lmtp.sendmail(ALICE, [BOB], message)
    with pop3_session(postfix_dovecot, "pop3s", BOB) as pop3:
        pop3.dele(retr_by_subject(pop3, subject)[0])
    with imap_session(postfix_dovecot, "imap", BOB) as imap:
        assert uids_of(imap, subject) == []


def test_submission_takes_nothing_from_a_stranger(postfix_dovecot: MailSystem) -> None:
    with smtp_session(postfix_dovecot, "submission") as smtp:
        assert smtp.mail(ALICE)[0] in (250, 530, 554)  # Postfix's default is to refuse at RCPT only
        assert smtp.rcpt(BOB)[0] in (503, 530, 554)


def test_a_wrong_password_is_refused(postfix_dovecot: MailSystem) -> None:
    with smtp_session(postfix_dovecot, "submission") as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(ALICE, PASSWORD + "!")


@pytest.mark.parametrize(("service", "user"), [("smtp", None), ("submission", ALICE)])
def test_no_mail_leaves_the_system(postfix_dovecot: MailSystem, service: str, user: str | None) -> None:
    with smtp_session(postfix_dovecot, service, user=user) as smtp:
        smtp.mail(ALICE)
        code, text = smtp.rcpt("someone@elsewhere.example")
    assert code // 100 in (4, 5)  # 454 to strangers: Postfix defers by default, lest a wrong setting lose mail
    assert b"no mail leaves" in text or b"Relay access denied" in text


def test_mail_for_strangers_is_refused_and_for_the_postmaster_taken(postfix_dovecot: MailSystem) -> None:
    with smtp_session(postfix_dovecot, "smtp") as smtp:
        smtp.mail(ALICE)
        assert smtp.rcpt("nobody@example.test")[0] == 550
        assert smtp.rcpt("Postmaster")[0] == 250
        assert smtp.rcpt("postmaster@mail.example.test")[0] == 250
        assert smtp.rcpt("postmaster@[127.0.0.1]")[0] == 250
    with smtplib.LMTP(*address_of(postfix_dovecot, "lmtp"), "client.example") as lmtp:
        lmtp.ehlo()
        lmtp.mail(ALICE)
        assert lmtp.rcpt("nobody@example.test")[0] == 550
        assert lmtp.rcpt("alice@elsewhere.example")[0] == 550


def test_the_machine_is_untouched(postfix_dovecot: MailSystem) -> None:
    with socket.create_connection(address_of(postfix_dovecot, "smtp"), timeout=TIMEOUT_S) as running:
        assert b"Postfix" in running.recv(512)
    assert traces_on_the_machine() == TRACES_BEFORE


def test_a_second_copy_is_another_system_and_ends_with_its_block(postfix_dovecot: MailSystem) -> None:
    subject, message = new_message()
    with ExitStack() as cleanup:
        with running_postfix_dovecot() as second:
            assert not set(second.urls.values()) & set(postfix_dovecot.urls.values())
            with smtplib.LMTP(*address_of(second, "lmtp"), "client.example") as lmtp:
                lmtp.sendmail(ALICE, [BOB], message)
            with imap_session(second, "imap", BOB) as imap:
                assert len(uids_of(imap, subject)) == 1
            held = hold_a_connection_to_each(second.urls.values(), cleanup)
        assert all(ends(connection) for connection in held)
        assert all(refuses(*address_of(second, service)) for service in SERVICES)
    with imap_session(postfix_dovecot, "imap", BOB) as imap:
        assert uids_of(imap, subject) == []


@pytest.mark.parametrize(("end", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
@pytest.mark.usefixtures("postfix_dovecot")  # skips where there is none
def test_started_by_hand_it_ends_with_its_program(end: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "tests.interop.postfix_dovecot"]
    with ExitStack() as cleanup:
        program = cleanup.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        )
        cleanup.callback(program.kill)
        assert program.stdout is not None
        urls = [program.stdout.readline().strip() for _ in SERVICES]
        assert [urlsplit(url).scheme for url in urls] == list(SERVICES)
        held = hold_a_connection_to_each(urls, cleanup)
        os.kill(program.pid, end)
        assert program.wait(TIMEOUT_S) == status
        assert all(ends(connection) for connection in held)
