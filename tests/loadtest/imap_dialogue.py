"""A server of IMAP that says what a test wrote down, and a client that talks to it."""

from __future__ import annotations

from collections.abc import Callable

from loadtest.clients.imap_client import ImapSession
from loadtest.plan import Patience, Route
from loadtest.target import Account, Address
from tests.loadtest.scripted_server import Peer
from tests.loadtest.stand_ins import Times

PATIENT = Patience(connect_s=5.0, reply_s=10.0)
SHORT = Patience(connect_s=2.0, reply_s=0.2)
ALICE = Account("alice@example.test", "secret")
GREETING = b"* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n"
TEXT = b"Subject: x\r\n\r\nbody\r\n"


def opened(address: Address, *, account: Account | None = None, patience: Patience = SHORT) -> ImapSession:
    """A session with it."""
    return ImapSession.open(Route(address=address, account=account, patience=patience), Times())


def dialogue(*steps: tuple[bytes, bytes], greeting: bytes = GREETING) -> tuple[list[bytes], Callable[[Peer], None]]:
    """What the client said without its tags, and a script of answers in which `TAG` stands for the tag."""
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(greeting)
        tag = b""
        for begins, answer in steps:
            line = peer.line()
            if not begins.startswith(b"..."):
                tag, _, line = line.partition(b" ")
            said.append(line)
            peer.send(answer.replace(b"TAG", tag))
        peer.until_gone()

    return said, script
