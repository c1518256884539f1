"""Servers started and stopped inside a process, and round trips with the standard library's clients."""

from __future__ import annotations

import base64
import logging
import poplib
import re
import resource
import smtplib
import socket
import ssl
import threading
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reference_server.core import Settings
from reference_server.running import SERVICES, Host, RunningServer, allow_many_descriptors, running_server
from reference_server.smtp.core import SmtpCore
from reference_server.stores.memory import MemoryStore

TIMEOUT_S = 10.0
BODY = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\nlast line\r\n"


def address(server: RunningServer, service: str) -> tuple[str, int]:
    url = urlsplit(server.urls[service])
    return url.hostname or "", url.port or 0


def verifying(server: RunningServer) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))


def stored(server: RunningServer, user: str) -> list[bytes]:
    account = server.store.account(f"{user}@example.test")
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return [message.octets for message in box.messages]


def test_every_service_has_a_url_with_a_port_of_its_own() -> None:
    with running_server() as server:
        assert list(server.urls) == list(SERVICES)
        assert all(server.urls[name].startswith(f"{name}://127.0.0.1:") for name in SERVICES)
        assert len({address(server, name) for name in SERVICES}) == len(SERVICES)
        assert server.ca_pem.startswith(b"-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("service", ["smtp", "smtps", "submission", "submissions", "lmtp"])
def test_what_smtplib_sends_poplib_reads(service: str) -> None:
    with running_server(protocols=[service, "pop3", "pop3s"]) as server:
        host, port = address(server, service)
        client: smtplib.SMTP
        if service.endswith("s"):
            client = smtplib.SMTP_SSL(host, port, context=verifying(server), timeout=TIMEOUT_S)
        elif service == "lmtp":
            client = smtplib.LMTP(host, port, timeout=TIMEOUT_S)
        else:
            client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
            client.starttls(context=verifying(server))
        with client:
            if service.startswith("submission"):
                client.login("alice", "secret")
            refused = client.sendmail("alice@example.test", ["bob@example.test", "carol@example.test"], BODY)
        assert set(refused) == {"carol@example.test"}

        pop: poplib.POP3
        pop = poplib.POP3(*address(server, "pop3"), timeout=TIMEOUT_S)
        pop.stls(verifying(server))
        pop.user("bob")
        pop.pass_("secret")
        count, octets = pop.stat()
        lines = pop.retr(1)[1]
        pop.dele(1)
        pop.quit()
        assert count == 1
        assert octets == len(b"\r\n".join(lines) + b"\r\n")
        assert (b"\r\n".join(lines) + b"\r\n").endswith(b"\r\n" + BODY)
        pop = poplib.POP3_SSL(*address(server, "pop3s"), context=verifying(server), timeout=TIMEOUT_S)
        pop.apop("bob", "secret")
        assert pop.stat() == (0, 0)
        pop.quit()
        assert server.errors == []


def test_a_host_runs_one_server_after_another_and_several_at_once() -> None:
    class Other(SmtpCore):
        def greeting(self) -> bytes:
            return self.reply(220, "other ESMTP")

    with Host() as host:
        for _ in range(30):
            with running_server(on=host, protocols=["smtp"]) as server:
                socket.create_connection(address(server, "smtp"), timeout=TIMEOUT_S).close()
        with (
            running_server(on=host, protocols=["smtp"]) as first,
            running_server(on=host, protocols=["smtp"], cores={"smtp": Other}) as second,
        ):
            for server, greeting in ((first, b"220 mail.example.test"), (second, b"220 other ")):
                with socket.create_connection(address(server, "smtp"), timeout=TIMEOUT_S) as peer:
                    assert peer.recv(100).startswith(greeting)


def test_stopping_twice_and_closing_with_a_server_running_are_in_order() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        host = Host()
        first, second = host.start(services=["smtp"]), host.start(services=["pop3"])
        peer = socket.create_connection(address(second, "pop3"), timeout=TIMEOUT_S)
        first.stop()
        first.stop()
        host.close()
        host.close()
        peer.close()
    assert caught == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(second, "pop3"), timeout=TIMEOUT_S)


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    with running_server(protocols=["smtp"]):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_port_can_be_fixed_and_one_that_is_taken_is_an_error() -> None:
    with Host() as host, running_server(on=host, protocols=["smtp"]) as server:
        taken = address(server, "smtp")[1]
        with pytest.raises(OSError, match="in use"):
            host.start(services=["pop3", "smtp"], ports={"smtp": taken})
        server.stop()
        again = host.start(services=["smtp"], ports={"smtp": taken})
        assert address(again, "smtp")[1] == taken


