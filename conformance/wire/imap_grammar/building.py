"""Compiling the grammar from its rules: `python -m conformance.wire.imap_grammar.building` writes `compiled.json`.

To be run after any change to `rules`, `syntax` or `compiler`, and for a new release of the `abnf` package; a test
compares the file with what comes out.
"""

from __future__ import annotations

from importlib.metadata import version

from conformance.wire.imap_grammar.compiled import COMPILED, Matchers, written_compiled
from conformance.wire.imap_grammar.compiler import Compiler
from conformance.wire.imap_grammar.rules import BUT_NOT, NUMERIC, RESTATED, WIDENED
from conformance.wire.imap_grammar.syntax import RuleBook


def built() -> Matchers:
    """The grammar from the package's rules and ours; takes seconds, most of them the package reading its grammars."""
    from abnf.grammars import rfc3629, rfc9051

    rules = RuleBook([*rfc3629.Rule.grammar, *rfc9051.Rule.grammar, *RESTATED, *WIDENED])
    compiler = Compiler(rules, BUT_NOT, NUMERIC)
    status, data = compiler.plain("status-line"), compiler.folded("data-line")
    lenient = compiler.folded("lenient-fetch-line")
    return Matchers(status, data, lenient, tuple(compiler.parens), tuple(compiler.quotes))


def main() -> None:
    """Write the file."""
    COMPILED.write_bytes(written_compiled(built(), abnf_version=version("abnf")))


if __name__ == "__main__":
    main()
