"""Partial fetches: RFC 3501 §6.4.5, §7.4.2."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched_one, string
from conformance.imap.strategies_messages import Written, messages

MOST = 4_294_967_295
"""The greatest number there is (RFC 3501 §9, number)."""


def cuts() -> st.SearchStrategy[tuple[int, int]]:
    """Where to cut, as shares of the whole in hundredths and small steps around both ends."""
    return st.tuples(st.integers(0, 100), st.integers(1, 100))


def _check_slices(
    folder: Folder, message: Written, section: str, whole: bytes, wanted: Sequence[tuple[int, int]]
) -> None:
    with folder.opened([message.octets]) as imap:
        for first, count in wanted:
            items = fetched_one(imap, f"BODY.PEEK[{section}]<{first}.{count}>")
            key = next((name for name in items if name.startswith("BODY[") and name.endswith(f"<{first}>")), "")
            expect(key, f"BODY[{section}]<{first}>", ", ".join(items))
            what = f"octets of {count} from octet {first} of BODY[{section}]"
            assert_same_octets(string(items, key), whole[first : first + count], what=what)


def _spread(whole: bytes, shares: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    size = len(whole)
    inner = [(size * first // 100, max(size * count // 100, 1)) for first, count in shares]
    return [
        (0, 1),
        (1, 1),
        (max(size - 1, 0), 1),
        *((first, min(count, size - first)) for first, count in inner if first < size),
    ]


@must("rfc3501/7.4.2/5")
@given(message=messages(), shares=st.lists(cuts(), min_size=2, max_size=4))
def check_returns_the_octets_from_the_origin_on(
    folder: Folder, message: Written, shares: Sequence[tuple[int, int]]
) -> None:
    """`BODY[]<o.n>` is the n octets from octet o on, the first being 0."""
    _check_slices(folder, message, "", message.octets, _spread(message.octets, shares))


@must("rfc3501/6.4.5/24")
@given(message=messages())
def check_cuts_a_partial_fetch_off_at_the_end(folder: Folder, message: Written) -> None:
    """A partial fetch that asks for more than there is returns what there is."""
    size = len(message.octets)
    wanted = [(1, size), (size - 1, 2), (size // 2, MOST), (1, MOST)]
    _check_slices(folder, message, "", message.octets, wanted)


@must("rfc3501/6.4.5/23")
@given(message=messages())
def check_returns_the_empty_string_from_beyond_the_end(folder: Folder, message: Written) -> None:
    """A partial fetch that begins at or past the end returns the empty string, not NIL and no error."""
    size = len(message.octets)
    _check_slices(folder, message, "", message.octets, [(size, 1), (size + 1, 1), (size + 1000, MOST), (MOST, 1)])


@must("rfc3501/6.4.5/25", "rfc3501/7.4.2/7")
@given(message=messages())
def check_names_the_origin_where_one_was_asked_for(folder: Folder, message: Written) -> None:
    """The response repeats the origin of a partial fetch, 0 as well, and has none where the whole was asked for."""
    with folder.opened([message.octets]) as imap:
        whole = fetched_one(imap, "BODY.PEEK[]")
        expect("BODY[]" in whole, "BODY[] without an origin", ", ".join(whole))
        for count in (len(message.octets), len(message.octets) + 10):
            partial = fetched_one(imap, f"BODY.PEEK[]<0.{count}>")
            expect("BODY[]<0>" in partial, "BODY[]<0>, though it is everything", ", ".join(partial))


@must("rfc3501/7.4.2/5", "rfc3501/6.4.5/24")
@given(message=messages(), step=st.integers(1, 60))
def check_returns_pieces_that_make_up_the_whole(folder: Folder, message: Written, step: int) -> None:
    """Pieces fetched one after the other are the message, nothing twice and nothing missing.

    Mail programs fetch large messages like this; a server off by one octet at the seams damages every attachment.
    """
    step = max(step, len(message.octets) // 12)
    with folder.opened([message.octets]) as imap:
        origins = range(0, len(message.octets), step)
        items = fetched_one(imap, " ".join(f"BODY.PEEK[]<{origin}.{step}>" for origin in origins))
        together = b"".join(string(items, f"BODY[]<{origin}>") for origin in origins)
        assert_same_octets(together, message.octets)


@must("rfc3501/6.4.5/26")
@given(message=messages(), shares=st.lists(cuts(), min_size=1, max_size=3))
def check_counts_octets_of_the_section(folder: Folder, message: Written, shares: Sequence[tuple[int, int]]) -> None:
    """The octets of a partial fetch are counted in the section asked for, a subset of the header too."""
    subset = message.subset([b"Subject", b"X-One"], keep=True)
    for section, whole in (
        ("TEXT", message.body),
        ("HEADER", message.header),
        ("HEADER.FIELDS (SUBJECT X-ONE)", subset),
    ):
        _check_slices(folder, message, section, whole, _spread(whole, shares)[:5])
