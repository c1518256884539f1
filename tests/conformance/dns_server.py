"""A small authoritative name server on 127.0.0.1 for the tests, on dnspython: answers from a zone that the test writes.

An alias is answered with its CNAME record and, where its target lies in the zone, with the target's records behind it
(RFC 1034 §4.3.2).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone


@contextmanager
def name_server(zone_text: str, *, origin: str = "example.test.") -> Iterator[str]:
    """Serve the zone over UDP; yields `address:port`. Names outside of it are refused."""
    zone = dns.zone.from_text(zone_text, origin=origin, relativize=False)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                query, client = sock.recvfrom(4096)
            except OSError:
                return
            if not query:
                return
            sock.sendto(_answer(zone, dns.message.from_wire(query)).to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address, port = sock.getsockname()
    try:
        yield f"{address}:{port}"
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (address, port))
        thread.join(10)
        sock.close()


def _answer(zone: dns.zone.Zone, query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    asked = query.question[0]
    if zone.origin is None or not asked.name.is_subdomain(zone.origin):
        response.set_rcode(dns.rcode.REFUSED)
        return response
    name = asked.name
    while (alias := zone.get_rrset(name, dns.rdatatype.CNAME)) is not None and alias not in response.answer:
        response.answer.append(alias)
        name = alias[0].target
    if (found := zone.get_rrset(name, asked.rdtype)) is not None:
        response.answer.append(found)
    elif zone.get_node(name) is None and name.is_subdomain(zone.origin):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response
