"""`conformance.fixtures`, `conformance.reading` and `conformance.messages`, against the reference server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from conformance.bench import Bench
from conformance.checks import Check, check_of, must
from conformance.errors import InconclusiveError, NotApplicableError, UsageError, ViolationError
from conformance.fixtures import Dial, Folder, Mailbox, Maildrop
from conformance.imap.session import Answer, ImapSession
from conformance.messages import Delivered, Tokens, compose
from conformance.plan import Plan
from conformance.smtp.session import SmtpSession
from conformance.target import Account, target_of
from reference_server.registry import VARIANTS
from reference_server.running import running_server
from reference_server.serving import load_faults_and_variants

ACCOUNTS = [Account("alice@example.test", "secret"), Account("bob@example.test", "secret")]


@must("rfc5321/4.2/1")
def check_nothing(smtp: object) -> None:
    """Nothing."""


def declared() -> Check:
    check = check_of(check_nothing)
    assert check is not None
    return check


CHECK = declared()


@contextmanager
def bench_with(*schemes: str, cores: Mapping[str, type] | None = None, delivery_s: float = 10.0) -> Iterator[Bench]:
    with running_server(protocols=schemes, cores=cores) as server:
        target = target_of([server.urls[scheme] for scheme in schemes], ACCOUNTS)
        bench = Bench(dataclasses.replace(target, delivery_s=delivery_s), Plan())
        bench.discover()
        try:
            yield bench
        finally:
            bench.close()
        assert not server.errors


def deliver(bench: Bench, mailbox: Mailbox, body: bytes) -> str:
    token = mailbox.token()
    with bench.connect(bench.smtp_endpoint(), SmtpSession) as smtp:
        smtp.greet()
        assert mailbox.deliver(smtp, mailbox.compose(token, body)).positive
    return token


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_what_was_delivered_is_read_back_octet_for_octet(scheme: str) -> None:
    with bench_with("smtp", scheme) as bench, bench.fixture("mailbox", CHECK) as mailbox:
        assert isinstance(mailbox, Mailbox)
        tokens = [deliver(bench, mailbox, body) for body in (b"one\r\n.\r\n..two\r\n", b"")]
        found = [mailbox.wait_for(token) for token in tokens]
        assert [message.body for message in found] == [b"one\r\n.\r\n..two\r\n", b""]
        assert found[0].without_trace() == mailbox.compose(tokens[0], b"one\r\n.\r\n..two\r\n")
        assert [message.token for message in mailbox.all_messages()] == tokens
        assert [message.token for message in mailbox.with_token(tokens[1])] == [tokens[1]]
        mailbox.settle()
        assert len(mailbox.all_messages()) == 3


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_the_mailbox_is_empty_when_a_check_begins(scheme: str) -> None:
    with bench_with("smtp", scheme) as bench:
        for _ in range(2):
            with bench.fixture("mailbox", CHECK) as mailbox:
                assert isinstance(mailbox, Mailbox)
                assert mailbox.all_messages() == []
                mailbox.wait_for(deliver(bench, mailbox, b"x\r\n"))


def test_a_server_without_uidl_has_lost_nothing() -> None:
    load_faults_and_variants()
    cores = {"pop3": VARIANTS["pop3-minimal"].core}
    with bench_with("smtp", "pop3", cores=cores) as bench, bench.fixture("mailbox", CHECK) as mailbox:
        assert isinstance(mailbox, Mailbox)
        tokens = [deliver(bench, mailbox, b"%d\r\n" % number) for number in range(3)]
        assert [mailbox.wait_for(token).token for token in tokens] == tokens
        assert len(mailbox.all_messages()) == 3


def test_mail_that_was_accepted_and_does_not_come_is_a_violation() -> None:
    with bench_with("smtp", "imap", delivery_s=0.0) as bench, bench.fixture("mailbox", CHECK) as mailbox:
        assert isinstance(mailbox, Mailbox)
        with pytest.raises(ViolationError, match="nothing-has-it"):
            mailbox.wait_for("nothing-has-it")


def test_the_readers_session_may_be_ended_by_the_server() -> None:
    with bench_with("smtp", "imap") as bench, bench.fixture("mailbox", CHECK) as mailbox:
        assert isinstance(mailbox, Mailbox)
        reader = bench.reader()
        assert reader._imap is not None
        reader._imap.connection.reset()
        assert mailbox.wait_for(deliver(bench, mailbox, b"x\r\n")).body == b"x\r\n"


def test_an_inbox_that_cannot_be_emptied_leaves_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    select = ImapSession.select

    def examine(session: ImapSession, mailbox: str, *, examine: bool = False) -> Answer:
        return select(session, mailbox, examine=True)

    with bench_with("imap") as bench:
        reader = bench.reader()
        reader.append([compose("t", b"x\r\n")])
        monkeypatch.setattr(ImapSession, "select", examine)
        with pytest.raises(InconclusiveError, match="1 messages stay"):
            reader.clear()


@pytest.mark.parametrize(
    ("schemes", "keeps"), [(("imap", "pop3"), True), (("smtp", "pop3"), False), (("smtp", "imap", "pop3"), True)]
)
def test_a_maildrop_is_filled_by_imap_or_else_by_smtp(schemes: tuple[str, ...], keeps: bool) -> None:
    bodies = [b"first\r\n.\r\n", b"second\r\n"]
    with bench_with(*schemes) as bench, bench.fixture("maildrop", CHECK) as maildrop:
        assert isinstance(maildrop, Maildrop)
        assert maildrop.keeps_octets is keeps
        maildrop.fill([b"older\r\n"])
        tokens = maildrop.fill(bodies)
        with maildrop.opened() as pop3:
            assert pop3.stat().text.split()[0] == b"2"
            messages = [Delivered(pop3.retr(number).content) for number in (1, 2)]
        assert [(message.token, message.body) for message in messages] == list(zip(tokens, bodies, strict=True))


def test_a_maildrop_that_nothing_can_fill_leaves_no_verdict() -> None:
    with bench_with("pop3") as bench, bench.fixture("maildrop", CHECK) as maildrop:
        assert isinstance(maildrop, Maildrop)
        with pytest.raises(NotApplicableError, match="smtp"):
            maildrop.fill([b"x\r\n"])


def test_a_folder_is_filled_and_removed_with_all_that_was_made_beside_it() -> None:
    with bench_with("imap") as bench:
        with bench.fixture("folder", CHECK) as folder:
            assert isinstance(folder, Folder)
            with folder.opened([compose(folder.token(), b"x\r\n")]) as imap:
                assert imap.command(b"CREATE " + folder.new_name(b"/below")).ok
                assert imap.command(b"SUBSCRIBE " + folder.name.encode()).ok
                assert folder.delimiter(imap) == b"/"
                assert [response.number for response in imap.command("STATUS INBOX (MESSAGES)").named("EXISTS")] == []
            with folder.opened() as imap, folder.opened_again(examine=True) as second:
                assert imap.command("SEARCH ALL").named("SEARCH")[0].values == ()
                assert second.command("NOOP").ok
            with folder.log_in(number=1) as other:
                assert other.command(b'LIST "" ' + folder.name.encode()).named("LIST") == []
            with pytest.raises(InconclusiveError, match="3 accounts"):
                folder.log_in(number=2)
            name = folder.name
        with bench.connect(bench.endpoint_of("imap"), ImapSession) as imap:
            imap.log_in()
            for listing in (b"LIST", b"LSUB"):
                assert imap.command(listing + b' "" "' + name.encode() + b'*"').untagged == ()


@pytest.mark.parametrize("name", ["smtp", "submission", "pop3", "imap", "dial"])
def test_a_dial_opens_sessions_that_were_greeted(name: str) -> None:
    with bench_with("smtp", "submission", "pop3", "imap") as bench:
        check = CHECK if name != "dial" else _with_suite("imap")
        with bench.fixture(name, check) as dial:
            assert isinstance(dial, Dial)
            with dial() as session:
                assert session.greeting is not None
            assert dial.facts.greeting
            assert dial.domain == "example.test"
            assert dial.token() != dial.token()
            assert len(dial.accounts) == 2


def _with_suite(suite: str) -> Check:
    return dataclasses.replace(CHECK, id=f"{suite}/x/y")


def test_what_is_no_fixture_is_a_mistake_in_the_check() -> None:
    with bench_with("smtp") as bench:
        with pytest.raises(UsageError, match="neither"), bench.fixture("colour", CHECK):
            pass
        with pytest.raises(NotApplicableError), bench.fixture("mailbox", CHECK):
            pass


def test_tokens_are_unique_and_the_same_in_every_run() -> None:
    first, second = Tokens("m0"), Tokens("m0")
    names = [first.next() for _ in range(5)]
    assert len(set(names)) == 5
    assert names == [second.next() for _ in range(5)]


def test_a_message_has_its_token_and_exactly_its_body() -> None:
    message = Delivered(compose("m0.1", b"a\r\n\r\nb", headers=b"X-Y: z\r\n", recipient="a@b"))
    assert (message.token, message.body) == ("m0.1", b"a\r\n\r\nb")
    assert b"To: <a@b>\r\n" in message.header
    assert Delivered(b"Subject: x\r\n\r\nX-Mailspec-Token: no\r\n").token == ""


@pytest.mark.parametrize("trace", [b"", b"X-Envelope-From: <a@b>\r\n", b"Received: with From: in it\r\n\tby h\r\n"])
def test_trace_fields_end_where_the_judges_own_message_begins(trace: bytes) -> None:
    message = compose("m0.1", b"x\r\n")
    assert Delivered(trace + message).without_trace() == message


def test_a_reader_that_cannot_log_in_leaves_no_socket_behind() -> None:
    with running_server(protocols=("imap",)) as server:
        bench = Bench(target_of([server.urls["imap"]], [Account("alice@example.test", "wrong")]), Plan())
        with pytest.raises(InconclusiveError, match="refused"):
            bench.reader().refresh()
        bench.close()
