"""Every core, whatever comes: made-up octets and made-up commands, in any order with what else befalls a session."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from tests.fuzz.dialogues import DIALOGUES, OPENINGS, VERBS, WORDS
from tests.fuzz.encoding import ESCAPE, decoded, encoded
from tests.fuzz.harness import CORES, HELD_OCTETS, Feed, Happening, Session, Step, check, held_octets, play
from tests.fuzz.messages import SEEDS, check_message
from tests.fuzz.messages import WORDS as MESSAGE_WORDS
from tests.fuzz.targets import TARGETS
from tests.reference_server.imap_dialogue import responses_in

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Mutations of one word or line.
_SPOILS = st.sampled_from(
    [
        lambda octets: octets,
        lambda octets: octets[:-1],
        lambda octets: octets * 3,
        lambda octets: octets.lower(),
        lambda octets: b"\0" + octets,
        lambda octets: octets + b"\xff",
        lambda octets: octets.replace(b"\r\n", b"\n"),
        lambda octets: octets.replace(b"1", b"18446744073709551616"),
        lambda octets: b'"' + octets + b'"',
        lambda octets: b"(" + octets + b")",
        lambda octets: b"{%d}\r\n%b" % (len(octets), octets),
        lambda octets: b"{%d+}\r\n%b" % (len(octets), octets),
        lambda octets: b"{%d+}\r\n%b" % (len(octets) + 7, octets),
    ]
)


@st.composite
def commands(draw: st.DrawFn, service: str) -> bytes:
    """A line that looks like a command of that service, right or wrong."""
    spoil = draw(_SPOILS)
    words = [draw(st.sampled_from(VERBS[service])), *draw(st.lists(st.sampled_from(WORDS[service]), max_size=4))]
    at = draw(st.integers(0, len(words) - 1))
    words[at] = spoil(words[at])
    if service == "imap":
        words.insert(0, draw(st.sampled_from([b"a1", b"tag", b"*", b"+", b""])))
    space = draw(st.sampled_from([b" ", b" ", b" ", b" ", b"  ", b"\t"]))
    return space.join(words) + draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n", b"\r", b""]))


@st.composite
def shaped_steps(draw: st.DrawFn, service: str) -> list[Step]:
    """An opening, then commands by ones and in groups, octets, and all that may happen beside."""
    groups = st.lists(commands(service), min_size=1, max_size=4).map(b"".join)
    octets = st.one_of(groups, groups, groups, st.sampled_from(WORDS[service]), st.binary(max_size=30))
    steps = st.one_of(octets.map(Feed), octets.map(Feed), octets.map(Feed), st.sampled_from(Happening))
    return [Feed(draw(st.sampled_from(OPENINGS[service]))), *draw(st.lists(steps, max_size=10))]


@pytest.mark.parametrize("service", CORES)
def test_the_dialogues_that_all_input_is_made_of_are_sessions_themselves(service: str) -> None:
    for dialogue in (*DIALOGUES.get(service, ()), *OPENINGS[service]):
        check(service, [Feed(dialogue), Happening.TLS_STARTED, Feed(dialogue)])
        check(service, [Feed(line) for line in dialogue.splitlines(keepends=True)])


@pytest.mark.parametrize("service", CORES)
@given(data=st.data())
@SOME
def test_commands_with_anything_wrong_in_them(service: str, data: st.DataObject) -> None:
    check(service, data.draw(shaped_steps(service)))


@pytest.mark.parametrize("service", CORES)
@given(pieces=st.lists(st.one_of(st.binary(max_size=120).map(Feed), st.sampled_from(Happening)), max_size=12))
@SOME
def test_octets_without_any_sense(service: str, pieces: list[Step]) -> None:
    check(service, pieces)


FLOODS = [
    b"x",
    b"\r",
    b"\n",
    b"\0",
    b"(",
    b'"',
    b"a b ",
    b"\r\n",
    b"a1 NOOP\r\n",
    b"NOOP\r\n",
    b"AAAA",
    b"{9999+}\r\n",
    b"=?",
]


@pytest.mark.parametrize("service", CORES)
@given(opening=st.data(), flood=st.sampled_from(FLOODS), more=st.sampled_from(FLOODS))
@settings(max_examples=8, deadline=None)
@example(opening=None, flood=b"x", more=b"\r\n")
def test_no_flood_fills_the_memory(service: str, opening: st.DataObject | None, flood: bytes, more: bytes) -> None:
    start = opening.draw(st.sampled_from(OPENINGS[service])) if opening else OPENINGS[service][-1]
    wave = flood * (65_536 // len(flood))
    play(service, [Feed(start), *[Feed(wave)] * 6, Feed(more)])


def test_the_measure_of_what_is_held_sees_every_buffer() -> None:
    session = Session("imap")
    before = held_octets(session.core)
    session.do(Feed(b"a LOGIN {5000+}\r\n" + b"x" * 4000))
    assert held_octets(session.core) >= before + 4000
    assert before < HELD_OCTETS


MESSAGES = st.one_of(
    st.lists(st.sampled_from(MESSAGE_WORDS) | st.binary(max_size=8), max_size=20).map(b"".join),
    st.lists(st.sampled_from(SEEDS), max_size=3).map(b"\r\n--b\r\n".join),
)


@given(octets=MESSAGES)
@SOME
def test_messages_with_anything_wrong_in_them(octets: bytes) -> None:
    for said in check_message(octets):
        for response in responses_in(said):
            assert not recognise(response), response


@given(opening=st.integers(0, 4), steps=shaped_steps("imap"))
@SOME
def test_a_session_written_as_octets_is_read_as_the_same_session(opening: int, steps: list[Step]) -> None:
    # Feeding nothing is no step that could be written down.
    steps = [step for step in steps if step != Feed(b"")]
    assert decoded("imap", encoded(opening, steps)) == [Feed(OPENINGS["imap"][opening]), *steps]


@pytest.mark.parametrize("target", TARGETS)
@given(octets=st.binary(max_size=60))
@settings(max_examples=10, deadline=None)
@example(octets=bytes([3, ESCAPE]))
def test_any_octets_are_an_input_for_every_target(target: str, octets: bytes) -> None:
    TARGETS[target](octets)
