"""PIPELINING: RFC 2449 §6.6."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must
from conformance.errors import not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.session import setting_up

_COUNT = 4
_WITH_NUMBER = ("LIST", "RETR", "NOOP", "RSET")


@must("rfc2449/6.6/4", "rfc2449/6.6/3", "rfc1939/3/3")
@cuts_itself
@given(
    plan=st.lists(st.tuples(st.sampled_from(_WITH_NUMBER), st.integers(1, _COUNT)), min_size=2, max_size=12).map(
        lambda plan: [("LIST", 2), ("RETR", 1), ("LIST", 3), *plan, ("LIST", 4), ("LIST", 1)]
    )
)
def check_answers_in_order(dial: Dial, maildrop: Maildrop, plan: list[tuple[str, int]]) -> None:
    """Commands sent together are carried out one after the other, and each answer comes in its turn."""
    if not dial.facts.offers("PIPELINING"):
        raise not_applicable("the server does not announce PIPELINING")
    maildrop.fill([b"x" * 10 * number + b"\r\n" for number in range(1, _COUNT + 1)])
    with maildrop.opened() as pop3:
        lines = [f"{word} {number}" if word in ("LIST", "RETR") else word for word, number in plan]
        with setting_up("the same commands one by one"):
            wanted = {line: pop3.command(line, multi_line=line.startswith("RETR")) for line in sorted(set(lines))}
        pop3.send_segment("".join(f"{line}\r\n" for line in lines).encode())
        for line in lines:
            response = pop3.read_response(multi_line=line.startswith("RETR"))
            expect(response.ok, f"+OK to {line}, as the answer in its turn", response)
            if line.startswith("LIST"):
                expect(response.text == wanted[line].text, f"what {line} alone was told: {wanted[line]}", response)
            elif line.startswith("RETR"):
                assert_same_octets(response.content, wanted[line].content, what=f"octets from {line}")


@must("rfc2449/6.6/4", "rfc2449/6.6/3")
@cuts_itself
def check_goes_on_after_the_log_in(dial: Dial, maildrop: Maildrop) -> None:
    """USER, PASS and what follows the log-in can be sent together: what comes after PASS meets the open maildrop."""
    if not dial.facts.offers("PIPELINING"):
        raise not_applicable("the server does not announce PIPELINING")
    maildrop.fill([b"one\r\n", b"two\r\n"])
    with maildrop.opened() as pop3:
        wanted = pop3.stat().text
    with dial() as pop3:
        pop3.make_ready()
        words = (f"USER {pop3.account.name}", f"PASS {pop3.account.password}", "STAT", "LIST 1", "NOOP", "STAT")
        pop3.send_segment("".join(f"{word}\r\n" for word in words).encode())
        answers = [pop3.read_response()]
        if not answers[0].ok:
            pop3.abandon()
            # RFC 1939 §7: USER is optional, and mailboxes may be closed to it.
            raise not_applicable(f"the server has no USER for the account: {answers[0]}")
        answers += [pop3.read_response() for _ in words[1:]]
        for word, answer in zip(words, answers, strict=True):
            expect(answer.ok, f"+OK to {word.partition(' ')[0]} in its turn", answer)
        for answer in (answers[2], answers[5]):
            expect(answer.text == wanted, f"the drop listing {wanted.decode('latin-1')}", answer)
