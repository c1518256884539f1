"""Byte-stuffing and the end of multi-line responses: RFC 1939 §3."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Maildrop
from conformance.messages import Delivered
from conformance.pop3.listings import sizes
from conformance.pop3.strategies import dotted_bodies, unended_bodies
from conformance.wire.pop3 import Response


def _expect_stuffed(response: Response, body: bytes) -> None:
    """The body reads as it was put in, and no line of it went out that was not stuffed as it has to be."""
    assert_same_octets(Delivered(response.content).body, body, what="octets of body")
    for line in response.stuffed:
        expect(line[:2] == b".." or line[:1] != b".", "a second dot before each line that begins with one", line)


@must("rfc1939/3/17", "rfc1939/5/27", "rfc2449/3/6")
@given(body=dotted_bodies())
def check_stuffs_what_retr_sends(maildrop: Maildrop, body: bytes) -> None:
    """RETR sends every line that begins with a dot with another dot before it.

    Without it a message with a lone dot ends early, and the rest of it is read as the answers to later commands.
    """
    maildrop.fill([body])
    with maildrop.opened() as pop3:
        response = pop3.retr(1)
        expect(response.ok, "+OK to RETR of the message", response)
        _expect_stuffed(response, body)


@must("rfc1939/3/17", "rfc1939/7/6", "rfc2449/3/6")
@given(body=dotted_bodies())
def check_stuffs_what_top_sends(maildrop: Maildrop, body: bytes) -> None:
    """TOP sends every line that begins with a dot with another dot before it, as RETR does.

    Servers have stuffed in RETR and forgotten it in TOP.
    """
    maildrop.fill([body])
    with maildrop.opened() as pop3:
        response = pop3.top(1, 100)
        if not response.ok:
            raise not_applicable("the server has no TOP (RFC 1939 §7 leaves it to the server)")
        _expect_stuffed(response, body)


@must("rfc1939/3/18", "rfc1939/3/16", "rfc2449/3/8", "rfc2449/5/14")
@given(bodies=st.lists(unended_bodies(), min_size=1, max_size=3))
def check_ends_with_a_line_of_its_own(maildrop: Maildrop, bodies: list[bytes]) -> None:
    """Every multi-line response ends in CRLF, a dot and CRLF, even where the message has no line end at its end."""
    maildrop.fill(bodies)
    with maildrop.opened() as pop3:
        listing = pop3.list()
        responses = [(b"LIST", listing), (b"UIDL", pop3.uidl()), (b"CAPA", pop3.command("CAPA", multi_line=True))]
        for number in sizes(listing):
            responses += [(b"RETR", pop3.retr(number)), (b"TOP", pop3.top(number, 100))]
        for command, response in responses:
            if response.ok:
                ending = response.raw[-5:]
                expect(ending == b"\r\n.\r\n", f"CRLF.CRLF at the end of the answer to {command!r}", repr(ending))
