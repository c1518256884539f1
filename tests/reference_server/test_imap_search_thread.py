"""THREAD by ORDEREDSUBJECT and REFERENCES (RFC 5256 §3), against a second, slow reading of the RFC."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from reference_server.imap.messageids import MAX_REFERENCES, message_ids
from reference_server.imap.subjects import Subject
from reference_server.imap.threads import Threadable, by_references, ordered_subject, rendered
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, inbox, new_store, selected

MANY = settings(max_examples=300, deadline=None)


@dataclass(eq=False)
class Slow:
    """A node of the slow reading."""

    message: Threadable | None = None
    parent: Slow | None = None
    children: list[Slow] = field(default_factory=list)

    @property
    def first(self) -> Threadable:
        """The message or the first child's."""
        found = self.message or self.children[0].message
        assert found is not None
        return found


def key(node: Slow) -> tuple[int, int]:
    """Order among siblings."""
    return node.first.sent_s, node.first.number


def link(parent: Slow, child: Slow) -> None:
    """Make a link unless that makes a loop."""
    ancestor: Slow | None = parent
    while ancestor is not None:
        if ancestor is child:
            return
        ancestor = ancestor.parent
    child.parent = parent
    parent.children.append(child)


def prune(node: Slow, *, under_root: bool) -> list[Slow]:
    """What takes the node's place."""
    node.children = [kept for child in node.children for kept in prune(child, under_root=False)]
    if node.message is not None or (under_root and len(node.children) > 1):
        return [node]
    return node.children


def slowly_by_references(messages: list[Threadable]) -> str:
    """REFERENCES as the six steps have it."""
    table: dict[object, Slow] = {}
    own: list[Slow] = []
    for message in messages:
        name: object = message.message_id
        if name is None or name in table:
            name = object()
        table[name] = Slow(message)
        own.append(table[name])
    for node in own:  # (1)
        assert node.message is not None
        row = [table.setdefault(reference, Slow()) for reference in node.message.references]
        for before, after in pairwise(row):
            if after.parent is None:
                link(before, after)
        if node.parent is not None:
            node.parent.children.remove(node)
            node.parent = None
        if row:
            link(row[-1], node)
    roots = [
        kept for node in table.values() if node.parent is None for kept in prune(node, under_root=True)
    ]  # (2), (3)
    for root in roots:
        if root.message is None:
            root.children.sort(key=key)
    roots.sort(key=key)  # (4)
    subjects: dict[str, Slow] = {}
    for root in roots:  # (5) B
        base = root.first.subject.base
        if base == "":
            continue
        known = subjects.get(base)
        if known is None or (
            known.message is not None
            and (root.message is None or (known.message.subject.is_reply and not root.message.subject.is_reply))
        ):
            subjects[base] = root
    for root in list(roots):  # (5) C
        base = root.first.subject.base
        if base == "" or subjects[base] is root:
            continue
        known = subjects[base]
        roots.remove(root)
        if known.message is None and root.message is None:
            known.children += root.children
        elif known.message is None or (root.first.subject.is_reply and not known.first.subject.is_reply):
            known.children.append(root)
        else:
            roots[roots.index(known)] = subjects[base] = Slow(children=[known, root])

    def sort(nodes: list[Slow]) -> None:
        for node in nodes:
            sort(node.children)
        nodes.sort(key=key)

    sort(roots)  # (6)

    def shown(node: Slow) -> str:
        number = str(node.message.number) if node.message else ""
        if len(node.children) == 1:
            return f"{number} {shown(node.children[0])}"
        below = "".join(f"({shown(child)})" for child in node.children)
        return f"{number} {below}".strip() if below else number

    return "".join(f"({shown(root)})" for root in roots)


