"""`serve` in a process of its own: URLs on standard output and nothing else, and an orderly end on a signal."""

from __future__ import annotations

import imaplib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from reference_server.registry import FAULTS
from reference_server.serving import (
    MESSAGES_WITHIN_QUOTA,
    certificates_for,
    combined,
    cores_with,
    directory,
    list_faults,
    list_variants,
)
from reference_server.smtp.core import SmtpCore
from reference_server.stores import Limits

ROOT = Path(__file__).resolve().parents[2]


def start(arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from pathlib import Path; from reference_server.serving import serve; serve({arguments})",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_urls_and_ends_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    users = {"carol@other.test": "pw"}
    arguments = f"only=['smtp', 'imaps'], users={users}, allow_cleartext=True, ca_file=Path({str(ca_file)!r})"
    with start(arguments) as process:
        assert process.stdout is not None
        urls = [urlsplit(process.stdout.readline().strip()) for _ in range(2)]
        assert [url.scheme for url in urls] == ["smtp", "imaps"]
        with smtplib.SMTP(urls[0].hostname or "", urls[0].port or 0, timeout=10.0) as client:
            client.login("carol", "pw")
            client.sendmail("x@y.example", ["carol@other.test"], b"hi\r\n")
        assert ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10.0)
    assert (rest, errors, process.returncode) == ("", "", 0)


def test_serve_takes_its_users_from_a_file_and_its_certificate_too(tmp_path: Path) -> None:
    users, chain, key, authority = (tmp_path / name for name in ("users.toml", "chain.pem", "key.pem", "clients.pem"))
    users.write_text('[[user]]\naddress = "carol@other.test"\npassword = "pw"\n')
    leaf = trustme.CA().issue_cert("other.test")
    leaf.cert_chain_pems[0].write_to_path(chain)
    leaf.private_key_pem.write_to_path(key)
    trustme.CA().cert_pem.write_to_path(authority)
    arguments = (
        f"only=['imaps', 'pop3s'], login_delay_s=600,"
        f"users_file=Path({str(users)!r}), shared_secrets=False, users={{'dave@third.test': 'pw'}},"
        f"certificates=[(Path({str(chain)!r}), Path({str(key)!r}))], client_ca=Path({str(authority)!r})"
    )
    with start(arguments) as process:
        assert process.stdout is not None
        url, pop3_url = (urlsplit(process.stdout.readline().strip()) for _ in range(2))
        trusting = ssl.create_default_context(cafile=str(chain))
        trusting.check_hostname = False
        trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        with imaplib.IMAP4_SSL(url.hostname or "", url.port or 0, ssl_context=trusting, timeout=10.0) as client:
            assert "AUTH=CRAM-MD5" not in client.capabilities
            assert "AUTH=SCRAM-SHA-256" in client.capabilities
            client.login("carol", "pw")
        with imaplib.IMAP4_SSL(url.hostname or "", url.port or 0, ssl_context=trusting, timeout=10.0) as client:
            client.login("dave@third.test", "pw")
        for outcome in ("+OK", "-ERR [LOGIN-DELAY]"):
            with (
                socket.create_connection((pop3_url.hostname or "", pop3_url.port or 0), 10.0) as stream,
                trusting.wrap_socket(stream) as secured,
                secured.makefile("rwb") as lines,
            ):
                lines.write(b"USER carol\r\nPASS pw\r\nQUIT\r\n")
                lines.flush()
                assert lines.read().decode().split("\r\n")[2].startswith(outcome)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10.0)
    assert process.returncode == 0


def test_a_directory_holds_the_default_users_unless_others_are_named(tmp_path: Path) -> None:
    assert [user.address for user in directory()] == ["alice@example.test", "bob@example.test"]
    assert not directory(shared_secrets=False).shared_secrets
    assert [user.address for user in directory({})] == []


def test_who_is_given_no_limits_gets_the_quota_for_all(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    file.write_text(
        """
        [[user]]
        address = "a@one.test"
        message_octets = 5
        [[user]]
        address = "b@one.test"
        messages = 7
        """
    )
    limits = {user.address: user.limits for user in directory({"c@one.test": "x"}, file, quota_octets=1000)}
    assert limits == {
        "a@one.test": Limits(storage_octets=1000, messages=MESSAGES_WITHIN_QUOTA, message_octets=5),
        "b@one.test": Limits(messages=7),
        "c@one.test": Limits(storage_octets=1000, messages=MESSAGES_WITHIN_QUOTA),
    }
    assert all(user.limits == Limits() for user in directory())


def test_what_is_no_authority_vouches_for_nobody(tmp_path: Path) -> None:
    for octets in (b"none", "ü".encode()):
        (tmp_path / "ca.pem").write_bytes(octets)
        with pytest.raises(ValueError, match="no certificate of an authority"):
            certificates_for(frozenset({f"x{len(octets)}.test"}), client_ca=tmp_path / "ca.pem")


def test_what_one_server_took_the_next_one_has(tmp_path: Path) -> None:
    arguments = f"only=['smtp', 'imap'], store='sqlite:{tmp_path}/mail.sqlite', allow_cleartext=True"
    for round_ in (1, 2):
        with start(arguments) as process:
            assert process.stdout is not None
            smtp, imap = (urlsplit(process.stdout.readline().strip()) for _ in range(2))
            with smtplib.SMTP(smtp.hostname or "", smtp.port or 0, timeout=10.0) as client:
                client.sendmail("x@y.example", ["alice@example.test"], b"hi\r\n")
            with imaplib.IMAP4(imap.hostname or "", imap.port or 0, timeout=10.0) as reader:
                reader.login("alice", "secret")
                assert reader.select() == ("OK", [b"%d" % round_])
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=10.0)
        assert (rest, errors, process.returncode) == ("", "", 0)


def test_serve_refuses_a_name_that_it_does_not_know() -> None:
    with start("only=['gopher']") as process:
        _, errors = process.communicate(timeout=10.0)
    assert process.returncode != 0
    assert "gopher" in errors


def test_every_fault_and_variant_is_listed_by_protocol_with_what_it_does() -> None:
    faults, variants = list_faults(), list_variants()
    assert [fault.name for fault in faults] == [
        fault.name for fault in sorted(FAULTS.values(), key=lambda fault: (fault.protocol, fault.name))
    ]
    assert all(fault.summary for fault in faults)
    assert all(variant.summary for variant in variants)
    assert {fault.protocol for fault in faults} >= {"smtp", "pop3"}


def test_each_fault_can_be_served_and_an_unknown_one_not() -> None:
    for fault in list_faults():
        assert cores_with([fault.name]) == {fault.protocol: fault.core}
    for variant in list_variants():
        assert cores_with([], [variant.name]) == {variant.protocol: variant.core}
    with pytest.raises(ValueError, match="no-such-fault"):
        cores_with(["no-such-fault"])
    with pytest.raises(ValueError, match="no-such-variant"):
        cores_with([], ["no-such-variant"])


def test_several_faults_of_one_protocol_are_in_one_server() -> None:
    class Quiet(SmtpCore):
        def on_rset(self) -> bytes:
            return b"250 quiet\r\n"

    class Rude(SmtpCore):
        def on_quit(self) -> bytes:
            return b"221 rude\r\n"

    both = combined([Quiet, Rude, Quiet])
    assert issubclass(both, Quiet)
    assert issubclass(both, Rude)
    with pytest.raises(ValueError, match="cannot be combined"):
        combined([SmtpCore, Quiet])