def test_ipv6_urls_have_brackets() -> None:
    with running_server(protocols=["smtp"], host="::1") as server:
        assert server.urls["smtp"].startswith("smtp://[::1]:")
        with socket.create_connection(address(server, "smtp"), timeout=TIMEOUT_S) as peer:
            assert peer.recv(4) == b"220 "


def test_what_is_not_served_is_refused_by_name() -> None:
    with Host() as host:
        with pytest.raises(ValueError, match="gopher"):
            host.start(services=["gopher"])
        with pytest.raises(ValueError, match="smpt"):
            host.start(ports={"smpt": 25})
        with pytest.raises(ValueError, match="smtps"):
            host.start(cores={"smtps": SmtpCore})


def test_store_and_settings_are_the_caller_s() -> None:
    store = MemoryStore({"carol@other.test": "pw"})
    settings = Settings(domains=frozenset({"other.test"}), allow_cleartext=True, hostname="mx.other.test")
    with running_server(store=store, settings=settings, protocols=["submission"]) as server:
        with smtplib.SMTP(*address(server, "submission"), timeout=TIMEOUT_S) as client:
            client.login("carol", "pw")
            client.sendmail("carol@other.test", ["carol@other.test"], BODY)
        assert server.store is store
    box = store.accounts[0].mailbox("INBOX")
    assert box is not None
    assert b"by mx.other.test with ESMTPA id" in box.messages[0].octets


def test_a_store_can_be_named_and_is_closed_with_its_server(tmp_path: Path) -> None:
    name = f"sqlite:{tmp_path / 'mail.sqlite'}"
    for _ in range(2):
        with running_server(store=name, protocols=["imap"]) as server:
            server.mailbox("alice@example.test").append(BODY)
            messages = stored(server, "alice")
    assert messages == [BODY, BODY]
    with pytest.raises(ValueError, match="there is no store mbox"), running_server(store="mbox"):
        pytest.fail("a store that does not exist was served")


def test_who_would_need_the_last_descriptors_is_turned_away_in_due_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (65, 65))
    with running_server(protocols=["smtp", "pop3"]) as server:
        first = socket.create_connection(address(server, "smtp"), timeout=TIMEOUT_S)
        assert first.recv(100).startswith(b"220 ")
        second = socket.create_connection(address(server, "pop3"), timeout=TIMEOUT_S)
        assert second.recv(100) == b"-ERR [SYS/TEMP] too many connections, try again later\r\n"
        first.close()
        second.close()


def test_the_number_of_descriptors_can_be_raised_to_what_is_allowed_and_may_be_without_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, 5000))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    allow_many_descriptors()
    assert asked == [(5000, 5000)]
    with (
        running_server(protocols=["smtp"]) as server,
        socket.create_connection(address(server, "smtp"), timeout=TIMEOUT_S) as peer,
    ):
        assert peer.recv(100).startswith(b"220 ")


def test_no_password_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    words = [b"verysecret", b"othersecret", base64.b64encode(b"\0alice\0verysecret"), base64.b64encode(b"othersecret")]
    dialogues = {
        "smtp": b"EHLO x\r\nAUTH PLAIN %b\r\nAUTH LOGIN\r\nYWxpY2U=\r\n%b\r\nQUIT\r\n" % (words[2], words[3]),
        "pop3": b"USER alice\r\nPASS othersecret\r\nUSER alice\r\nPASS verysecret\r\nQUIT\r\n",
        "imap": b"a LOGIN alice othersecret\r\nb LOGIN alice {10+}\r\nverysecret\r\nc LOGOUT\r\n",
    }
    settings = Settings(allow_cleartext=True)
    store = MemoryStore({"alice@example.test": "verysecret"})
    with (
        caplog.at_level(logging.DEBUG),
        running_server(store=store, protocols=[*dialogues, "imaps"], settings=settings) as server,
    ):
        for service, dialogue in dialogues.items():
            with socket.create_connection(address(server, service), timeout=TIMEOUT_S) as peer:
                peer.sendall(dialogue)
                received = b""
                while octets := peer.recv(65_536):
                    received += octets
                assert re.search(rb"^(?:235 |\+OK maildrop|b OK )", received, re.MULTILINE)
        with socket.create_connection(address(server, "imaps"), timeout=TIMEOUT_S) as peer:
            # What is no TLS is an error that is logged, and must not be quoted.
            peer.sendall(dialogues["imap"])
            while peer.recv(65_536):
                pass
    logged = caplog.text.encode()
    assert b"TLS failed" in logged
    assert not [word for word in words if word in logged]
