"""How RFC texts are taken apart: pages, sections, sentences, key words; on made-up texts and on real ones."""

from __future__ import annotations

import re

import pytest

from tests.catalogue.rfc_sentences import digest, fold, level, level_words, sentences_of, split_sentences
from tests.catalogue.rfc_text import RFC_TEXTS, read_rfc, rfc_sections

needs_texts = pytest.mark.skipif(not RFC_TEXTS.is_dir(), reason=f"the RFC texts are not in {RFC_TEXTS}")

PAGED = """\ufeff
Network Working Group                                         A. Nobody

                               Of Kettles

Abstract

   Kettles MUST be abstract.

Table of Contents

   1. Introduction ....................................................1
   2. Kettles .........................................................2
2. Kettles . . . . . . . . . . . . . . . . . . . . . . . . . . . . .  2

1. Introduction

   A kettle MUST boil the water that was poured into it by the person


Nobody                      Standards Track                     [Page 1]
\f
RFC 9999                       Of Kettles                     April 2001


   who wants tea.  It is round.

2.1.  A Title so Long that It Needs
      Two Lines

   It has a spout:

   o  one that
      pours.  It SHOULD not drip.
   o  one
      only

Appendix B.  Spouts

   A spout is bent.

B.2.  Lids

   A lid MAY rattle.

Author's Address

   A. Nobody MUST NOT be visited.
"""


def texts(number: str) -> list[str]:
    return [each.text for each in read_rfc(PAGED)[number].sentences]


def test_pages_and_the_table_of_contents_leave_the_numbered_sections() -> None:
    assert list(read_rfc(PAGED)) == ["1", "2.1", "B", "B.2"]


def test_a_sentence_cut_by_a_page_is_whole() -> None:
    assert texts("1") == [
        "A kettle MUST boil the water that was poured into it by the person who wants tea.",
        "It is round.",
    ]


def test_list_items_are_units_of_their_own_without_their_marker() -> None:
    assert texts("2.1") == ["It has a spout:", "one that pours.", "It SHOULD not drip.", "one only"]


def test_appendices_are_sections_and_addresses_are_not() -> None:
    assert texts("B") == ["A spout is bent."]
    assert texts("B.2") == ["A lid MAY rattle."]


@pytest.mark.parametrize(
    "sentence",
    [
        "Use some word, e.g. HELO or i.e. EHLO vs. LHLO, here.",
        "See Section 4.5.2 and RFC 821 [1], etc. and the rest.",
        "It answers etc. Foo is not a new sentence here.",
        'The reply "250 OK. Go on" is sent.',
        'A line with a period (".") and "." again ends it.',
        "It is longer (this is why. It has a reason to be) than that.",
        "The value is 3.14 and the host is mail.example.com here.",
        "It waits ... Then is no sentence.",
        "1. Foo is an item.",
    ],
)
def test_such_a_full_stop_ends_no_sentence(sentence: str) -> None:
    assert split_sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("paragraph", "parts"),
    [
        ("See Section 4.5. The server waits.", ["See Section 4.5.", "The server waits."]),
        ("The limit is 64. It holds.", ["The limit is 64.", "It holds."]),
        ('It says "OK." Then it waits.', ['It says "OK."', "Then it waits."]),
        ("It ends. (So does this.) And on.", ["It ends.", "(So does this.)", "And on."]),
        ("Is it? Yes! \\Seen is a flag.", ["Is it?", "Yes!", "\\Seen is a flag."]),
        ("Lists, dots etc.  Then it goes on.", ["Lists, dots etc.", "Then it goes on."]),
        ('A stray " mark. It does not swallow.', ['A stray " mark.', "It does not swallow."]),
        ("A stray ( mark. It does not swallow.", ["A stray ( mark.", "It does not swallow."]),
    ],
)
def test_such_a_full_stop_ends_a_sentence(paragraph: str, parts: list[str]) -> None:
    assert split_sentences(paragraph) == parts


def test_a_display_does_not_break_the_sentence_around_it() -> None:
    lines = ["   It SHOULD return the code:", "", "   530 Go away first", "", "   to every command but one.  Done."]
    assert sentences_of(lines) == ["It SHOULD return the code: to every command but one.", "Done.", "530 Go away first"]


def test_lines_of_dialogue_are_units_of_their_own() -> None:
    lines = ["   Example:", "", "   C: NOOP", "   S: 250 OK. Fine", "   C: QUIT"]
    assert sentences_of(lines) == ["Example:", "C: NOOP", "S: 250 OK. Fine", "C: QUIT"]


def test_a_comment_in_a_grammar_is_whole() -> None:
    lines = [
        '   word = "a" / ";"  ; It MUST',
        "          ; be short.  It MAY",
        "          ; be long.",
        "   next = word",
    ]
    assert sentences_of(lines) == ['word = "a" / ";"', "It MUST be short.", "It MAY be long.", "next = word"]


