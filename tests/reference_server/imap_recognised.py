"""IMAP sessions of which every response has to be in the grammar that the judge holds servers to."""

from __future__ import annotations

from conformance.wire.imap_grammar.recogniser import recognise
from reference_server.core import Settings
from reference_server.imap.core import ImapCore
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, responses_in


class RecognisedClient(Client):
    """A client that takes nothing that departs from the grammar."""

    def say(self, octets: bytes) -> bytes:
        """Send octets and get what comes back, once it has been looked at."""
        said = super().say(octets)
        for response in responses_in(said):
            assert not (found := recognise(response)), (response, found)
        return said


def enabled(
    store: MemoryStore, *names: str, select: str | None = "INBOX", core: type[ImapCore] = ImapCore
) -> RecognisedClient:
    """Alice, with these capabilities enabled and, unless it is None, a mailbox selected."""
    client = RecognisedClient(store, core=core, settings=Settings())
    client.say(b"a LOGIN alice secret\r\n")
    if names:
        assert b"* ENABLED " in client.say(b"a ENABLE " + " ".join(names).encode() + b"\r\n")
    if select is not None:
        reply = client.say(b"s SELECT %b\r\n" % select.encode())
        assert b"s OK [READ-WRITE] " in reply, reply
    return client
