"""The collation i;unicode-casemap: what SEARCH, SORT and THREAD compare texts by (RFC 5051, RFC 5255 §4.2).

Both sides of a comparison are folded; equality, order and substring are then those of the folded text, since code
points stand in the same order as their UTF-8 octets.
"""

from __future__ import annotations

import unicodedata

MAX_REMEMBERED = 20_000
"""Characters whose folded form is kept; the alphabets of all living languages, Han apart, are fewer."""

FEW = 16
"""As many different characters beyond ASCII are replaced one by one, which is quicker than to look at each place."""

_ASCII = bytes(range(128))


def folded(text: str) -> str:
    """The text as RFC 5051 §2 prepares it: each character in title case, then decomposed as far as that goes."""
    if text.isascii():
        return text.upper()
    octets = text.encode("utf-8", "surrogatepass")
    beyond = set(octets.translate(None, _ASCII).decode("utf-8", "surrogatepass"))
    changed = {character: _FOLDING[ord(character)] for character in beyond} if len(beyond) <= FEW else None
    # What one character becomes must not be taken for another that was there before.
    if changed is None or any(new != old and not beyond.isdisjoint(new) for old, new in changed.items()):
        return text.translate(_FOLDING)
    # The octets of a character beyond ASCII are no letters to bytes.upper, so that this touches ASCII alone.
    result = octets.upper().decode("utf-8", "surrogatepass")
    for old, new in changed.items():
        result = result.replace(old, new)
    return result


class _Folding(dict[int, str]):
    """Code point to what it folds to, worked out when first met."""

    def __missing__(self, code_point: int) -> str:
        result = _decomposed(_title(chr(code_point)))
        if len(self) < MAX_REMEMBERED:
            self[code_point] = result
        return result


_FOLDING = _Folding()


def _title(character: str) -> str:
    # The simple mapping of UnicodeData.txt is one to one; where Python knows a longer one, there is none of that kind.
    title = character.title()
    return title if len(title) == 1 else character


def _decomposed(character: str) -> str:
    # As the property stands in UnicodeData.txt: Hangul syllables, which have none there, stay whole.
    tagged = unicodedata.decomposition(character)
    if not tagged:
        return character
    return "".join(_decomposed(chr(int(code, 16))) for code in tagged.split() if not code.startswith("<"))
