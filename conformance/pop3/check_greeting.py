"""The greeting: RFC 1939 §3, §4 and §7 (its timestamp), RFC 2449 §3."""

from __future__ import annotations

import re

from conformance.checks import must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Pop3Dial as Dial
from conformance.wire.lines import LineSplitter

# msg-id = "<" local-part "@" domain ">"         (RFC 822 §6.1; RFC 2449 §3: no spaces inside)
_TIMESTAMP = re.compile(rb"<[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+>")


def _lines(octets: bytes) -> list[bytes]:
    splitter = LineSplitter(limit=len(octets) + 1)
    splitter.feed(octets)
    lines = []
    while (line := splitter.next_line()) is not None:
        lines.append(line)
    return lines


@must("rfc1939/4/1", "rfc1939/4/2", "rfc1939/3/2")
def check_is_one_line(dial: Dial) -> None:
    """The greeting is one line, sent unasked.

    A client takes whatever comes after it for the answer to its first command.
    """
    with dial() as pop3:
        pop3.abandon()
        pop3.send(b"QUIT\r\n")
        answers = _lines(pop3.rest(within_s=pop3.connection.patience.reply_s))
        expect(len(answers) <= 1, "one line after the greeting, the answer to QUIT", b"".join(answers)[:400])


@must("rfc1939/7/40", "rfc2449/3/13")
def check_timestamp_never_comes_twice(dial: Dial) -> None:
    """The timestamp in a greeting has the form of a message identifier and differs from every other.

    APOP's digest is made of it: with a timestamp that comes again, a digest once overheard logs in again.
    """
    seen: set[bytes] = set()
    for _ in range(4):
        with dial() as pop3:
            text = pop3.greeting.text if pop3.greeting else b""
            if b"<" not in text:
                raise not_applicable("the greeting has no timestamp, so there is no APOP (RFC 1939 §7 leaves it out)")
            found = _TIMESTAMP.search(text)
            expect(found, "<local-part@domain> in the greeting", text)
            assert found is not None
            expect(found[0] not in seen, "another timestamp than in the sessions before", text)
            seen.add(found[0])
