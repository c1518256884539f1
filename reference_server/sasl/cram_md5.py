"""CRAM-MD5 (RFC 2195): the password is not sent, but the server has to keep it in the clear."""

from __future__ import annotations

from reference_server.sasl.exchange import Authority, Challenge, Exchange, Failure, Kind, Need, Step


class CramMd5(Exchange):
    """A challenge in the form of a message id, and one response: name, space, keyed MD5 of the challenge."""

    needs = frozenset({Need.SHARED_SECRETS})

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._challenge = b""

    def take_initial(self, line: bytes) -> Step:
        """The server speaks first, so that an initial response answers nothing (RFC 4422 §5)."""
        return Failure(Kind.PREMATURE)

    def first_challenge(self) -> Challenge:
        """Never the same twice (RFC 2195 §2)."""
        self._challenge = self.authority.message_id().encode("ascii")
        return Challenge(self._challenge)

    def respond(self, octets: bytes) -> Step:
        """The name may hold spaces, the digest cannot."""
        name, space, digest = octets.rpartition(b" ")
        if not (name and space and digest):
            return Failure(Kind.MALFORMED)
        try:
            user = name.decode("utf-8")
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        return self.concluded(
            self.authority.verify_keyed_digest(user, self._challenge, digest.decode("ascii", "replace"))
        )