def test_a_term_and_the_explanation_below_it_are_two() -> None:
    lines = ["      Restrictions:", "          may only be given first", "          of all.  Never later."]
    assert sentences_of(lines) == ["Restrictions:", "may only be given first of all.", "Never later."]


@pytest.mark.parametrize(
    ("sentence", "words", "strongest"),
    [
        ("It MUST NOT do so.", ("MUST NOT",), "MUST"),
        ("Clients MAY try, but MUST be prepared.", ("MAY", "MUST"), "MUST"),
        ("It is NOT RECOMMENDED, and OPTIONAL.", ("NOT RECOMMENDED", "OPTIONAL"), "SHOULD"),
        ("It is REQUIRED.", ("REQUIRED",), "MUST"),
        ("It SHALL NOT.", ("SHALL NOT",), "MUST"),
        ("They must and should and may; MUSTARD in MAYBE.", (), None),
        ('The key words "MUST", "SHOULD" and "MAY" are to be interpreted as in RFC 2119.', (), None),
        ("MUST (requirement term) ............ 5", (), None),
    ],
)
def test_key_words_are_those_in_capitals(sentence: str, words: tuple[str, ...], strongest: str | None) -> None:
    assert level_words(sentence) == words
    assert level(sentence) == strongest


def test_a_digest_does_not_depend_on_line_breaks() -> None:
    assert fold("a  b\n   c ") == "a b c"
    assert digest("a  b\n   c ") == digest("a b c")
    assert len(digest("a")) == 16


@needs_texts
def test_rset_discards_the_transaction_in_the_second_sentence_of_its_section() -> None:
    section = rfc_sections(5321)["4.1.1.5"]
    assert section.title == "RESET (RSET)"
    assert [each.level for each in section.sentences[:6]] == [None, "MUST", "MUST", None, None, "MUST"]
    assert section.sentences[1].text.startswith("Any stored sender")
    assert section.sentences[-1].text == 'rset = "RSET" CRLF'


@needs_texts
def test_size_limits_stand_in_sections_of_their_own() -> None:
    sections = rfc_sections(5321)
    below = [number for number in sections if number.startswith("4.5.3.1.")]
    assert below == [f"4.5.3.1.{n}" for n in range(1, 11)]
    assert [each.level for each in sections["4.5.3.1"].sentences] == [None, "MUST", "SHOULD", None, "MUST", *[None] * 3]


@needs_texts
def test_pop3_binds_mostly_without_key_words() -> None:
    section = rfc_sections(1939)["3"]
    assert [each.index for each in section.sentences if each.level] == [15, 32, 33, 35, 36]
    assert section.sentences[8].text == "Keywords are three or four characters long."
    assert len(section.sentences) == 38


@needs_texts
def test_a_text_without_pages_and_with_a_byte_order_mark_is_read_alike() -> None:
    sections = rfc_sections(9051)
    assert next(iter(sections)) == "1"
    assert sections["7.4.1"].title == "EXISTS Response"
    assert [each.level for each in sections["7.4.1"].sentences] == [None, None, None, "MUST", None, None]


def test_headings_without_numbers_are_counted_where_no_heading_has_one() -> None:
    kettles = """
                                  OF KETTLES

   A preface belongs to no section.

FIRST THINGS

   A kettle is round.

   THE "LID"

      It rattles.

   THE SPOUT

      It is bent.

LAST THINGS

   Kettles rust.
"""
    sections = read_rfc(kettles)
    assert [(each.number, each.title) for each in sections.values()] == [
        ("1", "FIRST THINGS"),
        ("1.1", 'THE "LID"'),
        ("1.2", "THE SPOUT"),
        ("2", "LAST THINGS"),
    ]
    assert [each.text for each in sections["1.2"].sentences] == ["It is bent."]
    assert read_rfc("A kettle without headings.\n") == {}


@needs_texts
def test_the_sections_of_telnet_are_counted() -> None:
    sections = rfc_sections(854)
    assert (sections["3"].title, sections["3.4"].title) == (
        "THE NETWORK VIRTUAL TERMINAL",
        "THE NVT PRINTER AND KEYBOARD",
    )
    assert len(sections) == 9


@needs_texts
@pytest.mark.parametrize(
    ("number", "explained"),
    # How many key words stand in the paragraph that explains them, and in RFC 3501's index.
    [(5321, 10), (1939, 0), (3207, 10), (3501, 16), (2449, 6), (2595, 7), (4616, 10), (4954, 10)],
)
def test_no_key_word_of_the_text_is_lost(number: int, explained: int) -> None:
    text = (RFC_TEXTS / f"rfc{number}.txt").read_text(encoding="utf-8-sig")
    kept = sum(len(each.words) for section in rfc_sections(number).values() for each in section.sentences)
    assert kept + explained == len(re.findall(r"\b(?:MUST|SHALL|SHOULD|REQUIRED|RECOMMENDED|MAY|OPTIONAL)\b", text))
