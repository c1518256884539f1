"""Clients that people use log in to the reference server by the mechanism that they are told to use."""

from __future__ import annotations

import imaplib
import poplib
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

import pytest
import trustme

from reference_server.accounts import Directory, User
from reference_server.certificates import certificate
from reference_server.imap.core import ImapCore
from reference_server.pop3.core import Pop3Core
from reference_server.running import RunningServer, running_server
from reference_server.sasl import MECHANISMS
from reference_server.smtp.core import SmtpCore
from reference_server.stores.memory import MemoryStore

pytestmark = pytest.mark.interop

ALICE, PASSWORD, TOKEN = "alice@example.test", "secret", "t0ken"
TOOL_LIMIT_S = 30.0
CLIENTS = trustme.CA()


@contextmanager
def server_with(*names: str) -> Iterator[RunningServer]:
    """A server with these mechanisms and no others, so that a client cannot fall back on another one."""
    only = {"sasl_mechanisms": {name: MECHANISMS[name] for name in names}}
    cores = {core.protocol: type(core.__name__, (core,), only) for core in (SmtpCore, Pop3Core, ImapCore)}
    users = Directory([User(address=ALICE, password=PASSWORD, token=TOKEN)])
    certificates = certificate(client_ca=CLIENTS.cert_pem.bytes().decode())
    with running_server(store=MemoryStore(users), cores=cores, certificates=certificates) as running:
        yield running
        assert running.errors == []


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"the program {program} is not here")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=TOOL_LIMIT_S, check=False)


def url_of(server: RunningServer, service: str) -> SplitResult:
    return urlsplit(server.urls[service])


class Curl:
    """curl, asked for one mechanism."""

    credentials: ClassVar[dict[str, Sequence[str]]] = {
        "PLAIN": ("--user", f"{ALICE}:{PASSWORD}"),
        "LOGIN": ("--user", f"{ALICE}:{PASSWORD}"),
        "CRAM-MD5": ("--user", f"{ALICE}:{PASSWORD}"),
        "OAUTHBEARER": ("--user", ALICE, "--oauth2-bearer", TOKEN),
        "XOAUTH2": ("--user", ALICE, "--oauth2-bearer", TOKEN),
        "EXTERNAL": ("--user", f"{ALICE}:"),
    }

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self._server, self._ca, self._identity = server, folder / "ca.pem", folder / "identity.pem"
        self._ca.write_bytes(server.ca_pem)
        CLIENTS.issue_cert(ALICE).private_key_and_cert_chain_pem.write_to_path(self._identity)
        self._message = folder / "message"
        self._message.write_bytes(b"Subject: hello\r\n\r\nhello\r\n")

    def log_in(self, service: str, mechanism: str, *credentials: str) -> subprocess.CompletedProcess[str]:
        url = url_of(self._server, service)
        sent = ("--mail-from", ALICE, "--mail-rcpt", ALICE, "--upload-file", self._message)
        return run(
            "curl", "--silent", "--show-error", "--max-time", "20", "--cacert", self._ca, "--cert", self._identity,
            "--login-options", f"AUTH={mechanism}", *credentials, *(sent if service == "submissions" else ()),
            f"{url.scheme.replace('submissions', 'smtps')}://localhost:{url.port}/",
            "--resolve", f"localhost:{url.port}:{url.hostname}",
        )  # fmt: skip


@pytest.mark.parametrize("service", ["submissions", "pop3s", "imaps"])
@pytest.mark.parametrize("mechanism", Curl.credentials)
def test_curl_logs_in(mechanism: str, service: str, tmp_path: Path) -> None:
    with server_with(mechanism) as server:
        curl = Curl(server, tmp_path)
        done = curl.log_in(service, mechanism, *Curl.credentials[mechanism])
        assert done.returncode == 0, done.stderr
        if mechanism != "EXTERNAL":
            wrong = [word.replace(PASSWORD, "guess").replace(TOKEN, "guess") for word in Curl.credentials[mechanism]]
            assert curl.log_in(service, mechanism, *wrong).returncode == 67, "curl: login denied"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"])
def test_mbsync_logs_in_through_cyrus_sasl(mechanism: str, tmp_path: Path) -> None:
    with server_with(mechanism) as server:
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        for password, status in ((PASSWORD, 0), ("guess", 1)):
            (tmp_path / "mbsyncrc").write_text(
                f"""
IMAPAccount server
Host localhost
Port {url_of(server, "imap").port}
User {ALICE}
Pass {password}
SSLType STARTTLS
AuthMechs {mechanism}
CertificateFile {tmp_path}/ca.pem
SystemCertificates no

IMAPStore far
Account server

MaildirStore near
Inbox {tmp_path}/INBOX

Channel inbox
Far :far:INBOX
Near :near:INBOX
Create Near
SyncState *
"""
            )
            done = run("mbsync", "--config", tmp_path / "mbsyncrc", "inbox")
            if "selected SASL mechanism(s) not available" in done.stderr:
                pytest.skip(f"Cyrus SASL has no {mechanism} here")
            assert done.returncode == status, done.stderr
            assert (tmp_path / "INBOX").exists()


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "PLAIN", "LOGIN"])
def test_swaks_logs_in_and_sends(mechanism: str) -> None:
    with server_with(mechanism) as server:
        url = url_of(server, "submission")
        for password, status in ((PASSWORD, 0), ("guess", 28)):
            done = run(
                "swaks", "--server", f"{url.hostname}:{url.port}", "--tls", "--to", ALICE, "--from", ALICE,
                "--auth", mechanism, "--auth-user", ALICE, "--auth-password", password,
            )  # fmt: skip
            assert done.returncode == status, done.stdout + done.stderr


def test_the_standard_library_logs_in_by_cram_md5_and_apop_in_clear() -> None:
    with server_with("CRAM-MD5") as server:
        imap_url, smtp_url, pop3_url = (url_of(server, name) for name in ("imap", "submission", "pop3"))
        with imaplib.IMAP4(imap_url.hostname or "", imap_url.port or 0, timeout=TOOL_LIMIT_S) as imap:
            imap.login_cram_md5(ALICE, PASSWORD)
        with smtplib.SMTP(smtp_url.hostname or "", smtp_url.port or 0, timeout=TOOL_LIMIT_S) as smtp:
            smtp.login(ALICE, PASSWORD)
        pop3 = poplib.POP3(pop3_url.hostname or "", pop3_url.port or 0, timeout=TOOL_LIMIT_S)
        pop3.apop(ALICE, PASSWORD)
        pop3.quit()


def test_the_standard_library_logs_in_by_certificate_and_by_token() -> None:
    trusting: ssl.SSLContext
    with server_with("EXTERNAL", "XOAUTH2") as server:
        trusting = ssl.create_default_context(cadata=server.ca_pem.decode())
        CLIENTS.issue_cert(ALICE).configure_cert(trusting)
        url = url_of(server, "imaps")
        for name, response in (("EXTERNAL", b""), ("XOAUTH2", f"user={ALICE}\1auth=Bearer {TOKEN}\1\1".encode())):
            with imaplib.IMAP4_SSL("localhost", url.port or 0, ssl_context=trusting, timeout=TOOL_LIMIT_S) as imap:
                assert f"AUTH={name}" in imap.capabilities
                status, _ = imap.authenticate(name, lambda _challenge, said=response: said)  # type: ignore[misc]
                assert status == "OK"
