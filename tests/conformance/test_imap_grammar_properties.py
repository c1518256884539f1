"""Properties of the recogniser: generated responses are accepted, damaged ones are not, and `abnf` itself agrees."""

import json
import re
from importlib.metadata import version

import pytest
from abnf.grammars import rfc9051
from abnf.parser import ParseError
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from conformance.wire.imap_grammar.building import built
from conformance.wire.imap_grammar.compiled import COMPILED, written_compiled
from conformance.wire.imap_grammar.compiler import Compiler
from conformance.wire.imap_grammar.recogniser import matchers
from conformance.wire.imap_grammar.rules import BUT_NOT, NUMERIC, RESTATED, WIDENED
from conformance.wire.imap_grammar.syntax import GrammarFaultError, RuleBook

ATOM_CHARS = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '(){%*"\\]')


def atoms() -> st.SearchStrategy[bytes]:
    """Atoms that are not NIL, of every atom character (RFC 9051 §9)."""
    return st.text(ATOM_CHARS, min_size=1, max_size=8).map(str.encode).filter(lambda a: a.upper() != b"NIL")


def quoted_strings() -> st.SearchStrategy[bytes]:
    """Quoted strings with escapes and UTF-8."""
    inside = st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"])
    return st.text(inside, max_size=6).map(lambda t: re.sub(r'(["\\])', r"\\\1", t)).map(lambda t: f'"{t}"'.encode())


def literals() -> st.SearchStrategy[bytes]:
    """Literals of any octet but NUL."""
    return st.binary(max_size=8).map(lambda b: b.replace(b"\x00", b"(")).map(lambda b: b"{%d}\r\n%s" % (len(b), b))


def strings() -> st.SearchStrategy[bytes]:
    """Quoted strings and literals."""
    return quoted_strings() | literals()


def nstrings() -> st.SearchStrategy[bytes]:
    """Strings or NIL."""
    return st.just(b"NIL") | strings()


def numbers(low: int = 0) -> st.SearchStrategy[bytes]:
    """Numbers of 32 bits."""
    return st.integers(low, 2**32 - 1).map(lambda n: b"%d" % n)