def threadables() -> st.SearchStrategy[list[Threadable]]:
    """Mailboxes of few messages, IDs and subjects, so that all of them meet."""
    ids = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"])
    one = st.tuples(
        st.integers(0, 4),
        st.builds(Subject, st.sampled_from(["", "x", "y"]), st.booleans()),
        st.none() | ids,
        st.lists(ids, max_size=4).map(tuple),
    )
    return st.lists(one, max_size=9).map(lambda rows: [Threadable(number, *row) for number, row in enumerate(rows, 1)])


@given(messages=threadables())
@example([Threadable(1, 0, Subject("", False), b"a", (b"b",)), Threadable(2, 0, Subject("", False), b"b", (b"a",))])
@MANY
def test_references_are_threaded_as_the_steps_have_it(messages: list[Threadable]) -> None:
    threaded = rendered(by_references(messages)).decode()
    assert threaded == slowly_by_references(messages)
    assert sorted(map(int, re.findall("[0-9]+", threaded))) == [message.number for message in messages]
    assert not recognise(f"* THREAD {threaded}\r\n".encode() if threaded else b"* THREAD\r\n")


@given(messages=threadables())
@MANY
def test_subjects_in_order_have_no_grandchildren(messages: list[Threadable]) -> None:
    roots = ordered_subject(messages)
    firsts = [(root.first.sent_s, root.first.number) for root in roots]
    assert firsts == sorted(firsts)
    assert len({root.first.subject.base for root in roots}) == len(roots)
    for root in roots:
        assert all(child.first.subject.base == root.first.subject.base for child in root.children)
        dates = [(node.first.sent_s, node.first.number) for node in (root, *root.children)]
        assert dates == sorted(dates)
    threaded = rendered(roots)
    assert sorted(map(int, re.findall(rb"[0-9]+", threaded))) == [message.number for message in messages]
    assert re.fullmatch(rb"(\([0-9]+( [0-9]+| (\([0-9]+\)){2,})?\))*", threaded)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b>", [b"a@b"]),
        (b'<"01KF8JCEOCBS0045PS"@xxx.yyy.com>', [b"01KF8JCEOCBS0045PS@xxx.yyy.com"]),
        (b'<"a\\"b"@c> <d@[e]>\t<f@g>', [b'a"b@c', b"d@[e]", b"f@g"]),
        (b"text <a@b> (<c@d>) more", [b"a@b"]),
        (b"<no-at-sign> <a@b", []),
        (b"< a@b >", [b"a@b"]),
        (b"a@b", []),
        (b"", []),
    ],
)
def test_message_ids_are_compared_without_their_quoting(value: bytes, ids: list[bytes]) -> None:
    assert message_ids(value) == ids


def test_the_nearest_ancestors_count_where_there_are_too_many() -> None:
    ids = message_ids(b" ".join(b"<%d@x>" % number for number in range(MAX_REFERENCES + 5)))
    assert ids[0] == b"5@x"
    assert len(ids) == MAX_REFERENCES


MAIL = [
    # subject, Message-ID, further fields
    ("hello", "a@x", ""),
    ("Re: hello", "b@x", "References: <a@x>"),
    ("Re: hello", "c@x", "In-Reply-To: <b@x> and <z@x>\r\nReferences: nothing"),
    ("other", "d@x", "References: <gone@x>"),
    ("more", "e@x", "References: <gone@x>"),
    ("hello", "f@x", ""),
    ("alone", "a@x", ""),
]


@pytest.fixture
def store() -> MemoryStore:
    """UIDs 2 to 8."""
    store = new_store()
    inbox(store).append(b"x")
    for subject, name, more in MAIL:
        inbox(store).append(
            f"Subject: {subject}\r\nMessage-ID: <{name}>\r\n{more}\r\n\r\n".encode(), internal_date=NOON
        )
    inbox(store).expunge([1])
    return store


