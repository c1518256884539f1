"""A packet capture that another reader understands, with the recorded octets and nothing else in it."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
from scapy.layers.inet import IP, TCP
from scapy.utils import rdpcap

from reports.pcap import FIRST_CLIENT_PORT, SEGMENT_OCTETS, pcap_of
from reports.records import CheckResult
from tests.reports.example_run import DOT_KEPT, EIGHT_BIT_CUT, KNOWN, remark, sent


def packets(data: bytes) -> list[Any]:
    return list(rdpcap(io.BytesIO(data)))


def payload(packet: Any) -> bytes:
    return bytes(packet[TCP].payload)


def streams(read: list[Any]) -> dict[tuple[int, int], bytes]:
    """Each direction's octets put together by sequence numbers, as a TCP receiver would."""
    together: dict[tuple[int, int], bytes] = {}
    expected: dict[tuple[int, int], int] = {}
    for packet in read:
        key = (packet[TCP].sport, packet[TCP].dport)
        assert expected.get(key, packet[TCP].seq) == packet[TCP].seq, "a gap in the sequence numbers"
        octets = payload(packet)
        flags = str(packet[TCP].flags)
        expected[key] = packet[TCP].seq + len(octets) + ("S" in flags) + ("F" in flags)
        together[key] = together.get(key, b"") + octets
    return together


@pytest.mark.parametrize("result", [DOT_KEPT, EIGHT_BIT_CUT], ids=lambda result: result.check)
def test_every_session_has_its_octets_in_both_directions(result: CheckResult) -> None:
    found = streams(packets(pcap_of(result)))
    sessions = sorted({event.session for event in result.transcript})
    assert len(found) == 2 * len(sessions)
    for session in sessions:
        client = FIRST_CLIENT_PORT + session - 1
        for direction, key in (("sent", (client, 2525)), ("received", (2525, client))):
            octets = b"".join(
                e.octets for e in result.transcript if e.session == session and e.direction.value == direction
            )
            assert found[key] == octets


def test_each_session_opens_with_a_handshake_and_closes() -> None:
    read = packets(pcap_of(DOT_KEPT))
    flags = [str(packet[TCP].flags) for packet in read if FIRST_CLIENT_PORT in (packet[TCP].sport, packet[TCP].dport)]
    assert (flags[:3], flags[-3:]) == (["S", "SA", "A"], ["FA", "FA", "A"])
    assert set(flags[3:-3]) == {"PA"}


def test_checksums_hold_and_addresses_are_loopback() -> None:
    for packet in packets(pcap_of(DOT_KEPT)):
        assert packet[IP].src == packet[IP].dst == "127.0.0.1"
        again = packet.copy()
        del again[IP].chksum, again[TCP].chksum
        again = IP(bytes(again))
        assert (again[IP].chksum, again[TCP].chksum) == (packet[IP].chksum, packet[TCP].chksum)


def test_times_are_the_records_and_never_run_backwards() -> None:
    read = packets(pcap_of(EIGHT_BIT_CUT, started_s=1_700_000_000))
    times = [float(packet.time) for packet in read]
    assert times == sorted(times)
    assert times[0] == pytest.approx(1_700_000_000.001, abs=1e-5)
    two_sessions = [float(packet.time) for packet in packets(pcap_of(DOT_KEPT))]
    assert two_sessions == sorted(two_sessions)


def test_long_octets_are_cut_into_segments() -> None:
    long = msgspec.structs.replace(DOT_KEPT, transcript=(sent(0, b"x" * (2 * SEGMENT_OCTETS + 1)),))
    sizes = [len(payload(packet)) for packet in packets(pcap_of(long)) if payload(packet)]
    assert sizes == [SEGMENT_OCTETS, SEGMENT_OCTETS, 1]


def test_a_result_without_octets_makes_no_capture() -> None:
    for result in (KNOWN, msgspec.structs.replace(KNOWN, transcript=(remark(0, "nothing came"),))):
        with pytest.raises(ValueError, match="no recorded octets"):
            pcap_of(result)
