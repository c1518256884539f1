"""Whole deliveries by smtplib, by swaks and by hand to the SMTP and LMTP servers over real sockets, TLS included."""

from __future__ import annotations

import shutil
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from reference_server.running import RunningServer, running_server
from reference_server.stores.memory import MemoryStore

TIMEOUT_S = 20.0
SERVICES = ("smtp", "smtps", "submission", "lmtp")


@pytest.fixture
def server() -> Iterator[RunningServer]:
    users = {"alice@example.test": "secret", "bob@example.test": "secret", "älice@example.test": "secret"}
    with running_server(store=MemoryStore(users), protocols=SERVICES) as running:
        yield running
        assert running.errors == []


def port_of(server: RunningServer, scheme: str) -> int:
    port = urlsplit(server.urls[scheme]).port
    assert port is not None
    return port


def context_for(server: RunningServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))
    context.check_hostname = False
    return context


def stored(server: RunningServer, user: str = "alice@example.test") -> list[bytes]:
    account = server.store.account(user)
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return [message.octets for message in box.messages]


def test_smtplib_submits_after_starttls_and_log_in_and_hears_of_the_delivery(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", port_of(server, "submission"), "client.example", timeout=TIMEOUT_S) as client:
        client.starttls(context=context_for(server))
        client.login("alice", "secret")
        assert client.has_extn("requiretls")
        refused = client.sendmail(
            "alice@example.test",
            ["bob@example.test", "carol@example.test"],
            b"Subject: x\r\n\r\n.\r\nbody \xc3\xa4\r\n",
            mail_options=["BODY=8BITMIME", "REQUIRETLS", "RET=FULL", "ENVID=QQ314159"],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;b+2Bob@example.test"],
        )
        assert refused == {"carol@example.test": (550, b"5.1.1 no such user here")}
    (message,) = stored(server, "bob@example.test")
    assert b" with ESMTPSA id " in message
    assert b"\r\nOriginal-Recipient: rfc822;b+ob@example.test\r\n" in message
    assert (
        b"\r\nX-Envelope-Parameters: REQUIRETLS\r\n\tRET=HDRS\r\n\tENVID=QQ314159\r\n\tNOTIFY=FAILURE,SUCCESS\r\n"
        in message
    )
    assert message.endswith(b"\r\n\r\n.\r\nbody \xc3\xa4\r\n")
    (notice,) = stored(server)
    assert b"\r\nOriginal-Envelope-Id: QQ314159\r\n" in notice


def test_smtplib_sends_to_an_address_of_utf8(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", port_of(server, "smtp"), "client.example", timeout=TIMEOUT_S) as client:
        client.sendmail("ö@client.example", ["älice@example.test"], b"Subject: x\r\n\r\n", ["SMTPUTF8"])
        assert client.docmd("VRFY", "alice")[0] == 250
    assert b" with UTF8SMTP id " in stored(server, "älice@example.test")[0]


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")
@pytest.mark.parametrize(("scheme", "options"), [("smtp", []), ("lmtp", ["--protocol", "LMTP"]), ("smtps", ["-tlsc"])])
def test_swaks_delivers(server: RunningServer, scheme: str, options: list[str]) -> None:
    command = ["swaks", "--server", "127.0.0.1", "--port", str(port_of(server, scheme)), *options]
    command += ["--to", "alice@example.test", "--from", "a@client.example", "--ehlo", "client.example"]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(stored(server)) == 1


class Raw:
    """A client that reads replies line by line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lines = connection.makefile("rb")

    def send(self, octets: bytes) -> None:
        self.connection.sendall(octets)

    def code(self) -> bytes:
        """The code of the next reply, however many lines it has; empty at the end of the connection."""
        while (line := self._lines.readline())[3:4] == b"-":
            continue
        return line[:3]

    def close(self) -> None:
        self._lines.close()
        self.connection.close()


@pytest.fixture
def lmtp(server: RunningServer) -> Iterator[Raw]:
    raw = Raw(socket.create_connection(("127.0.0.1", port_of(server, "lmtp")), TIMEOUT_S))
    yield raw
    raw.close()


def test_chunks_over_lmtp_get_a_reply_for_each_recipient(server: RunningServer, lmtp: Raw) -> None:
    assert lmtp.code() == b"220"
    lmtp.send(
        b"LHLO x\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n"
    )
    assert [lmtp.code() for _ in range(4)] == [b"250"] * 4
    octets = bytes(range(256)) * 400
    lmtp.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\nQUIT\r\n" % (len(octets), octets))
    assert [lmtp.code() for _ in range(5)] == [b"250", b"250", b"250", b"221", b""]
    assert stored(server)[0].endswith(octets)
    assert stored(server, "bob@example.test")[0].endswith(octets)


def test_tls_that_ends_within_a_chunk_ends_the_session_and_nothing_else(server: RunningServer) -> None:
    # As in CVE-2026-45185: a close_notify in the middle of a chunk, and an octet in the clear behind it.
    plain = socket.create_connection(("127.0.0.1", port_of(server, "smtps")), TIMEOUT_S)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = context_for(server).wrap_bio(incoming, outgoing, server_hostname="mail.example.test")

    def pump(step: str) -> None:
        while True:
            try:
                getattr(layer, step)()
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
            else:
                plain.sendall(outgoing.read())
                return

    with plain:
        pump("do_handshake")
        layer.write(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nBDAT 100\r\nhalf a chunk")
        with pytest.raises(ssl.SSLWantReadError):
            layer.unwrap()
        plain.sendall(outgoing.read() + b"x")
        while plain.recv(65536):
            continue
    assert stored(server) == []
    with smtplib.SMTP("127.0.0.1", port_of(server, "smtp"), "client.example", timeout=TIMEOUT_S) as client:
        assert client.noop()[0] == 250