def test_thread_answers_by_number_and_by_uid(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a THREAD REFERENCES UTF-8 ALL
        S: * THREAD ((1 2 3)(6))((4)(5))(7)
        S: a OK THREAD completed
        C: b UID THREAD references "UTF-8" ALL
        S: * THREAD ((2 3 4)(7))((5)(6))(8)
        S: b OK THREAD completed
        C: c THREAD ORDEREDSUBJECT US-ASCII ALL
        S: * THREAD (1 (2)(3)(6))(4)(5)(7)
        S: c OK THREAD completed
        C: d THREAD REFERENCES UTF-8 2:3
        S: * THREAD (2 3)
        S: d OK THREAD completed
        C: e THREAD ORDEREDSUBJECT US-ASCII TEXT "not there"
        S: * THREAD
        S: e OK THREAD completed
        """
    )


def test_threads_that_cannot_be_made(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a THREAD REFS UTF-8 ALL
        S: a BAD no such threading algorithm
        C: b THREAD REFERENCES X-NONE ALL
        S: b NO [BADCHARSET (US-ASCII UTF-8)] charset not supported
        C: c THREAD REFERENCES UTF-8
        S: c BAD expected one space
        C: d THREAD REFERENCES ALL
        S: d BAD expected one space
        C: e THREAD REFERENCES UTF-8 ALL )
        S: e BAD expected a sequence set
        """
    )


def test_thread_by_number_tells_of_no_expunges(store: MemoryStore) -> None:
    client = selected(store)
    inbox(store).expunge([3])
    client.play(
        """
        C: a THREAD ORDEREDSUBJECT UTF-8 1:3
        S: * THREAD (1 3)
        S: a OK THREAD completed
        C: b UID THREAD ORDEREDSUBJECT UTF-8 1:3
        S: * THREAD (2 4)
        S: * 2 EXPUNGE
        S: b OK THREAD completed
        """
    )


NO_SUBJECT = Subject("", is_reply=False)


def hostile(kind: str, count: int) -> list[Threadable]:
    """Mailboxes that are hard to thread."""
    numbers = range(1, count + 1)
    name = [b"%d" % number for number in range(count + 2)]
    if kind == "a chain":
        return [Threadable(n, n, NO_SUBJECT, name[n], (name[n - 1],)) for n in numbers]
    if kind == "a chain backwards":
        return [Threadable(n, n, NO_SUBJECT, name[n], (name[n + 1],)) for n in numbers]
    if kind == "parents that keep changing":
        return [Threadable(n, n, NO_SUBJECT, name[n % 1000], (name[1], name[(n * 7) % 1000])) for n in numbers]
    if kind == "a long chain and doubts about it":
        half = count // 2
        chain = [Threadable(n, n, NO_SUBJECT, b"m%d" % n, (name[n], name[n + 1])) for n in range(1, half)]
        doubts = [Threadable(n, n, NO_SUBJECT, name[n - half], (name[half - 1],)) for n in range(half, count)]
        return chain + doubts
    if kind == "dummies below dummies":
        return [Threadable(n, n, NO_SUBJECT, None, tuple(name[max(0, n - 3) : n])) for n in numbers]
    if kind == "one subject":
        return [Threadable(n, -n, Subject("x", n % 3 == 0), name[n]) for n in numbers]
    assert kind == "one ID"
    return [Threadable(n, n, NO_SUBJECT, b"x", (b"x", b"y", b"x")) for n in numbers]


@pytest.mark.parametrize(
    "kind",
    [
        "a chain",
        "a chain backwards",
        "parents that keep changing",
        "a long chain and doubts about it",
        "dummies below dummies",
        "one subject",
        "one ID",
    ],
)
def test_threading_takes_linear_time(kind: str) -> None:
    messages = hostile(kind, 20_000)
    started = time.process_time()
    for algorithm in (by_references, ordered_subject):
        threaded = rendered(algorithm(messages))
        assert len(re.findall(rb"[0-9]+", threaded)) == len(messages)
    # Walking up chains of ten thousand for each message would take minutes.
    assert time.process_time() - started < 20