def spaced(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The parts with one space between."""
    return st.tuples(*parts).map(b" ".join)


def bracketed(inside: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """In parentheses."""
    return inside.map(lambda b: b"(" + b + b")")


def listed(item: st.SearchStrategy[bytes], *, low: int = 0, between: bytes = b" ") -> st.SearchStrategy[bytes]:
    """A parenthesised list."""
    return bracketed(st.lists(item, min_size=low, max_size=3).map(between.join))


def envelopes() -> st.SearchStrategy[bytes]:
    """ENVELOPE values."""
    people = st.just(b"NIL") | listed(bracketed(spaced(*[nstrings()] * 4)), low=1, between=b"")
    return bracketed(spaced(nstrings(), nstrings(), *[people] * 6, nstrings(), nstrings()))


def parameters() -> st.SearchStrategy[bytes]:
    """Body parameter lists."""
    return st.just(b"NIL") | listed(spaced(strings(), strings()), low=1)


def tails() -> st.SearchStrategy[bytes]:
    """Extension data at the end of a body, any prefix of it, with its leading space."""
    disposition = st.just(b"NIL") | bracketed(spaced(strings(), parameters()))
    fields = st.tuples(disposition, nstrings() | listed(strings(), low=1), nstrings(), numbers())
    return st.tuples(fields, st.integers(0, 4)).map(lambda d: b"".join(b" " + f for f in d[0][: d[1]]))


def bodies() -> st.SearchStrategy[bytes]:
    """BODYSTRUCTURE values of every kind."""
    fields = spaced(parameters(), nstrings(), nstrings(), strings(), numbers())
    md5 = st.just(b"") | st.tuples(nstrings().map(b" ".__add__), tails()).map(b"".join)
    images = st.tuples(spaced(st.just(b'"IMAGE"'), strings(), fields), md5).map(b"".join)
    texts = st.tuples(spaced(st.just(b'"text"'), strings(), fields, numbers()), md5).map(b"".join)

    def compound(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        tail = st.just(b"") | st.tuples(parameters().map(b" ".__add__), tails()).map(b"".join)
        parts = st.lists(inner, min_size=1, max_size=3).map(b"".join)
        multipart = st.tuples(spaced(parts, strings()), tail).map(b"".join)
        mail = spaced(st.just(b'"MESSAGE" "RFC822"'), fields, envelopes(), inner, numbers())
        return bracketed(multipart | mail)

    return st.recursive(bracketed(images | texts), compound, max_leaves=3)


def flags() -> st.SearchStrategy[bytes]:
    """Flags and keywords, without \\Recent."""
    system = atoms().map(b"\\".__add__).filter(lambda f: f.upper() != b"\\RECENT")
    return atoms() | system


def fetch_items() -> st.SearchStrategy[bytes]:
    """One FETCH item with its value."""
    sections = st.sampled_from([b"", b"1", b"2.1.MIME", b"TEXT", b"HEADER.FIELDS (a {1}\r\nb)"])
    return st.one_of(
        listed(flags() | st.just(b"\\Recent")).map(b"FLAGS ".__add__),
        numbers(1).map(b"UID ".__add__),
        st.integers(0, 2**63 - 1).map(lambda n: b"RFC822.SIZE %d" % n),
        envelopes().map(b"ENVELOPE ".__add__),
        bodies().map(b"BODYSTRUCTURE ".__add__),
        st.tuples(sections, nstrings()).map(lambda s: b"BODY[%s] %s" % s),
        st.integers(1, 2**63 - 1).map(lambda n: b"MODSEQ (%d)" % n),
    )


def data_responses() -> st.SearchStrategy[bytes]:
    """Untagged data responses."""
    mailboxes = atoms() | strings()
    status = st.tuples(st.sampled_from([b"MESSAGES", b"UNSEEN", b"RECENT"]), numbers()).map(b" ".join)
    delimiters = st.sampled_from([b"NIL", b'"/"', b'"\\""', b'"."'])
    return st.one_of(
        listed(fetch_items(), low=1).map(b"7 FETCH ".__add__),
        numbers().map(lambda n: n + b" EXISTS"),
        numbers(1).map(lambda n: n + b" EXPUNGE"),
        listed(flags()).map(b"FLAGS ".__add__),
        spaced(st.just(b"LIST ()"), delimiters, mailboxes),
        spaced(st.just(b"STATUS"), mailboxes, listed(status)),
        st.lists(numbers(1)).map(lambda n: b" ".join([b"SEARCH", *n])),
        listed(spaced(strings(), nstrings())).map(b"ID ".__add__),
        st.lists(atoms(), max_size=3).map(lambda a: b" ".join([b"CAPABILITY", *a, b"IMAP4rev1"])),
    ).map(lambda b: b"* " + b + b"\r\n")


@settings(deadline=None)  # the first example also builds the grammar
@given(raw=data_responses())
def test_a_generated_response_is_accepted(raw: bytes) -> None:
    assert recognise(raw) == ()


def structure(raw: bytes) -> list[int]:
    """Offsets of spaces, parentheses and line ends that are neither in a string nor at a literal's count."""
    places, at = [], 1
    while at < len(raw):
        literal = re.compile(rb"\{([0-9]+)\}\r\n").match(raw, at)
        quoted = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL).match(raw, at)
        if literal is not None:
            at = literal.end() + int(literal[1])
        elif quoted is not None:
            at = quoted.end()
        else:
            places += [at] if raw[at : at + 1] in b" ()\r\n" else []
            at += 1
    return places


@settings(deadline=None)  # the first example also builds the grammar
@given(raw=data_responses(), data=st.data())
def test_one_octet_too_many_in_the_structure_is_convicted(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(structure(raw)))
    extra = data.draw(st.sampled_from([b" ", b"(", b")", b"\x00", b"\r", b"\n"]))
    found = recognise(raw[:at] + extra + raw[at:])
    assert found
    assert any(d.proven for d in found)


