"""A transcript as a packet capture: TCP segments made up around the recorded octets, for those who read with Wireshark.

The octets, their direction, order and times are the record's; addresses, ports of the client, sequence numbers and the
cuts into segments are not. What was sent under TLS stands in it in clear, as the judge saw it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from reports.endpoints import host_and_port
from reports.records import CheckResult, Direction

SEGMENT_OCTETS = 1460
"""Octets in one made-up segment: what an Ethernet frame has room for."""

FIRST_CLIENT_PORT = 40001
"""Port of the client's first session; each further session takes the next."""

_ADDRESS = "127.0.0.1"
_LINK_IPV4 = 228  # LINKTYPE_IPV4: packets begin with the IP header


@dataclass(slots=True)
class _Side:
    port: int
    sequence: int


def pcap_of(result: CheckResult, *, started_s: float = 0.0) -> bytes:
    """The transcript as the octets of a pcap file; `started_s` is the epoch time that `at_s` counts from.

    Sessions are opened where their first event stands. `at_s` counts from each session's own opening, so a packet is
    never dated before the one above it.

    Raises:
        ValueError: no octets were recorded.
    """
    events = [event for event in result.transcript if event.octets and event.direction is not Direction.NOTE]
    if not events:
        raise ValueError(f"{result.check} has no recorded octets")
    server_port = host_and_port(result.url)[1] or 1
    capture = _Capture(started_s)
    sessions: dict[int, tuple[_Side, _Side]] = {}
    for event in events:
        capture.advance_to(event.at_s)
        if event.session not in sessions:
            client_port = FIRST_CLIENT_PORT + len(sessions)
            sessions[event.session] = (_Side(client_port, 1000), _Side(server_port, 5000))
            capture.open(*sessions[event.session])
        client, server = sessions[event.session]
        sender, receiver = (client, server) if event.direction is Direction.SENT else (server, client)
        for start in range(0, len(event.octets), SEGMENT_OCTETS):
            capture.segment(sender, receiver, "PA", event.octets[start : start + SEGMENT_OCTETS])
    for client, server in sessions.values():
        capture.close(client, server)
    return capture.octets()


class _Capture:
    def __init__(self, started_s: float) -> None:
        # scapy takes a second to load, which nobody should pay who wants no pcap.
        from scapy.layers.inet import IP, TCP

        self._ip, self._tcp = IP, TCP
        self._started_s = started_s
        self._now_s = 0.0
        self._packets: list[Any] = []

    def advance_to(self, at_s: float) -> None:
        self._now_s = max(self._now_s, at_s)

    def segment(self, sender: _Side, receiver: _Side, flags: str, octets: bytes = b"") -> None:
        packet = self._ip(src=_ADDRESS, dst=_ADDRESS) / self._tcp(
            sport=sender.port,
            dport=receiver.port,
            seq=sender.sequence % 2**32,
            ack=receiver.sequence % 2**32 if "A" in flags else 0,
            flags=flags,
        )
        packet = packet / octets if octets else packet
        packet.time = self._started_s + self._now_s
        self._packets.append(packet)
        # SYN and FIN count as one octet each (RFC 9293 section 3.4).
        sender.sequence += len(octets) + ("S" in flags) + ("F" in flags)

    def open(self, client: _Side, server: _Side) -> None:
        self.segment(client, server, "S")
        self.segment(server, client, "SA")
        self.segment(client, server, "A")

    def close(self, client: _Side, server: _Side) -> None:
        self.segment(client, server, "FA")
        self.segment(server, client, "FA")
        self.segment(client, server, "A")

    def octets(self) -> bytes:
        from scapy.utils import RawPcapWriter

        file = io.BytesIO()
        writer = RawPcapWriter(file, linktype=_LINK_IPV4)
        writer.write_header(None)
        for packet in self._packets:
            seconds, microseconds = divmod(round(packet.time * 1_000_000), 1_000_000)
            writer.write_packet(bytes(packet), sec=seconds, usec=microseconds)
        return file.getvalue()
