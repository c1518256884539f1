"""Servers that mistake binary messages (RFC 3030 §3)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.session import Verb


@fault("offers-binary-without-chunks", breaks="rfc3030/3/2")
class OffersBinaryWithoutChunks(SmtpCore):
    """Lists BINARYMIME and not CHUNKING."""

    def extensions(self) -> list[str]:
        """One of them will do."""
        return [word for word in super().extensions() if word != "CHUNKING"]


@fault("puts-a-word-behind-binarymime", breaks="rfc3030/3/3")
class PutsAWordBehindBinarymime(SmtpCore):
    """Lists BINARYMIME with a parameter."""

    def extensions(self) -> list[str]:
        """With its version."""
        return ["BINARYMIME 1" if word == "BINARYMIME" else word for word in super().extensions()]


@fault("refuses-the-binary-body-it-offers", breaks=("rfc3030/3/4", "rfc3030/3/5"))
class RefusesTheBinaryBodyItOffers(SmtpCore):
    """Lists BINARYMIME and refuses MAIL with it."""

    def take_body(self, value: bytes | None) -> bool:
        """As before there was such a thing."""
        if value is not None and value.upper() == b"BINARYMIME":
            raise RefusedError(self.bad_argument("BODY is 7BIT or 8BITMIME"))
        return super().take_body(value)


@fault("takes-a-binary-body-it-does-not-offer", breaks="rfc5321/4.1.1.11/1")
class TakesABinaryBodyItDoesNotOffer(SmtpCore):
    """Accepts BODY=BINARYMIME without listing it."""

    def extensions(self) -> list[str]:
        """Not yet announced."""
        return [word for word in super().extensions() if word != "BINARYMIME"]


@fault("takes-data-for-binary-messages", breaks="rfc3030/3/12")
class TakesDataForBinaryMessages(SmtpCore):
    """Accepts DATA after BODY=BINARYMIME."""

    def on_data(self) -> bytes:
        """Text is text."""
        self.begin_text()
        self.advance(Verb.DATA)
        return self.reply(354, "end with a line of a single dot")


@fault("mends-line-ends-in-binary-messages", breaks=("rfc3030/3/9", "rfc3030/3/10"))
class MendsLineEndsInBinaryMessages(SmtpCore):
    """Makes CRLF of a lone CR or LF in a message of any octets."""

    def keep_octets(self, octets: bytes) -> None:
        """Lines need ends."""
        super().keep_octets(re.sub(rb"\r\n|\r|\n", b"\r\n", octets) if self.transaction.binary else octets)


@fault("refuses-binary-labels", breaks="rfc3030/3/23")
class RefusesBinaryLabels(SmtpCore):
    """Refuses a message that is labelled binary and was not announced so."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """To be on the safe side."""
        if not self.transaction.binary and b"\r\nContent-Transfer-Encoding: binary\r\n" in text:
            return self.reply(554, "binary content", enhanced="5.6.1")
        return super().refusal_of_message(text)
