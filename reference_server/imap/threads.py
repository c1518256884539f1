"""Threading as a function of subjects, dates and message IDs: ORDEREDSUBJECT and REFERENCES (RFC 5256 §3).

No step recurses, and each takes time that goes with the messages and their references; for the one step that might not,
the search for loops, the work is counted and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reference_server.imap.subjects import Subject

STEPS_FOR_EACH = 200
"""How far ancestors are looked through for loops, on average over all messages.

Mail as people write it takes one or two steps a message. Where this is not enough, references lie, and what is left of
them is taken for loops.
"""


@dataclass(frozen=True, slots=True)
class Threadable:
    """What threading has to know of a message: `number` as the client is told it, `sent_s` for order."""

    number: int
    sent_s: int
    subject: Subject
    message_id: bytes | None = None
    references: tuple[bytes, ...] = ()


class Node:
    """A message in its thread; a dummy has none (RFC 5256 §3, REFERENCES step 1)."""

    __slots__ = ("children", "message", "parent", "set")

    def __init__(self, message: Threadable | None = None) -> None:
        self.message = message
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.set: Node = self  # towards the one that stands for all that were ever linked together

    @property
    def first(self) -> Threadable:
        """The message, or a dummy's first child (§3, steps 4 and 5)."""
        message = self.message or self.children[0].message
        assert message is not None
        return message


def _sent(node: Node) -> tuple[int, int]:
    return node.first.sent_s, node.first.number


def ordered_subject(messages: Iterable[Threadable]) -> list[Node]:
    """ORDEREDSUBJECT: by base subject, in each the first by date and all others below it, threads by their first."""
    roots: dict[str, Node] = {}
    for node in sorted(map(Node, messages), key=_sent):
        root = roots.setdefault(node.first.subject.base, node)
        if root is not node:
            root.children.append(node)
    return list(roots.values())


def by_references(messages: Sequence[Threadable]) -> list[Node]:
    """REFERENCES, in the six steps of RFC 5256 §3. The messages come in the order of their numbers."""
    roots = _pruned(_Linker(messages).roots())
    roots.sort(key=_sent)
    roots = _gathered_by_subject(roots)
    for node in _all_of(roots):
        node.children.sort(key=_sent)
    roots.sort(key=_sent)
    return roots


class _Linker:
    """Step 1: parents and children by message IDs."""

    def __init__(self, messages: Sequence[Threadable]) -> None:
        self._by_id: dict[bytes, Node] = {}
        nodes = [Node(message) for message in messages]
        for node, message in zip(nodes, messages, strict=True):
            # Of messages with one ID the first has it; the others, and those without, need none to be themselves.
            if message.message_id is not None:
                self._by_id.setdefault(message.message_id, node)
        self._nodes = nodes
        self._steps_left = STEPS_FOR_EACH * len(nodes)
        for node, message in zip(nodes, messages, strict=True):
            self._link(node, message.references)

    def roots(self) -> list[Node]:
        """Step 2: all that have no parent, their children told."""
        everyone = dict.fromkeys((*self._nodes, *self._by_id.values()))
        for node in everyone:
            if node.parent is not None:
                node.parent.children.append(node)
        return [node for node in everyone if node.parent is None]

    def _link(self, node: Node, references: tuple[bytes, ...]) -> None:
        before: Node | None = None
        for reference in references:
            named = self._by_id.get(reference)
            if named is None:
                named = self._by_id[reference] = Node()
            # 1.A: a parent that is known already stays.
            if before is not None and named.parent is None and not self._is_loop(before, named):
                self._join(before, named)
            before = named
        # 1.B: the last reference is the parent, whatever was thought before.
        if before is node.parent:
            return
        node.parent = None
        if before is not None and not self._is_loop(before, node):
            self._join(before, node)

    def _join(self, parent: Node, child: Node) -> None:
        child.parent = parent
        _representative(child).set = _representative(parent)

    def _is_loop(self, parent: Node, child: Node) -> bool:
        """Whether the parent descends from the child, or is it.

        That takes a walk through all ancestors only if the two were ever linked, however indirectly.
        """
        if _representative(parent) is not _representative(child):
            return False
        ancestor: Node | None = parent
        while ancestor is not None and ancestor is not child:
            if self._steps_left <= 0:
                return True
            self._steps_left -= 1
            ancestor = ancestor.parent
        return ancestor is child


def _representative(node: Node) -> Node:
    while node.set is not node:
        node.set = node.set.set
        node = node.set
    return node


def _pruned(roots: Iterable[Node]) -> list[Node]:
    """Step 3: dummies go, and their children take their place; under the root only if there is but one."""
    kept: list[Node] = []
    for root in roots:
        root.children = _nearest_messages(root)
        if root.message is not None or len(root.children) > 1:
            kept.append(root)
        else:
            kept += root.children
    for node in _all_of(kept):
        if node.message is not None:
            node.children = _nearest_messages(node)
    return kept


def _nearest_messages(node: Node) -> list[Node]:
    """The messages below a node with nothing but dummies in between."""
    found: list[Node] = []
    waiting = list(node.children)
    while waiting:
        below = waiting.pop()
        if below.message is None:
            waiting += below.children
        else:
            found.append(below)
    found.sort(key=_sent)
    return found


def _all_of(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node; its children are looked at after it was given out, so that they may be changed."""
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def _gathered_by_subject(roots: list[Node]) -> list[Node]:
    """Step 5: threads with one base subject become one."""
    table: dict[str, Node] = {}
    for node in roots:
        known = table.setdefault(node.first.subject.base, node)
        if known.message is not None and (node.message is None or (_is_reply(known) and not _is_reply(node))):
            table[node.first.subject.base] = node
    gathered: dict[Node, None] = dict.fromkeys(roots)
    for node in roots:
        base = node.first.subject.base
        known = table[base]
        if base == "" or known is node:
            continue
        if known.message is None:
            known.children += [node] if node.message is not None else node.children
            del gathered[node]
        elif _is_reply(node) and not _is_reply(known):
            known.children.append(node)
            del gathered[node]
        else:
            dummy = Node()
            dummy.children = [known, node]
            del gathered[known], gathered[node]
            gathered[dummy] = None
            table[base] = dummy
    return list(gathered)


def _is_reply(node: Node) -> bool:
    return node.first.subject.is_reply


def rendered(roots: Iterable[Node]) -> bytes:
    """`1*thread-list`: a row of numbers is a line of descent, parentheses are siblings (RFC 5256 §4)."""
    pieces: list[bytes] = []
    waiting: list[Node | bytes] = []
    for root in roots:
        waiting += (b")", root, b"(")
        while waiting:
            node = waiting.pop()
            if isinstance(node, bytes):
                pieces.append(node)
                continue
            if node.message is not None:
                pieces.append(b"%d" % node.message.number)
                if node.children:
                    pieces.append(b" ")
            if len(node.children) == 1:
                waiting.append(node.children[0])
            else:
                for child in reversed(node.children):
                    waiting += (b")", child, b"(")
    return b"".join(pieces)
