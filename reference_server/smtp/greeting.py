"""HELO, EHLO and the list of extensions (RFC 5321 §4.1.1.1), STARTTLS (RFC 3207)."""

from __future__ import annotations

from reference_server.smtp.base import Session
from reference_server.smtp.grammar import SyntaxProblem, parse_greeting
from reference_server.smtp.limits import longer_by
from reference_server.smtp.session import Verb


class Greeting(Session):
    """Commands that open a session, or open it anew."""

    def greeting(self) -> bytes:
        """The 220 that is sent on connecting (RFC 5321 §4.3.1): our name first."""
        return self.reply(220, f"{self.settings.hostname} ESMTP ready")

    def on_helo(self, argument: bytes) -> bytes:
        """HELO: no extensions; the transaction is dropped."""
        return self._greeted(argument, Verb.HELO)

    def on_ehlo(self, argument: bytes) -> bytes:
        """EHLO: one line for each extension; the transaction is dropped."""
        return self._greeted(argument, Verb.EHLO)

    def _greeted(self, argument: bytes, verb: Verb) -> bytes:
        try:
            name = parse_greeting(argument, self.settings.smtp_limits)
        except SyntaxProblem as problem:
            return self.reply(501, str(problem))
        self.on_greeted(name, verb)
        if not self.extended:
            return self.reply(250, self.settings.hostname)
        offered = self.extensions()
        self.longer_lines = longer_by([line.partition(" ")[0] for line in offered])
        return self.reply(250, self.salutation(name), *offered)

    def salutation(self, name: str) -> str:
        """The first line of the reply to EHLO: our name, and whatever else there is to say (RFC 5321 §4.1.1.1)."""
        return f"{self.settings.hostname} greets {name}"

    def on_greeted(self, name: str, verb: Verb) -> None:
        """A greeting was accepted: begin as after RSET (RFC 5321 §4.1.4)."""
        self.greeting_name = name
        self.extended = verb is not Verb.HELO
        self.longer_lines = {}
        self.forget_transaction()
        self.advance(verb)

    def extensions(self) -> list[str]:
        """The EHLO keywords that hold right now, each with its parameters."""
        offered = [
            "PIPELINING",
            f"SIZE {self.settings.max_message_octets}",
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            "SMTPUTF8",
            "VRFY",
            "EXPN",
            "HELP",
        ]
        if self.offers_chunking():
            offered.append("CHUNKING")
        if self.offers_binary():
            offered.append("BINARYMIME")
        if self.offers_dsn():
            offered.append("DSN")
        if self.offers_require_tls():
            offered.append("REQUIRETLS")
        if self.offers_starttls():
            offered.append("STARTTLS")
        if mechanisms := self.mechanisms():
            offered.append(f"AUTH {' '.join(mechanisms)}")
        return offered

    def offers_starttls(self) -> bool:
        """Never inside TLS (RFC 3207 §4.2)."""
        return self.surroundings.tls_available and not self.tls

    def on_starttls(self) -> bytes:
        """STARTTLS: after the 220 nothing more is read in clear."""
        if self.tls:
            return self.bad_sequence("TLS is active already")
        if not self.surroundings.tls_available:
            return self.reply(502, "TLS is not offered here", enhanced="5.5.1")
        self.advance(Verb.STARTTLS)
        return self.reply(220, "go ahead", enhanced="2.0.0")
