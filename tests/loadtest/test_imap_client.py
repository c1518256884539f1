"""The IMAP client's commands against a server that works."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from loadtest.clients import imap_client, imap_exchange
from loadtest.clients.imap_client import BATCH, ImapSession
from loadtest.clients.session import RefusedError
from loadtest.plan import Route
from loadtest.target import Account, Address, TlsUse
from reference_server.running import RunningServer, running_server
from tests.loadtest.imap_dialogue import ALICE, PATIENT, TEXT
from tests.loadtest.stand_ins import Times


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["imap", "imaps"]) as running:
        yield running


def address_of(server: RunningServer, scheme: str = "imap") -> Address:
    host, _, port = server.urls[scheme].rpartition("://")[2].rpartition(":")
    return Address(socket.AF_INET, (host, int(port)))


@pytest.fixture
def session(server: RunningServer) -> Iterator[ImapSession]:
    opened = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
    with contextlib.suppress(RefusedError):
        opened.delete("box")
    opened.create("box")
    yield opened
    opened.close()


@pytest.mark.parametrize(("scheme", "tls"), [("imap", TlsUse.AUTO), ("imap", TlsUse.ALWAYS), ("imaps", TlsUse.AUTO)])
def test_a_session_is_secured_and_logged_in_as_the_route_says(server: RunningServer, scheme: str, tls: TlsUse) -> None:
    times = Times()
    route = Route(
        address=address_of(server, scheme), tls=tls, implicit_tls=scheme == "imaps", account=ALICE, patience=PATIENT
    )
    session = ImapSession.open(route, times)
    assert b"IDLE" in session.offers
    session.logout()
    assert not session.is_open
    assert times.phases["auth"] == times.phases["greeting"] == times.phases["connect"] == times.phases["logout"] == 1
    assert times.phases["tls"] == 1  # on demand too: the server takes no password in clear


def test_a_message_comes_out_as_it_went_in(session: ImapSession) -> None:
    uid = session.append("box", TEXT, r"\Flagged")
    assert session.status("box", "MESSAGES UIDNEXT") == {b"MESSAGES": 1, b"UIDNEXT": uid + 1}
    selected = session.select("box")
    assert (selected.exists, selected.uid_next, session.exists) == (1, uid + 1, 1)
    assert selected.uid_validity > 0
    assert list(session.messages([uid, uid + 100])) == [(uid, TEXT)]
    (fetched,) = session.uid_fetch("1:*", "(FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    assert fetched.uid == uid
    assert fetched.items[b"RFC822.SIZE"] == b"20"
    assert fetched.items[b"FLAGS"] == [rb"\Flagged"] or rb"\Flagged" in fetched.items[b"FLAGS"]  # type: ignore[operator]
    assert fetched.items[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: x\r\n\r\n"


def test_a_long_answer_lets_others_go_on_while_it_comes_and_while_it_is_read(
    session: ImapSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        session.append("box", TEXT)
    session.select("box")
    turns = []
    for module in (imap_exchange, imap_client):
        monkeypatch.setattr(module, "RESPONSES_A_TURN", 2)
        monkeypatch.setattr(module, "let_others_go_on", lambda name=module.__name__: turns.append(name))
    assert len(session.uid_fetch("1:*", "(FLAGS)")) == 5
    assert turns == ["loadtest.clients.imap_exchange"] * 2 + ["loadtest.clients.imap_client"] * 2


def test_flags_searches_copies_and_removals(session: ImapSession) -> None:
    uids = [session.append("box", TEXT) for _ in range(3)]
    session.select("box")
    assert session.uid_search("UNSEEN") == uids
    session.uid_store(str(uids[0]), r"+FLAGS.SILENT (\Seen)")
    assert session.uid_search("UNSEEN") == uids[1:]
    session.uid_copy(str(uids[1]), "INBOX")
    session.uid_store(f"{uids[0]},{uids[1]}", r"+FLAGS.SILENT (\Deleted)")
    session.expunge(str(uids[0]))
    assert (session.uid_search("ALL"), session.exists) == (uids[1:], 2)
    session.expunge()
    assert (session.uid_search("ALL"), session.exists) == (uids[2:], 1)
    session.uid_move(str(uids[2]), "INBOX")
    assert session.exists == 0
    session.close_mailbox()
    assert {"INBOX", "box"} <= set(session.list_mailboxes())


def test_a_refusal_leaves_the_session_usable(session: ImapSession) -> None:
    with pytest.raises(RefusedError) as caught:
        session.select("no such")
    assert (caught.value.phase, caught.value.code) == ("select", "NO")
    with pytest.raises(RefusedError) as caught:
        session.command("odd", b"NONSENSE")
    assert caught.value.code == "BAD"
    assert session.noop() == ()


@pytest.mark.parametrize("name", ['with "quotes" and \\', "with space", "&AOQ-"])
def test_names_survive_the_way_there_and_back(session: ImapSession, name: str) -> None:
    with contextlib.suppress(RefusedError):
        session.delete(name)
    session.create(name)
    assert name in session.list_mailboxes()
    assert session.status(name, "MESSAGES") == {b"MESSAGES": 0}


def test_more_messages_than_one_command_asks_for_come_in_order(session: ImapSession, server: RunningServer) -> None:
    texts = {session.append("box", TEXT + b"%d\r\n" % number): number for number in range(BATCH + 7)}
    session.select("box")
    seen = list(session.messages(texts))
    assert [uid for uid, _ in seen] == sorted(texts)
    assert all(octets == TEXT + b"%d\r\n" % texts[uid] for uid, octets in seen)


def test_reading_that_is_left_off_closes_the_session(session: ImapSession) -> None:
    uids = [session.append("box", TEXT) for _ in range(3)]
    session.select("box")
    reading = session.messages(uids)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not session.is_open


def test_mail_that_comes_in_is_told_of_during_idle(server: RunningServer, session: ImapSession) -> None:
    session.select("box")
    with session.idle() as idling:
        assert idling.wait(0.01) == []
        other = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
        other.append("box", TEXT)
        other.logout()
        names = [event.name for event in idling.wait(5.0)]
    assert b"EXISTS" in names
    assert session.exists == 1
    assert len(session.uid_search("ALL")) == 1


def test_a_session_that_idles_can_be_logged_out(session: ImapSession) -> None:
    session.select("box")

    class EndedError(Exception):
        pass

    with pytest.raises(EndedError), session.idle():
        raise EndedError
    session.logout()


def test_what_is_enabled_is_told(session: ImapSession) -> None:
    assert session.enable(b"CONDSTORE", b"QRESYNC", b"NONSENSE") == {b"CONDSTORE", b"QRESYNC"}
    session.namespace()


def test_a_copy_is_told_what_changed_and_what_went(server: RunningServer, session: ImapSession) -> None:
    session.append_all("box", [TEXT, TEXT, TEXT])
    before = session.select("box", b"(CONDSTORE)")
    assert (before.exists, before.changed, before.vanished) == (3, 0, 0)
    one, two, three = session.uid_search("ALL")
    session.uid_store(str(one), r"+FLAGS.SILENT (\Seen)")
    session.uid_store(str(two), r"+FLAGS.SILENT (\Deleted)")
    session.expunge()
    other = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
    other.enable(b"QRESYNC")
    kept = b"(QRESYNC (%d %d %d:%d))" % (before.uid_validity, before.highest_modseq, one, three)
    after = other.select("box", kept)
    assert (after.exists, after.changed, after.vanished) == (2, 1, 1)
    assert after.highest_modseq > before.highest_modseq
    other.logout()


def test_messages_that_vanish_are_counted_off(server: RunningServer, session: ImapSession) -> None:
    session.append_all("box", [TEXT, TEXT, TEXT])
    session.enable(b"QRESYNC")
    assert session.select("box").exists == 3
    other = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
    other.select("box")
    other.uid_store("1:2", r"+FLAGS.SILENT (\Deleted)")
    other.expunge()
    other.logout()
    assert [response.name for response in session.noop() if response.name == b"VANISHED"] == [b"VANISHED"]
    assert session.exists == 1


def test_several_messages_are_stored_in_one_command(session: ImapSession) -> None:
    texts = [TEXT + b"%d\r\n" % number for number in range(4)]
    session.append_all("box", texts)
    session.select("box")
    assert [octets for _, octets in session.messages(session.uid_search("ALL"))] == texts


def test_mailboxes_that_cannot_be_opened_are_not_listed(session: ImapSession) -> None:
    with contextlib.suppress(RefusedError):
        session.delete("above/below")
    session.create("above/below")
    with contextlib.suppress(RefusedError):
        session.delete("above")
    names = session.list_mailboxes(options=b"RETURN (SPECIAL-USE)")
    assert "above/below" in names
    assert "above" not in names
    assert names == session.list_mailboxes()


def test_a_wrong_password_is_refused(server: RunningServer) -> None:
    route = Route(address=address_of(server), account=Account("alice@example.test", "wrong"), patience=PATIENT)
    with pytest.raises(RefusedError) as caught:
        ImapSession.open(route, Times())
    assert (caught.value.phase, caught.value.code) == ("auth", "NO")
