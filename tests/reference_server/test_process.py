"""`reference_server.process`: a server that ends with whoever started it."""

from __future__ import annotations

import smtplib
import socket
from urllib.parse import urlsplit

import pytest

from reference_server.process import server_process


def test_it_serves_with_the_fault_that_was_asked_for_and_is_gone_afterwards() -> None:
    with server_process(services=["smtp"], faults=["keeps-transaction-after-rset"]) as urls:
        port = urlsplit(urls["smtp"]).port
        assert port is not None
        smtp = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example")
        try:
            smtp.ehlo()
            smtp.mail("bob@example.test")
            smtp.rcpt("alice@example.test")
            smtp.rset()
            assert smtp.docmd("DATA")[0] == 354
        finally:
            smtp.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_unknown_fault_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="no-such-fault"), server_process(services=["smtp"], faults=["no-such-fault"]):
        pytest.fail("it started")


def test_a_process_that_cannot_serve_is_an_os_error() -> None:
    with pytest.raises(OSError, match="status 1"), server_process(services=["no-such-service"]):
        pytest.fail("it started")