@settings(deadline=None)  # the first example also builds the grammar
@given(raw=data_responses(), data=st.data())
def test_a_parenthesis_or_line_end_too_few_is_convicted(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([p for p in structure(raw) if raw[p : p + 1] in b"()\r\n"]))
    found = recognise(raw[:at] + raw[at + 1 :])
    assert any(d.proven for d in found)


@settings(deadline=None)  # the first example also builds the grammar
@given(raw=data_responses(), data=st.data())
def test_a_control_octet_in_place_of_structure_is_convicted(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(structure(raw)))
    octet = data.draw(st.sampled_from([b"\x00", b"\x01", b"\x7f", b"\t"]))
    assert any(d.proven for d in recognise(raw[:at] + octet + raw[at + 1 :]))


@settings(deadline=None)  # the first example also builds the grammar
@given(raw=st.binary(max_size=60) | data_responses().map(lambda b: b[: len(b) // 2]))
def test_garbage_gets_an_answer_and_never_an_exception(raw: bytes) -> None:
    assert isinstance(recognise(raw), tuple)
    assert isinstance(recognise(b"* " + raw + b"\r\n"), tuple)
    assert all(0 <= d.at <= len(raw) for d in recognise(raw))


@settings(deadline=None)
@given(size=st.integers(0, 60), content=st.binary(max_size=30).map(lambda b: b.replace(b"\x00", b"a")))
def test_a_literal_whose_count_is_off_is_convicted(size: int, content: bytes) -> None:
    raw = b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\n" % (size, content)
    # The count may happen to end where the grammar can go on; then the response is another, legal one.
    rest = (content + b")")[size:]
    if size == len(content):
        assert recognise(raw) == ()
    elif size > len(content) or not rest.startswith((b" ", b")")):
        assert any(d.proven for d in recognise(raw))


def abnf_accepts(raw: bytes) -> bool:
    """The verdict of the package's own parser, which knows RFC 9051 only and cannot count literals."""
    try:
        rfc9051.Rule("response-data").parse_all(raw.decode("latin-1"))
    except ParseError:
        return False
    return True


def without_literals(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Those of the values that have no literal in them and are short enough for a slow parser."""
    return values.map(lambda v: re.sub(rb"\{[0-9]+\}\r\n[^ ()]*", b'"x"', v)).filter(
        lambda v: b"{" not in v and len(v) < 500
    )


@st.composite
def damaged(draw: st.DrawFn, values: st.SearchStrategy[bytes]) -> bytes:
    """Values with at most one short piece replaced by something that matters to the grammar."""
    value = draw(values)
    at = draw(st.integers(0, len(value)))
    piece = draw(st.sampled_from([b"", b" ", b"(", b")", b"NIL", b'"', b"1", b"()", b"-", b" NIL", b'"TEXT"', b"\\"]))
    return value[:at] + piece + value[at + draw(st.integers(0, 3)) :]


@settings(deadline=None)
@given(value=damaged(without_literals(envelopes())))
def test_the_package_and_its_compiled_rules_agree_on_envelopes(value: bytes) -> None:
    raw = b"* 1 FETCH (ENVELOPE " + value + b")\r\n"
    assert (recognise(raw) == ()) == abnf_accepts(raw)


@settings(deadline=None)
@given(value=damaged(without_literals(bodies())))
def test_the_package_accepts_every_body_that_its_compiled_rules_accept(value: bytes) -> None:
    # Not the other way round: the package takes TEXT without a line count and numbers of any size.
    raw = b"* 1 FETCH (BODYSTRUCTURE " + value + b")\r\n"
    assert abnf_accepts(raw) or recognise(raw) != ()


@pytest.mark.parametrize(
    "line",
    [
        "* 3 EXISTS", "* 3 EXISTS ", "* 3  EXISTS", "* x EXISTS", "* 0 EXPUNGE", "* 2 EXPUNGE", "* FLAGS ()",
        "* FLAGS (\\Seen a)", "* FLAGS (\\Seen  a)", "* SEARCH", "* SEARCH ", "* SEARCH 2 3", "* SEARCH 0",
        '* LIST () "/" a', "* LIST () NIL a]b", "* LIST () / a", "* STATUS a (MESSAGES 3)", "* STATUS a (UIDNEXT 0)",
        "* STATUS a (MESSAGES 3 )", "* OK x", "* OK", "* OK ", "* BYE x", "* CAPABILITY IMAP4rev2 A B",
        "* CAPABILITY IMAP4rev2 ", "* ENABLED", "* 4 FETCH (UID 5 FLAGS (\\Recent))", "* 4 FETCH (UID 5 )",
        '* NAMESPACE (("" "/")) NIL NIL', "* NAMESPACE NIL NIL", "* ESEARCH UID COUNT 3", "* ESEARCH COUNT",
    ],
)  # fmt: skip
def test_the_package_and_its_compiled_rules_agree(line: str) -> None:
    raw = line.encode() + b"\r\n"
    assert (recognise(raw) == ()) == abnf_accepts(raw)


def test_the_package_has_the_atom_characters_of_the_rfc() -> None:
    # Older versions took the atom of RFC 5322; a wrong one here would convict correct servers.
    compiler = Compiler(RuleBook(rfc9051.Rule.grammar), {}, {})
    pattern = compiler.plain("ATOM-CHAR")
    assert "".join(c for c in map(chr, range(256)) if pattern.fullmatch(c)) == ATOM_CHARS


@pytest.mark.parametrize(
    ("name", "highest"), [("number", 2**32 - 1), ("number64", 2**63 - 1), ("mod-sequence-value", 2**63 - 1)]
)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_number_is_in_range_exactly_up_to_its_limit(name: str, highest: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, highest * 3) | st.integers(highest - 3, highest + 3))
    low = 1 if name.startswith("mod") else 0
    assert bool(re.fullmatch(NUMERIC[name], str(number))) == (low <= number <= highest)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (['x = "(" "a"'], "never closed"),
        (["x = %x20-7F"], "unpaired structure"),
        (['x = "a" [x]'], "recurses"),
        (["x = y"], "nowhere defined"),
        (["x = <prose>"], "cannot compile"),
    ],
)
def test_a_rule_that_cannot_be_compiled_exactly_is_refused(rules: list[str], why: str) -> None:
    with pytest.raises(GrammarFaultError, match=why):
        Compiler(RuleBook(rules), {}, {}).folded("x")


def test_a_source_without_a_definition_is_refused() -> None:
    with pytest.raises(GrammarFaultError, match="not a rule"):
        RuleBook(["nonsense"])


def test_recursion_through_a_bracket_is_compiled() -> None:
    compiler = Compiler(RuleBook(['x = "(" *x ")" / 2%x41.42']), {}, {})
    assert compiler.folded("x").fullmatch("ABAB")
    assert len(compiler.parens) == 1


def test_every_rule_named_in_an_exclusion_exists_and_is_used() -> None:
    book = RuleBook([*rfc9051.Rule.grammar, *RESTATED, *WIDENED])
    everything = " ".join([*rfc9051.Rule.grammar, *RESTATED, *WIDENED])
    for rule, excluded in BUT_NOT.items():
        assert rule in book
        assert excluded in book
        assert len(re.findall(rf"(?<![\w-]){re.escape(rule)}(?![\w-])", everything, re.IGNORECASE)) > 1


def test_the_grammar_is_built_once() -> None:
    assert matchers() is matchers()


def test_the_compiled_grammar_is_what_its_rules_come_to() -> None:
    recorded = json.loads(COMPILED.read_bytes())["abnf"]
    if version("abnf") != recorded:
        pytest.skip(f"compiled.json was made of the rules of abnf {recorded}, and {version('abnf')} is installed")
    assert written_compiled(built(), abnf_version=recorded) == COMPILED.read_bytes()
