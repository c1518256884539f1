"""What the judge generates by RFC 5321 §4.1.2, read by the server's own grammar, which shares no code with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from conformance.smtp.strategies_commands import address_literals
from conformance.smtp.strategies_grammar import BROKEN_PARAMETERS, BROKEN_PATHS, mailboxes_below
from reference_server.smtp.grammar import (
    SyntaxProblem,
    parse_greeting,
    parse_parameters,
    parse_reverse_path,
    split_path,
)


@settings(max_examples=50)
@given(mailbox=mailboxes_below("client.example"))
def test_generated_mailboxes_are_in_the_grammar(mailbox: str) -> None:
    assert parse_reverse_path(f"<{mailbox}>".encode()).domain.endswith("client.example")


@settings(max_examples=50)
@given(literal=address_literals())
def test_generated_literals_are_in_the_grammar(literal: str) -> None:
    assert parse_greeting(literal.encode()) == literal


@pytest.mark.parametrize("pattern", BROKEN_PATHS)
def test_broken_paths_are_outside_the_grammar(pattern: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse_reverse_path(split_path(f"FROM:{pattern.format('client.example')}".encode(), b"FROM:")[0])


@pytest.mark.parametrize("words", BROKEN_PARAMETERS)
def test_broken_parameters_are_outside_the_grammar(words: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse_parameters(words.encode())
