"""What holds when users who share mailboxes change everything at once, whatever they do (RFC 4314, RFC 5465)."""

from __future__ import annotations

import random
import re

import pytest

from conformance.wire.imap_grammar import recognise
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, new_store, octets_of, responses_in

NAMES = (
    "INBOX",
    "a",
    "a/b",
    "Box",
    '"Other Users"',
    *(f'"Other Users/{u}@example.test/Box"' for u in ("alice", "bob")),
)
COMMANDS = (
    *("LIST (SUBSCRIBED RECURSIVEMATCH) {0} %", 'LIST "" ({0} *) RETURN (SUBSCRIBED MYRIGHTS STATUS (MESSAGES SIZE))'),
    *("LSUB {0} *", "CREATE {0}/new", "DELETE {0}", "RENAME {0} {1}", "SUBSCRIBE {0}", "UNSUBSCRIBE {0}", "SELECT {0}"),
    *("EXAMINE {0}", "STATUS {0} (DELETED MAILBOXID)", "CLOSE", "NOOP", "EXPUNGE", "COPY 1 {0}", "MOVE 1:* {0}"),
    *("STORE 1 +FLAGS (\\Deleted \\Seen x)", "FETCH 1:* (FLAGS BODY[])", "APPEND {0} (\\Seen x) {{1+}}\r\ny"),
    *("SETACL {0} bob +lrste", "SETACL {0} anyone -r", "DELETEACL {0} bob", "GETACL {0}", "LISTRIGHTS {0} alice"),
    *("MYRIGHTS {0}", "SETMETADATA {0} (/shared/comment {{1+}}\r\nz)", "GETMETADATA (DEPTH infinity) {0} /shared"),
    *("GETQUOTAROOT {0}", "ENABLE METADATA", "ENABLE CONDSTORE", "ENABLE QRESYNC", "IDLE\r\nDONE", "NOTIFY NONE"),
    "NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge FlagChange)) (subtree {0} (MailboxName))",
    "NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (mailboxes ({0} {1}) (MessageNew MessageExpunge))",
    "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName MailboxMetadataChange)) (subscribed NONE)",
)


def shared_store(chance: random.Random) -> MemoryStore:
    """Alice and Bob have a folder `Box` each, and the other has some rights to it."""
    store = new_store()
    for owner, other in (("alice", "bob"), ("bob", "alice")):
        account = store.account(f"{owner}@example.test")
        assert account is not None
        account.create("Box")
        box = account.mailbox("Box")
        assert box is not None
        box.set_rights(f"{other}@example.test", "lr" + "".join(chance.sample("swipkxtea", 5)))
        for flags in ([], ["\\Deleted"], ["\\Seen"]):
            box.append(b"Subject: x\r\n\r\ny\r\n", flags=flags)
    return store


@pytest.mark.parametrize("seed", range(12))
def test_every_response_is_in_the_grammar_and_every_command_completed_once(seed: int) -> None:
    chance = random.Random(seed)
    store = shared_store(chance)
    woken: set[int] = set()
    clients = [Client(store) for _ in range(3)]
    for at, (client, name) in enumerate(zip(clients, (b"alice", b"alice", b"bob"), strict=True)):
        client.say(b"l LOGIN %b secret\r\n" % name)
        client.core.request_wake = lambda at=at: woken.add(at)  # type: ignore[misc]
    done = []
    for turn in range(150):
        at, command = chance.randrange(3), chance.choice(COMMANDS).format(*chance.choices(NAMES, k=2))
        done.append((at, command))
        got = [clients[at].say(f"t{turn} {command}\r\n".encode())]
        assert len(re.findall(rb"^t%d (?:OK|NO|BAD) " % turn, got[0], re.MULTILINE)) == 1, (done, got)
        while woken:
            got.append(octets_of(clients[woken.pop()].core.wake(0.0)))
        for octets in got:
            for response in responses_in(octets):
                assert not recognise(response), (done, response, recognise(response))
