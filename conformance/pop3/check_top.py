"""TOP: RFC 1939 §7."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Maildrop
from conformance.session import setting_up


def _top_of(message: bytes, lines: int) -> bytes:
    header, separator, body = message.partition(b"\r\n\r\n")
    return header + separator + b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:-1][:lines])


@must("rfc1939/7/6", "rfc1939/7/5", "rfc1939/7/7")
@given(
    body=st.lists(st.sampled_from((b"", b"line", b"  ", b"Subject: none")), max_size=9).map(
        lambda lines: b"".join(line + b"\r\n" for line in lines)
    )
)
def check_sends_the_header_and_so_many_lines(maildrop: Maildrop, body: bytes) -> None:
    """TOP sends the whole header, the empty line and as many lines of the body as asked for; all where there are fewer.

    Clients show previews from it; some servers count the lines of the header, or leave the empty line out for 0.
    """
    maildrop.fill([body])
    with maildrop.opened() as pop3:
        with setting_up("RETR"):
            whole = pop3.retr(1).content
        count = body.count(b"\r\n")
        for lines in sorted({0, 1, max(count - 1, 0), count, count + 1, 1_000_000}):
            response = pop3.top(1, lines)
            if not response.ok and lines == 0:
                raise not_applicable("the server has no TOP (RFC 1939 §7 leaves it to the server)")
            expect(response.ok, f"+OK to TOP 1 {lines}", response)
            assert_same_octets(response.content, _top_of(whole, lines), what=f"octets from TOP 1 {lines}")
