"""The TRANSACTION state as a whole: any commands in any order, against a model of the maildrop. RFC 1939 §5."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.checks import given, must
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.pop3.listings import sizes, totals
from conformance.pop3.session import Pop3Session
from conformance.pop3.strategies import session_plans
from conformance.wire.errors import ClosedError
from conformance.wire.pop3 import Response

MOST_FORGIVEN = 2
"""From so many refused commands on the end of the connection is not held against the server."""


@dataclass(slots=True)
class _Model:
    """What the server has said of the maildrop, and what was marked since."""

    size_of: dict[int, int]
    marked: set[int] = field(default_factory=set)
    refusals: int = 0

    def left(self) -> dict[int, int]:
        return {number: octets for number, octets in self.size_of.items() if number not in self.marked}

    def put(self, pop3: Pop3Session, command: str, number: int) -> None:
        """Put the command and compare the answer with the model."""
        line = f"{command} {number}" if number else command
        response = pop3.command(line, multi_line=command == "RETR" or line == "LIST")
        there = not number or number in self.left()
        told = f"with {sorted(self.marked)} marked of {sorted(self.size_of)}"
        self.refusals += not there
        expect(response.ok == there, f"{'+OK' if there else '-ERR'} to {line} {told}", response)
        if response.ok:
            self._agree(response, line, told)
        if command == "RSET":
            self.marked.clear()
        elif command == "DELE" and response.ok:
            self.marked.add(number)

    def _agree(self, response: Response, line: str, told: str) -> None:
        left = self.left()
        if line == "STAT":
            expect(totals(response) == (len(left), sum(left.values())), f"the totals of {left} {told}", response)
        elif line == "LIST":
            expect(sizes(response) == left, f"{left} {told}", response)


@must(
    "rfc1939/5/2",
    "rfc1939/5/37",
    "rfc1939/5/31",
    "rfc1939/5/40",
    "rfc1939/5/41",
    "rfc1939/5/11",
    "rfc1939/5/22",
    "rfc1939/5/32",
    "rfc1939/5/12",
    "rfc1939/5/24",
    "rfc1939/5/29",
    "rfc1939/7/1",
)
@given(plan=session_plans(messages=3))
def check_takes_its_commands_in_any_order(maildrop: Maildrop, plan: list[tuple[str, int]]) -> None:
    """STAT, LIST, RETR, DELE, NOOP and RSET can be given again and again in any order, and each tells what is left."""
    maildrop.fill([b"x" * 10 * number + b"\r\n" for number in range(1, 4)])
    with maildrop.opened() as pop3:
        model = _Model(sizes(pop3.list()))
        try:
            for command, number in plan:
                model.put(pop3, command, number)
            pop3.rset()
        except ClosedError:
            # A server may hang up on a client that errs again and again; whoever made no error is not one.
            if model.refusals < MOST_FORGIVEN:
                raise
