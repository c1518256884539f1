"""The compiled grammar and the file that holds it, `compiled.json`, written by `building`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.wire.imap_grammar.compiler import GroupKind

COMPILED = Path(__file__).with_name("compiled.json")


@dataclass(frozen=True, slots=True)
class Matchers:
    """The grammar, compiled: one pattern for each root and one for each kind of group."""

    status: re.Pattern[str]
    data: re.Pattern[str]
    lenient_fetch: re.Pattern[str]
    parens: tuple[GroupKind, ...]
    quotes: tuple[GroupKind, ...]


def written_compiled(grammar: Matchers, *, abnf_version: str) -> bytes:
    """The file's octets for a grammar; `abnf_version` says by which release of the package its rules were read."""
    content = {
        "abnf": abnf_version,
        "status": grammar.status.pattern,
        "data": grammar.data.pattern,
        "lenient_fetch": grammar.lenient_fetch.pattern,
        "parens": [[kind.marker, kind.pattern.pattern] for kind in grammar.parens],
        "quotes": [[kind.marker, kind.pattern.pattern] for kind in grammar.quotes],
    }
    return json.dumps(content, indent=0).encode("ascii") + b"\n"


def read_compiled(octets: bytes) -> Matchers:
    """The grammar in the file's octets."""
    content: dict[str, Any] = json.loads(octets)

    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(text, re.DOTALL)

    def kinds(name: str) -> tuple[GroupKind, ...]:
        return tuple(GroupKind(marker, pattern(text)) for marker, text in content[name])

    return Matchers(
        pattern(content["status"]),
        pattern(content["data"]),
        pattern(content["lenient_fetch"]),
        kinds("parens"),
        kinds("quotes"),
    )
