"""What can be wrong with one IMAP response, by name."""

from __future__ import annotations

from dataclasses import dataclass

NOT_JUDGED = frozenset({"too_long", "too_deep", "unknown_response", "unknown_item"})
"""Kinds that say why there is no verdict. They prove nothing against the server.

A response or FETCH item with a name that no grammar here knows may belong to an extension published elsewhere.
"""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One departure from the grammar, or the reason why a response was not judged.

    `kind` names it (stable, fit for counting), `at` is the offset of the octet in the response where it shows,
    `detail` says it in words with the section that is broken.
    """

    kind: str
    at: int
    detail: str

    @property
    def proven(self) -> bool:
        """True if no published grammar allows the response; False for the kinds of `NOT_JUDGED`."""
        return self.kind not in NOT_JUDGED
