"""What MAIL declares of a message, as far as the server offers it: its SIZE (RFC 1870) and BODY=8BITMIME (RFC 6152)."""

from __future__ import annotations

from collections.abc import Mapping

from loadtest.clients.smtp_client import Envelope


class Declarations:
    """The envelopes of one user's messages. The last one is kept, as a user's messages are mostly alike."""

    def __init__(self, plain: Envelope) -> None:
        self._plain = plain
        self._takes_size = self._takes_eight_bits = False
        self._octets, self._eight_bit = -1, False
        self._last: Envelope | None = plain

    def suit(self, offers: Mapping[bytes, bytes]) -> None:
        """From now on the envelopes are for a server with these offers."""
        self._takes_size = b"SIZE" in offers
        self._takes_eight_bits = b"8BITMIME" in offers
        self._octets = -1

    def of(self, octets: int, eight_bit: bool) -> Envelope | None:  # noqa: FBT001 - called for every message
        """That of a message of so many octets; None if it needs all eight bits of them, and the server takes but seven.

        The octets are those of the text as submitted: without the dots of transparency and the last one (RFC 1870 §6).
        """
        if octets != self._octets or eight_bit != self._eight_bit:
            self._octets, self._eight_bit = octets, eight_bit
            # Who does not offer 8BITMIME is sent no such octets, whatever it might do with them (RFC 6152 §3).
            self._last = None if eight_bit and not self._takes_eight_bits else self._declaring(octets, eight_bit)
        return self._last

    def _declaring(self, octets: int, eight_bit: bool) -> Envelope:  # noqa: FBT001 - as above
        size = b" SIZE=%d" % octets if self._takes_size else b""
        body = b" BODY=8BITMIME" if eight_bit else b""
        return self._plain.declaring(size + body) if size or body else self._plain
