"""The one socket shell of the judge: blocking sockets with a deadline and an octet budget on everything.

It works unchanged under gevent. Whatever the peer does, each call returns or raises before its deadline. The one
wait that is not ours to bound is the resolver's, for a host given by name.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from functools import cache

from conformance.wire.errors import ClosedError, ConnectError, SilenceError, TlsError
from conformance.wire.segmentation import WHOLE, Segmentation
from conformance.wire.transcript import Transcript
from reports.records import Direction

CHUNK_OCTETS = 65536
CONNECTS = "connects to "
"""How the note begins that opens a session in a transcript; the URL follows."""

CLOSES = "closes the connection"
RESETS = "resets the connection"
HALF_CLOSES = "closes its sending side"
"""The notes that tell, in a transcript, how the judge ended a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and for how much the judge waits. Seconds, and octets of one reply."""

    connect_s: float = 5.0
    reply_s: float = 10.0
    reply_octets: int = 64 * 1024 * 1024
    line_octets: int = 1024 * 1024


@cache
def client_tls() -> ssl.SSLContext:
    """A TLS context that takes any certificate: the judge reports on certificates, it trusts nobody's mail to them."""
    # Not create_default_context: reading the system's authorities takes longer than a whole session.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Connection:
    """One TCP connection, maybe under TLS, with everything that crosses it written to a transcript."""

    def __init__(
        self,
        sock: socket.socket,
        transcript: Transcript,
        *,
        patience: Patience | None = None,
        segmentation: Segmentation = WHOLE,
        tls: ssl.SSLContext | None = None,
        host: str = "",
    ) -> None:
        self._sock = sock
        self._host = host
        self._transcript = transcript
        self._tls = tls or client_tls()
        self.patience = patience or Patience()
        self.segmentation = segmentation
        self.session = transcript.open_session()
        self.secured = False
        self.closed_by_peer = False
        self.shown_in_handshake = ("", "", b"")
        """TLS version, cipher suite, and the server's certificate in DER; empty without TLS."""
        self._closed = False
        self._opened_at = time.monotonic()

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        transcript: Transcript,
        *,
        patience: Patience | None = None,
        segmentation: Segmentation = WHOLE,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        label: str = "",
        address: str = "",
    ) -> Connection:
        """Connect, and with `implicit_tls` secure the connection before anything else (RFC 8314 §3).

        `label` is the endpoint's URL, which the transcript notes. `address` is where to connect instead of asking the
        system's resolver for the host.

        Raises:
            ConnectError: nobody listens there, or the handshake failed.
        """
        patience = patience or Patience()
        try:
            sock = socket.create_connection((address or host, port), timeout=patience.connect_s)
        except (OSError, UnicodeError) as error:
            # UnicodeError: a name with an empty or overlong label, which no resolver is asked for.
            raise ConnectError(f"no connection to {host}:{port}: {error}") from error
        connection = cls(sock, transcript, patience=patience, segmentation=segmentation, tls=tls, host=host)
        with contextlib.suppress(OSError):
            # Some systems refuse it on a connection that the peer has reset already.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if label:
            connection.note(f"{CONNECTS}{label}")
        if implicit_tls:
            try:
                connection.start_tls()
            except TlsError as error:
                connection.close()
                raise ConnectError(f"no TLS with {host}:{port}: {error}") from error
        return connection

    def _at(self) -> float:
        return round(time.monotonic() - self._opened_at, 6)

    def deadline(self, within_s: float | None = None) -> float:
        """The monotonic time at which a wait that begins now ends; `within_s` defaults to the patience for a reply."""
        return time.monotonic() + (self.patience.reply_s if within_s is None else within_s)

    def send(self, octets: bytes) -> None:
        """Send octets, cut as the segmentation says; all pieces together have the time of one reply.

        Raises:
            ClosedError: the peer has closed.
            SilenceError: the peer does not read.
        """
        deadline = self.deadline()
        for piece in self.segmentation.pieces(octets):
            self._write(piece, deadline)

    def send_segment(self, octets: bytes) -> None:
        """Send octets in one write, whatever the segmentation; for checks that are about segments themselves.

        Raises:
            ClosedError: the peer has closed.
            SilenceError: the peer does not read.
        """
        self._write(octets, self.deadline(), starts_anew=True)

    def _write(self, octets: bytes, deadline: float, *, starts_anew: bool = False) -> None:
        self._transcript.add(Direction.SENT, octets, at_s=self._at(), session=self.session, starts_anew=starts_anew)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise SilenceError("the peer stopped reading")
        try:
            self._sock.settimeout(left_s)
            self._sock.sendall(octets)
        except TimeoutError as error:
            raise SilenceError("the peer stopped reading") from error
        except OSError as error:
            self.closed_by_peer = True
            raise ClosedError(f"the connection closed while sending: {error}") from error

    def receive(self, deadline: float) -> bytes:
        """Some octets from the peer; never empty.

        Raises:
            SilenceError: none came before the deadline.
            ClosedError: the peer closed or reset the connection.
        """
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise SilenceError("nothing more within the deadline")
        try:
            self._sock.settimeout(left_s)
            octets = self._sock.recv(CHUNK_OCTETS)
        except TimeoutError as error:
            raise SilenceError("nothing within the deadline") from error
        except ssl.SSLError as error:
            self.closed_by_peer = True
            raise ClosedError(f"TLS broke: {error.reason}") from error
        except OSError as error:
            self.closed_by_peer = True
            raise ClosedError(f"the connection was reset: {error}") from error
        if not octets:
            self.closed_by_peer = True
            raise ClosedError("the peer closed the connection")
        self._transcript.add(Direction.RECEIVED, octets, at_s=self._at(), session=self.session)
        return octets

    def start_tls(self) -> None:
        """Do the TLS handshake now.

        Raises:
            TlsError: it failed.
        """
        try:
            self._sock.settimeout(self.patience.reply_s)
            self._sock = self._tls.wrap_socket(self._sock, server_hostname=self._server_name)
        except (OSError, ValueError) as error:
            self.closed_by_peer = True
            raise TlsError(f"the TLS handshake failed: {error}") from error
        self.secured = True
        version, cipher = self._sock.version() or "", self._sock.cipher()
        self.shown_in_handshake = (
            version,
            cipher[0] if cipher else "",
            self._sock.getpeercert(binary_form=True) or b"",
        )
        self._transcript.note(f"TLS starts ({version})", at_s=self._at(), session=self.session)

    @property
    def _server_name(self) -> str | None:
        """What to say in SNI: the host's name, as many servers have several; never an address (RFC 6066 §3)."""
        try:
            ipaddress.ip_address(self._host.partition("%")[0])
        except ValueError:
            return self._host or None
        return None

    def note(self, text: str) -> None:
        """Write a remark of the judge's into the transcript."""
        self._transcript.note(text, at_s=self._at(), session=self.session)

    def half_close(self) -> None:
        """Say that no more octets come (TCP FIN), and keep reading.

        Raises:
            ClosedError: the connection is gone.
        """
        self.note(HALF_CLOSES)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.closed_by_peer = True
            raise ClosedError(f"the connection was gone: {error}") from error

    def reset(self) -> None:
        """Drop the connection with a TCP reset, as a crashed client would."""
        self._note_close(RESETS)
        with contextlib.suppress(OSError):  # a socket that is closed already has nothing left to drop
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close without another word."""
        self._note_close(CLOSES)
        self._sock.close()

    def _note_close(self, remark: str) -> None:
        """Say who ended it, once: a replay must do so too, or it keeps a lock that the judge let go."""
        if not self._closed and not self.closed_by_peer:
            self.note(remark)
        self._closed = True
