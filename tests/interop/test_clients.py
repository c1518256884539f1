"""Mail clients people use do a whole round trip - send, list, read, flag, delete - with the reference server.

The same tests run against Postfix with Dovecot: a client that fails there is used wrongly by the test, and no evidence
about the reference server.
"""

from __future__ import annotations

import re
import shutil
import smtplib
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.running import running_server
from tests.interop.stdlib_clients import (
    ALICE,
    BOB,
    PASSWORD,
    Server,
    address_of,
    await_uid,
    body_of,
    fetch_octets,
    flags_of,
    imap_session,
    new_message,
    pop3_session,
    retr_by_subject,
    smtp_session,
    uids_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.interop

TOOL_LIMIT_S = 30.0
BODY = b".\r\n..\r\n.a leading dot\r\n\r\nFrom the first line\r\n" + b"x" * 998 + b"\r\n"


@pytest.fixture(scope="session")
def reference() -> Iterator[Server]:
    with running_server() as server:
        yield server
        assert server.errors == []


@pytest.fixture(params=["reference", "postfix_dovecot"])
def server(request: pytest.FixtureRequest) -> Server:
    return cast(Server, request.getfixturevalue(request.param))


@pytest.fixture
def ca_file(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(server.ca_pem)
    return path


def run_tool(program: str, *arguments: str | Path) -> str:
    """Run a client; its standard output. Fails with all it said unless its exit status is 0."""
    if shutil.which(program) is None:
        pytest.skip(f"the program {program} is not here")
    done = subprocess.run([program, *arguments], capture_output=True, timeout=TOOL_LIMIT_S)
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        pytest.fail(f"{program} ended with {done.returncode}:\n{output}\n{done.stderr.decode('utf-8', 'replace')}")
    return output


# --- the standard library ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent_by", "user"), [("smtp", None), ("smtps", "alice"), ("submission", ALICE)])
@pytest.mark.parametrize("read_by", ["imap", "imaps"])
def test_smtplib_sends_and_imaplib_reads_flags_and_deletes(
    server: Server, sent_by: str, user: str | None, read_by: str
) -> None:
    subject, message = new_message(BODY)
    with smtp_session(server, sent_by, user=user) as smtp:
        assert smtp.sendmail(ALICE, [BOB], message) == {}
    with imap_session(server, read_by, BOB) as imap:
        uid = await_uid(imap, subject)
        assert body_of(fetch_octets(imap, uid)) == BODY
        assert "\\Flagged" not in flags_of(imap, uid)
        imap.uid("STORE", uid, "+FLAGS", "(\\Flagged)")
        assert "\\Flagged" in flags_of(imap, uid)
    with imap_session(server, read_by, "bob") as imap:
        assert "\\Flagged" in flags_of(imap, uid)
        imap.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        imap.expunge()
        assert uids_of(imap, subject) == []


@pytest.mark.parametrize("read_by", ["pop3", "pop3s"])
def test_smtplib_hands_in_over_lmtp_and_poplib_reads_and_deletes(server: Server, read_by: str) -> None:
    subject, message = new_message(BODY)
    with smtplib.LMTP(*address_of(server, "lmtp"), "client.example") as lmtp:
        assert lmtp.sendmail(ALICE, [BOB], message) == {}
    with pop3_session(server, read_by, BOB) as pop3:
        number, octets = retr_by_subject(pop3, subject)
        assert body_of(octets) == BODY
        assert b"%d %d" % (number, len(octets)) in pop3.list()[1]
        unique_id = pop3.uidl(number).split()[2]
        pop3.dele(number)
    with pop3_session(server, read_by, "bob") as pop3:
        assert unique_id not in [line.split()[1] for line in pop3.uidl()[1]]


# --- curl -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def curl(server: Server, ca_file: Path) -> Callable[..., str]:
    """Run curl on a path of a service, with TLS compulsory and the certificate checked."""

    def run(service: str, user: str, path: str, *options: str | Path) -> str:
        common = ("--silent", "--show-error", "--ssl-reqd", "--cacert", ca_file, "--user", f"{user}:{PASSWORD}")
        url = server.urls[service].replace("submission:", "smtp:")  # curl has no scheme of this name
        return run_tool("curl", *common, *options, f"{url}/{path}")

    return run


@pytest.fixture(params=["submission", "smtps"])
def sent_by_curl(
    request: pytest.FixtureRequest, server: Server, curl: Callable[..., str], tmp_path: Path
) -> tuple[str, str]:
    """Subject and UID of a message that curl sent and that has arrived."""
    subject, message = new_message(BODY)
    file = tmp_path / "message.eml"
    file.write_bytes(message)
    envelope = ("--mail-from", ALICE, "--mail-rcpt", BOB, "--upload-file", file)
    curl(request.param, "alice", "client.example", *envelope)
    with imap_session(server, "imap", BOB) as imap:
        return subject, await_uid(imap, subject)


@pytest.mark.parametrize("service", ["imap", "imaps"])
def test_curl_sends_and_reads_over_imap(
    sent_by_curl: tuple[str, str], curl: Callable[..., str], service: str, server: Server
) -> None:
    subject, uid = sent_by_curl
    assert "INBOX" in curl(service, "bob", "")
    assert uid in curl(service, "bob", "INBOX", "--request", f"UID SEARCH SUBJECT {subject}").split()
    fetched = curl(service, "bob", f"INBOX;UID={uid}")
    assert body_of(fetched.encode("ascii")) == BODY
    curl(service, "bob", "INBOX", "--request", f"UID STORE {uid} +FLAGS (\\Flagged)")
    assert "\\Flagged" in curl(service, "bob", "INBOX", "--request", f"UID FETCH {uid} (FLAGS)")
    curl(service, "bob", "INBOX", "--request", f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
    curl(service, "bob", "INBOX", "--request", "EXPUNGE")
    assert curl(service, "bob", "INBOX", "--request", f"UID SEARCH SUBJECT {subject}").split() == ["*", "SEARCH"]
    with imap_session(server, "imap", BOB) as imap:
        assert uids_of(imap, subject) == []


@pytest.mark.parametrize("service", ["pop3", "pop3s"])
def test_curl_sends_and_reads_over_pop3(
    sent_by_curl: tuple[str, str], curl: Callable[..., str], service: str, server: Server
) -> None:
    subject, _ = sent_by_curl
    numbers = [int(line.split()[0]) for line in curl(service, "bob", "").splitlines()]
    messages = {number: curl(service, "bob", str(number)).encode("ascii") for number in numbers}
    (number,) = [number for number, octets in messages.items() if subject.encode("ascii") in octets]
    assert body_of(messages[number]) == BODY
    curl(service, "bob", str(number), "--request", "DELE", "--head")
    with imap_session(server, "imap", BOB) as imap:
        assert uids_of(imap, subject) == []


def test_curl_appends_over_imap(server: Server, curl: Callable[..., str], tmp_path: Path) -> None:
    subject, message = new_message(BODY)
    file = tmp_path / "message.eml"
    file.write_bytes(message)
    curl("imap", "bob", "INBOX", "--upload-file", file)
    with imap_session(server, "imap", BOB) as imap:
        (uid,) = uids_of(imap, subject)
        assert fetch_octets(imap, uid) == message
        imap.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        imap.expunge()


# --- swaks ------------------------------------------------------------------------------------------------------------


def swaks(server: Server, ca_file: Path, service: str, message: Path, *options: str) -> str:
    if "=== TLS supported" not in run_tool("swaks", "--support"):
        pytest.skip("swaks cannot speak TLS without the Perl module Net::SSLeay (package libnet-ssleay-perl)")
    host, port = address_of(server, service)
    tls = ("--tls-on-connect",) if service == "smtps" else ("--tls",)
    return run_tool(
        "swaks",
        *("--server", host, "--port", str(port), "--helo", "client.example", "--timeout", "10"),
        *(*tls, "--tls-verify", "--tls-ca-path", str(ca_file)),
        *("--from", ALICE, "--to", BOB, "--data", f"@{message}", *options),
    )


@pytest.mark.parametrize("service", ["submission", "smtps"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_logs_in_under_tls_and_sends(
    server: Server, ca_file: Path, tmp_path: Path, service: str, mechanism: str
) -> None:
    subject, message = new_message(b"A line sent by swaks.\r\n")
    file = tmp_path / "message.eml"
    file.write_bytes(message.replace(b"\r\n", b"\n"))  # swaks makes the line ends and stuffs the dots itself
    login = ("--auth", mechanism, "--auth-user", ALICE, "--auth-password", PASSWORD)
    dialogue = swaks(server, ca_file, service, file, *login)
    assert re.search(rf"AUTH {mechanism}", dialogue)
    assert re.search(r"^<~+ +235 ", dialogue, re.MULTILINE)
    with imap_session(server, "imap", BOB) as imap:
        assert body_of(fetch_octets(imap, await_uid(imap, subject))).startswith(b"A line sent by swaks.\r\n")


def test_swaks_speaks_lmtp(server: Server, tmp_path: Path, ca_file: Path) -> None:
    subject, message = new_message(b"A line sent by swaks.\r\n")
    file = tmp_path / "message.eml"
    file.write_bytes(message.replace(b"\r\n", b"\n"))
    swaks(server, ca_file, "lmtp", file, "--protocol", "LMTP")
    with imap_session(server, "imap", BOB) as imap:
        assert len(uids_of(imap, subject)) == 1


# --- mbsync -----------------------------------------------------------------------------------------------------------


@contextmanager
def removed_afterwards(server: Server, *subjects: str) -> Iterator[None]:
    try:
        yield
    finally:
        with imap_session(server, "imap", BOB) as imap:
            for subject in subjects:
                for uid in uids_of(imap, subject):
                    imap.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
            imap.expunge()


@pytest.fixture(params=[("imap", "STARTTLS"), ("imaps", "IMAPS")], ids=["imap", "imaps"])
def sync(request: pytest.FixtureRequest, server: Server, ca_file: Path, tmp_path: Path) -> Callable[[], None]:
    """Synchronise bob's INBOX with the maildir `tmp_path / "INBOX"`, in both directions."""
    service, tls = request.param
    configuration = tmp_path / "mbsyncrc"
    # localhost, because mbsync compares the certificate with names only, never with addresses.
    configuration.write_text(
        f"""
IMAPAccount server
Host localhost
Port {address_of(server, service)[1]}
User {BOB}
Pass {PASSWORD}
SSLType {tls}
CertificateFile {ca_file}
SystemCertificates no

IMAPStore far
Account server

MaildirStore near
Inbox {tmp_path}/INBOX

Channel inbox
Far :far:INBOX
Near :near:INBOX
Create Near
Expunge Both
CopyArrivalDate yes
SyncState *
"""
    )
    return lambda: print_nothing(run_tool("mbsync", "--config", configuration, "inbox"))


def print_nothing(output: str) -> None:
    assert "Warning" not in output
    assert "Error" not in output


def near_files(tmp_path: Path, subject: str) -> list[Path]:
    found = [path for folder in ("new", "cur") for path in (tmp_path / "INBOX" / folder).iterdir()]
    return [path for path in found if f"Subject: {subject}".encode("ascii") in path.read_bytes()]


def test_mbsync_synchronises_both_ways(server: Server, sync: Callable[[], None], tmp_path: Path) -> None:
    theirs, their_message = new_message(BODY)
    ours, our_message = new_message(BODY)
    with removed_afterwards(server, theirs, ours):
        with smtplib.LMTP(*address_of(server, "lmtp"), "client.example") as lmtp:
            lmtp.sendmail(ALICE, [BOB], their_message)
        for folder in ("new", "cur", "tmp"):
            (tmp_path / "INBOX" / folder).mkdir(parents=True)
        (tmp_path / "INBOX" / "new" / "1.1.client").write_bytes(our_message.replace(b"\r\n", b"\n"))

        sync()
        (their_file,) = near_files(tmp_path, theirs)
        assert their_file.read_bytes().partition(b"\n\n")[2] == BODY.replace(b"\r\n", b"\n")
        with imap_session(server, "imap", BOB) as imap:
            (their_uid,), (our_uid,) = uids_of(imap, theirs), uids_of(imap, ours)
            assert body_of(fetch_octets(imap, our_uid)) == BODY
            imap.uid("STORE", our_uid, "+FLAGS", "(\\Answered)")
        their_file.rename(their_file.parents[1] / "cur" / (their_file.name.partition(":")[0] + ":2,FS"))

        sync()
        (our_file,) = near_files(tmp_path, ours)
        assert "R" in our_file.name.partition(":2,")[2]
        with imap_session(server, "imap", BOB) as imap:
            assert {"\\Flagged", "\\Seen"} <= flags_of(imap, their_uid)
            imap.uid("STORE", our_uid, "+FLAGS", "(\\Deleted)")
            imap.expunge()
        (their_file,) = near_files(tmp_path, theirs)
        their_file.unlink()

        sync()
        assert near_files(tmp_path, ours) == []
        with imap_session(server, "imap", BOB) as imap:
            assert uids_of(imap, theirs) == []
