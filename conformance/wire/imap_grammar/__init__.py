"""The judge's strict recogniser of IMAP server responses: RFC 3501, RFC 9051 and the published extensions.

    recognise(b"* 3 EXISTS \\r\\n")  ->  (Deviation(kind="trailing_space", at=10, ...),)

It works on the rules of the `abnf` package (`abnf.grammars.rfc9051`), which stay the source of truth, but does not
match with the package's own parser objects: they build a tree (3 kB of SEARCH take 0.2 s, here well under 1 ms),
recurse as deep as a server nests, and cannot count a literal's octets. The tests hold both against each other.

`syntax` reads the rules' text with the package, `rules` adds IMAP4rev1 and the extensions, `compiler` turns them into
regular expressions without changing their language, `building` writes those down once (`compiled.json`), `skeleton`
takes strings and groups out of a response, `recogniser` decides and `diagnosis` names the fault. Nothing here imports
the parser of the client core: a judge that parses with the same code as it reads would share its blind spots.
"""

from conformance.wire.imap_grammar.deviations import NOT_JUDGED, Deviation
from conformance.wire.imap_grammar.recogniser import MAX_LINE, recognise

__all__ = ["MAX_LINE", "NOT_JUDGED", "Deviation", "recognise"]
