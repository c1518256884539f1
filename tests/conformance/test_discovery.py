"""`conformance.discovery` and what the bench makes of it: every kind of URL, and servers that stop half-way."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from conformance.bench import Bench
from conformance.discovery import discover
from conformance.errors import InconclusiveError, NotApplicableError, RefusedError
from conformance.plan import Plan
from conformance.session import Facts
from conformance.smtp.session import SmtpSession
from conformance.target import Account, target_of
from conformance.wire.connection import Patience
from reference_server.running import RunningServer, running_server
from tests.conformance.hostile_peer import Behaviour, hostile_peer

ALICE = Account("alice@example.test", "secret")
QUICK = Patience(connect_s=5.0, reply_s=0.3)
SCHEMES = ("smtp", "smtps", "submission", "submissions", "pop3", "pop3s", "imap", "imaps")
KNOWN = {"smtp": "8BITMIME", "submission": "AUTH", "pop3": "UIDL", "imap": "IMAP4REV1"}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as server:
        yield server


def learnt(url: str, *accounts: Account, patience: Patience | None = None) -> Facts:
    target = target_of([url], accounts, patience=patience)
    return discover(target, target.endpoints[0])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_kind_of_url_is_asked_what_it_offers(server: RunningServer, scheme: str) -> None:
    facts = learnt(server.urls[scheme], ALICE)
    assert facts.greeting
    assert facts.unfinished == ""
    known = KNOWN.get(scheme, KNOWN.get(scheme.removesuffix("s"), "AUTH"))
    assert facts.offers(known)
    assert not facts.offers("X-NO-SUCH-THING")
    if "AUTH" in facts.capabilities_under_tls or not scheme.startswith("smtp"):
        assert facts.log_in == ""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_certificate_is_looked_at_as_a_client_would_that_verifies(server: RunningServer, scheme: str) -> None:
    tls = learnt(server.urls[scheme]).tls
    assert tls is not None
    assert tls.version == "TLSv1.3"
    assert "127.0.0.1" in tls.names
    (objection,) = tls.objections
    assert "certificate" in objection.partition("vouches for it: ")[2]


def test_a_certificate_that_is_vouched_for_draws_no_objection(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = server.tls_context()
    trusting.check_hostname = False
    monkeypatch.setattr("conformance.discovery.verifying_tls", lambda: trusting)
    for scheme in ("smtp", "pop3s", "imap"):
        tls = learnt(server.urls[scheme]).tls
        assert tls is not None
        assert tls.objections == ()


@pytest.mark.parametrize("scheme", ["pop3", "imap", "submission"])
def test_a_log_in_that_is_refused_says_so_without_the_password(server: RunningServer, scheme: str) -> None:
    facts = learnt(server.urls[scheme], Account("alice@example.test", "not-this-one"))
    assert "refused" in facts.log_in
    assert "not-this-one" not in facts.log_in
    assert learnt(server.urls[scheme]).log_in == "no account was given"


def test_an_ipv6_address_is_one(server: RunningServer) -> None:
    try:
        with running_server(protocols=("smtp",), host="::1") as six:
            assert learnt(six.urls["smtp"]).offers("8BITMIME")
    except OSError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_listening_is_told_for_every_kind_of_url(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(InconclusiveError, match="no connection"):
        learnt(f"{scheme}://127.0.0.1:{port}", ALICE)


def scripted(*replies: bytes) -> Behaviour:
    """A peer that says these one after the other, each once something was asked, and then nothing."""

    def behave(peer: socket.socket) -> None:
        for reply in replies:
            peer.sendall(reply)
            if not peer.recv(65536):
                return
        while peer.recv(65536):
            pass

    return behave


@pytest.mark.parametrize(
    ("scheme", "greeting", "refuses"),
    [
        ("smtp", b"554 go away\r\n", True),
        ("smtp", b"421 busy\r\n", True),
        ("smtp", b"* OK this is IMAP\r\n", False),
        ("pop3", b"-ERR busy\r\n", True),
        ("pop3", b"220 this is SMTP\r\n", False),
        ("imap", b"* BYE busy\r\n", True),
    ],
)
def test_a_server_that_refuses_service_is_told_from_one_that_speaks_otherwise(
    scheme: str, greeting: bytes, refuses: bool
) -> None:
    with hostile_peer(scripted(greeting)) as port, pytest.raises(InconclusiveError) as failed:
        learnt(f"{scheme}://127.0.0.1:{port}", patience=QUICK)
    assert isinstance(failed.value, RefusedError) is refuses


@pytest.mark.parametrize(
    ("greeting", "raised"),
    [
        (b"220 mail.example ready\r\n", NotApplicableError),
        (b"421 busy\r\n", RefusedError),
        (b"* OK this is IMAP\r\n", InconclusiveError),
    ],
)
def test_only_who_is_turned_away_for_good_has_a_session_of_that_kind(greeting: bytes, raised: type[Exception]) -> None:
    with hostile_peer(scripted(greeting)) as port:
        bench = Bench(target_of([f"smtp://127.0.0.1:{port}"], [ALICE], patience=QUICK), Plan())
        with pytest.raises(raised):
            bench.turned_away(bench.smtp_endpoint(), SmtpSession)


def test_a_preauthenticated_session_needs_no_log_in() -> None:
    def behave(peer: socket.socket) -> None:
        peer.sendall(b"* PREAUTH welcome\r\n")
        while line := peer.recv(65536):
            tag = line.split(b" ", 1)[0]
            peer.sendall(b"* CAPABILITY IMAP4rev1\r\n" * (b"CAPA" in line) + tag + b" OK done\r\n")

    with hostile_peer(behave) as port:
        assert learnt(f"imap://127.0.0.1:{port}", ALICE, patience=QUICK).log_in == ""


EHLO = b"250-here\r\n250-STARTTLS\r\n250 8BITMIME\r\n"


@pytest.mark.parametrize(
    ("scheme", "replies"),
    [
        ("smtp", (b"220 here\r\n", EHLO, b"530 TLS first\r\n", b"250 ok\r\n", b"220 go\r\n", b"no handshake")),
        ("pop3", (b"+OK here\r\n", b"+OK\r\n8BITMIME\r\nSTLS\r\n.\r\n", b"+OK go\r\n", b"no handshake")),
        ("imap", (b"* OK here\r\n", b"* CAPABILITY STARTTLS 8BITMIME\r\nA1 OK\r\n", b"A2 OK go\r\n", b"no handshake")),
    ],
)
def test_a_handshake_that_fails_leaves_what_was_learnt_before(scheme: str, replies: tuple[bytes, ...]) -> None:
    with hostile_peer(scripted(*replies)) as port:
        facts = learnt(f"{scheme}://127.0.0.1:{port}", patience=QUICK)
    assert facts.offers("8BITMIME")
    assert "handshake" in facts.unfinished
    with pytest.raises(InconclusiveError, match="not known"):
        facts.offers("AUTH")


def test_a_server_that_wants_a_log_in_before_mail_does_not_demand_tls() -> None:
    """530 says either (RFC 3207 §4, RFC 4954 §6); only what TLS changes was about TLS."""
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def behave(peer: socket.socket) -> None:
        peer.sendall(b"220 here\r\n")
        link: socket.socket = peer
        while line := link.recv(65536):
            if line.startswith(b"STARTTLS"):
                link.sendall(b"220 go\r\n")
                link = context.wrap_socket(link, server_side=True)
            elif line.startswith(b"MAIL"):
                link.sendall(b"530 5.7.0 log in first\r\n")
            else:
                link.sendall(EHLO if line.startswith(b"EHLO") else b"250 ok\r\n")
        link.close()

    with hostile_peer(behave) as port:
        facts = learnt(f"smtp://127.0.0.1:{port}", patience=Patience(reply_s=5.0))
    assert facts.unfinished == ""
    assert not facts.demands_tls


# -- the bench ----------------------------------------------------------------------------------------------------


def test_only_one_endpoint_makes_the_others_inapplicable(server: RunningServer) -> None:
    bench = Bench(target_of([server.urls["pop3"]], [ALICE]), Plan())
    bench.discover()
    for kind in ("smtp", "imap", "submission"):
        with pytest.raises(NotApplicableError):
            bench.endpoint_of(kind)
    with pytest.raises(NotApplicableError, match="AUTH"):
        bench.submission_endpoint()


def test_a_submission_server_that_is_down_is_not_one_that_is_absent(server: RunningServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        down = f"submission://127.0.0.1:{listener.getsockname()[1]}"
    with running_server(protocols=("smtp",)) as alone:
        bench = Bench(target_of([alone.urls["smtp"], down], patience=QUICK), Plan())
        bench.discover()
    bench._facts = {endpoint: Facts() for endpoint in bench.facts}
    assert [str(endpoint) for endpoint in bench.unreachable] == [down]
    with pytest.raises(InconclusiveError, match="no connection"):
        bench.submission_endpoint()
    bench.oracles.looked("smtp", "liveness")
    [liveness] = bench.oracles.results([])
    assert liveness.verdict.value == "inconclusive"
    assert down in liveness.reason


def test_lmtp_is_greeted_in_its_own_way(server: RunningServer) -> None:
    bench = Bench(target_of([server.urls["lmtp"]]), Plan())
    bench.discover()
    assert bench.facts_of(bench.endpoint_of("lmtp")).offers("PIPELINING")
    assert not bench.unreachable


def test_accounts_without_a_domain_have_no_address(server: RunningServer) -> None:
    bench = Bench(target_of([server.urls["smtp"]], [Account("alice", "secret")]), Plan())
    with bench.connect(bench.smtp_endpoint(), SmtpSession) as smtp:
        smtp.greet()
        with pytest.raises(InconclusiveError, match="USER@DOMAIN"):
            smtp.begin()
    named = Bench(target_of([server.urls["smtp"]], [Account("alice", "secret")], domain="example.test"), Plan())
    with named.connect(named.smtp_endpoint(), SmtpSession) as smtp:
        smtp.greet()
        smtp.begin()
        assert smtp.recipient == "alice@example.test"
