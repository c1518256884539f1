"""EXTERNAL (RFC 4422 appendix A): the client is who its TLS certificate says."""

from __future__ import annotations

from reference_server.sasl.exchange import Exchange, Failure, Kind, Need, Step


class External(Exchange):
    """One response: the identity to act as, or nothing, which means the one that goes with the certificate."""

    needs = frozenset({Need.CERTIFICATE})

    def respond(self, octets: bytes) -> Step:
        """`extern-resp = *( UTF8-char-no-nul )`."""
        try:
            name = octets.decode("utf-8")
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        if "\0" in name:
            return Failure(Kind.MALFORMED)
        account = self.authority.verify_certificate(name)
        if account is None and name and self.authority.verify_certificate(""):
            # The certificate is somebody's; it is not his who is asked for.
            return Failure(Kind.NOT_AUTHORIZED)
        return self.concluded(account)
