"""CAPABILITY, NOOP, LOGOUT and the greeting: what is valid in every state (RFC 3501 §6.1, §7.1, §7.2.1)."""

from __future__ import annotations

from typing import ClassVar

from reference_server.imap.changes import Changes
from reference_server.imap.session import State
from reference_server.sasl.server import SaslServer

ALWAYS = (
    b"SASL-IR",
    b"ID",
    b"ENABLE",
    b"IDLE",
    b"NAMESPACE",
    b"CHILDREN",
    b"UNSELECT",
    b"UIDPLUS",
    b"ESEARCH",
    b"SEARCHRES",
    b"WITHIN",
    b"I18NLEVEL=1",
    b"SORT",
    b"SORT=DISPLAY",
    b"THREAD=ORDEREDSUBJECT",
    b"THREAD=REFERENCES",
    b"ESORT",
    b"CONTEXT=SEARCH",
    b"CONTEXT=SORT",
    b"MOVE",
    b"COMPRESS=DEFLATE",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"SPECIAL-USE",
    b"CREATE-SPECIAL-USE",
    b"STATUS=SIZE",
    b"CONDSTORE",
    b"QRESYNC",
    b"UTF8=ACCEPT",
    b"BINARY",
    b"PREVIEW",
    b"SAVEDATE",
    b"OBJECTID",
    b"MULTIAPPEND",
    b"CATENATE",
    b"REPLACE",
    b"URLAUTH",
    b"QUOTA",
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
    b"UNAUTHENTICATE",
    b"ACL",
    b"RIGHTS=kxte",
    b"LIST-MYRIGHTS",
    b"METADATA",
    b"NOTIFY",
)
"""Extensions that are always on offer. An extension adds its name."""


class AnyState(SaslServer, Changes):
    """Mixin: greeting, CAPABILITY, NOOP, LOGOUT."""

    literal_extension: ClassVar[bytes] = b"LITERAL+"
    """LITERAL+ or LITERAL-: non-synchronizing literals of any size, or small ones only. Never both (RFC 7888 §5)."""

    def greet(self) -> None:
        """The greeting, with the capabilities in it (RFC 3501 §7.1)."""
        self.untagged(b"OK [CAPABILITY %b] %b ready" % (b" ".join(self.capabilities()), self.hostname))

    @property
    def hostname(self) -> bytes:
        """Our own name, for people to read."""
        return self.settings.hostname.encode("ascii", "replace")

    def capabilities(self) -> list[bytes]:
        """What is on offer now; it changes with TLS and log-in (RFC 3501 §6.1.1)."""
        names = [b"IMAP4rev1", b"IMAP4rev2", self.literal_extension, *ALWAYS]
        if self.state is State.NOT_AUTHENTICATED:
            if self.may_start_tls():
                names.append(b"STARTTLS")
            names += [b"AUTH=" + name.encode("ascii") for name in self.offered_mechanisms()]
            if not self.may_log_in():
                names.append(b"LOGINDISABLED")
        else:
            names.append(b"APPENDLIMIT=%d" % self.append_limit())
        return names

    def may_start_tls(self) -> bool:
        """Whether STARTTLS is on offer: not twice."""
        return self.surroundings.tls_available and not self.tls

    def may_log_in(self) -> bool:
        """Whether a password may be sent at all: not in the clear, unless the operator lets it (RFC 3501 §11.2)."""
        return super().plaintext_allowed()

    def plaintext_allowed(self) -> bool:
        """The same for LOGIN and for mechanisms that send a password or a token."""
        return self.may_log_in()

    def on_capability(self, _: None) -> bytes:
        """Answer CAPABILITY."""
        self.untagged(b"CAPABILITY " + b" ".join(self.capabilities()))
        return b"CAPABILITY completed"

    def on_noop(self, _: None) -> bytes:
        """Answer NOOP; what there is to tell goes out with every command."""
        return b"NOOP completed"

    def on_logout(self, _: None) -> None:
        """Answer LOGOUT: BYE, then the tagged OK, then the end (RFC 3501 §6.1.3)."""
        self.say_bye()
        self.complete(b"OK", b"LOGOUT completed")
        self.hang_up()

    def say_bye(self) -> None:
        """The BYE that has to come before LOGOUT is completed."""
        self.untagged(b"BYE logging out")
