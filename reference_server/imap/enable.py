"""ENABLE: what a client has to ask for before the server may answer in another way (RFC 5161)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reference_server.imap.condstore import CONDSTORE, ModSequences
from reference_server.imap.grammar import Cursor
from reference_server.imap.qresync import QRESYNC
from reference_server.imap.session import IMAP4REV2, UTF8_ACCEPT

METADATA = b"METADATA"

# Names in capitals, to how they are written and what else comes with them.
ENABLEABLE: Mapping[bytes, tuple[bytes, frozenset[bytes]]] = MappingProxyType({
    CONDSTORE: (b"CONDSTORE", frozenset()),
    QRESYNC: (b"QRESYNC", frozenset({CONDSTORE})),
    IMAP4REV2: (b"IMAP4rev2", frozenset()),
    UTF8_ACCEPT: (b"UTF8=ACCEPT", frozenset()),
    METADATA: (METADATA, frozenset()),
})  # fmt: skip
"""Capabilities that ENABLE switches on. An extension adds its row."""


def parse_enable(cursor: Cursor) -> tuple[bytes, ...]:
    """`enable = "ENABLE" 1*(SP capability)`."""
    names: list[bytes] = []
    while not names or cursor.peek(b" "):
        cursor.space()
        names.append(cursor.atom())
    return tuple(dict.fromkeys(names))


class EnableCommand(ModSequences):
    """Mixin: ENABLE."""

    def on_enable(self, asked: tuple[bytes, ...]) -> bytes:
        """Answer ENABLE: what is not known, or not to be enabled, is passed over (RFC 5161 §3.1)."""
        new = [name for name in asked if name in ENABLEABLE and name not in self.enabled]
        for name in new:
            self.enable(name)
        self.tell_enabled([ENABLEABLE[name][0] for name in new])
        return b"ENABLE completed"

    def enable(self, name: bytes) -> None:
        """Switch one capability on, for as long as the connection lasts, and what comes with it."""
        self.enabled |= {name, *ENABLEABLE[name][1]}

    def tell_enabled(self, names: list[bytes]) -> None:
        """ENABLED: what this command has enabled, and not what was enabled before (RFC 5161 §3.1)."""
        self.untagged(b" ".join((b"ENABLED", *names)))
