"""ABNF (RFC 5234) as values: the `abnf` package reads the text, this module keeps what it read.

The package's own parser objects show no children when its compiled backend is installed, so rules are taken as text and
parsed with the package's grammar of ABNF itself. That is also the only place where ABNF is parsed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_CORE = (
    # RFC 5234 appendix B.1, as far as IMAP uses it.
    "ALPHA = %x41-5A / %x61-7A",
    "DIGIT = %x30-39",
    "SP = %x20",
    "DQUOTE = %x22",
)


class GrammarFaultError(Exception):
    """A rule cannot be compiled: a fault of the grammar text in this package, never of a server."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One octet out of a set."""

    octets: frozenset[int]


@dataclass(frozen=True, slots=True)
class Word:
    """A literal word; ABNF strings ignore case (RFC 5234 §2.3)."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A rule named in another; names ignore case."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of these."""

    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """At least `low` and at most `high` (None: any number) of one expression."""

    item: Expr
    low: int
    high: int | None


Expr = Chars | Word | Ref | Sequence | Choice | Repeat


class RuleBook:
    """Rules by name, parsed when first asked for.

    A later `=` replaces an earlier rule, `=/` adds an alternative to it (RFC 5234 §3.3).
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._texts: dict[str, list[str]] = {}
        self._parsed: dict[str, Expr] = {}
        for source in (*_CORE, *sources):
            name, sign, _ = source.partition("=")
            key = name.strip().casefold()
            if not sign:
                raise GrammarFaultError(f"not a rule: {source!r}")
            added = source[len(name) + 1 : len(name) + 2] == "/"
            self._texts[key] = [*self._texts.get(key, []), source] if added else [source]

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._texts

    def __getitem__(self, name: str) -> Expr:
        """The definition of a rule; raises `GrammarFaultError` for an unknown name."""
        key = name.casefold()
        if key not in self._parsed:
            if key not in self._texts:
                raise GrammarFaultError(f"rule {name} is used but nowhere defined")
            self._parsed[key] = _choice([_parse_rule(text) for text in self._texts[key]])
        return self._parsed[key]


def _parse_rule(text: str) -> Expr:
    from abnf.parser import ABNFGrammarRule  # slow to import: only when a grammar is built

    return _read(ABNFGrammarRule("rule").parse_all(text.strip() + "\r\n"))


def _read(node: object) -> Expr:
    """Turn one node of the package's ABNF parse tree into a value."""
    name, value = getattr(node, "name"), getattr(node, "value")  # noqa: B009 - two backends, no common static type
    children = [c for c in getattr(node, "children") if c.name not in _LAYOUT]  # noqa: B009
    match name:
        case "rule":
            return _read(next(c for c in children if c.name == "elements"))
        case "elements" | "element" | "group":
            return _read(children[0])
        case "alternation":
            return _choice([_read(c) for c in children])
        case "concatenation":
            parts = tuple(_read(c) for c in children)
            return parts[0] if len(parts) == 1 else Sequence(parts)
        case "option":
            return Repeat(_read(children[0]), 0, 1)
        case "repetition":
            item = _read(children[-1])
            return item if len(children) == 1 else Repeat(item, *_bounds(children[0].value))
        case "rulename":
            return Ref(value.casefold())
        case "char-val":
            text = value.split('"')[1]
            return Chars(frozenset({ord(text.lower()), ord(text.upper())})) if len(text) == 1 else Word(text)
        case "num-val":
            return _octets(value)
    raise GrammarFaultError(f"cannot compile {name}: {value!r}")


_LAYOUT = frozenset({"c-wsp", "c-nl", "literal", "defined-as", "WSP"})


def _bounds(text: str) -> tuple[int, int | None]:
    low, star, high = text.partition("*")
    if not star:
        return int(low), int(low)
    return int(low or 0), int(high) if high else None


def _octets(text: str) -> Expr:
    """A value such as %x21-22 or %x41.42 (RFC 5234 §2.3)."""
    base = {"x": 16, "d": 10, "b": 2}[text[1].lower()]
    first, dash, last = text[2:].partition("-")
    if dash:
        return Chars(frozenset(range(int(first, base), int(last, base) + 1)))
    parts = tuple(Chars(frozenset({int(one, base)})) for one in first.split("."))
    return parts[0] if len(parts) == 1 else Sequence(parts)


def _choice(options: list[Expr]) -> Expr:
    return options[0] if len(options) == 1 else Choice(tuple(options))
