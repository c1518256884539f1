"""PLAIN (RFC 4616) and LOGIN: the password itself crosses the wire."""

from __future__ import annotations

from reference_server.sasl.exchange import (
    Authority,
    Challenge,
    Exchange,
    Failure,
    Kind,
    Need,
    Step,
    Success,
    same_identity,
)


class Plain(Exchange):
    """PLAIN (RFC 4616): one response, `[authzid] NUL authcid NUL passwd` in UTF-8."""

    needs = frozenset({Need.PRIVACY})

    def respond(self, octets: bytes) -> Step:
        """Log in, unless the message breaks the grammar or asks to act for somebody else."""
        parts = octets.split(b"\0")
        # message = [authzid] UTF8NUL authcid UTF8NUL passwd; authcid and passwd have at least one character (§2).
        if len(parts) != 3 or not parts[1] or not parts[2]:
            return Failure(Kind.MALFORMED)
        try:
            authzid, authcid, password = (part.decode("utf-8") for part in parts)
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        result = self.log_in(authcid, password)
        # Only after the password: who may act for whom is nobody's business without it.
        if isinstance(result, Success) and authzid and not same_identity(authzid, authcid, result.account):
            return Failure(Kind.NOT_AUTHORIZED)
        return result


class Login(Exchange):
    """LOGIN: never standardised, widely used; two prompts, each answered in base64."""

    needs = frozenset({Need.PRIVACY})

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._name: bytes | None = None

    def first_challenge(self) -> Challenge:
        """Asks for the name."""
        return Challenge(b"Username:")

    def respond(self, octets: bytes) -> Step:
        """The first response (or the initial one) is the name, the second the password."""
        if not octets:
            return Failure(Kind.MALFORMED)
        if self._name is None:
            self._name = octets
            return Challenge(b"Password:")
        try:
            name, password = self._name.decode("utf-8"), octets.decode("utf-8")
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        return self.log_in(name, password)
