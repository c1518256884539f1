"""SEARCH: RFC 3501 §6.4.4, §7.2.5."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import permanent_flags, sequence, set_up, uids
from conformance.imap.expectations import expect_done, expect_no
from conformance.imap.search_model import CORPUS, KEYWORD, Key, expect_found, found_by, opened_corpus, with_literals
from conformance.imap.strategies_search import (
    DATE_FORMS,
    FLAG_KEYS,
    combined_keys,
    date_keys,
    envelope_keys,
    header_keys,
    key_rows,
    larger,
    set_keys,
    sizes,
    smaller,
    text_keys,
)
from conformance.messages import compose


@must(
    "rfc3501/6.4.4/14", "rfc3501/6.4.4/15", "rfc3501/6.4.4/26", "rfc3501/6.4.4/45", "rfc3501/6.4.4/22",
    "rfc3501/6.4.4/19", "rfc3501/6.4.4/43",
)  # fmt: skip
@given(key=envelope_keys())
def check_finds_strings_in_the_envelope_in_either_case(folder: Folder, key: Key) -> None:
    """FROM, TO, CC, BCC and SUBJECT match where the string stands anywhere in that field, in either case."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/27", "rfc3501/6.4.4/28")
@given(key=header_keys())
def check_finds_strings_in_the_field_that_is_named(folder: Folder, key: Key) -> None:
    """HEADER matches where a field of that name has the string, and for an empty string wherever the field is there."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/21", "rfc3501/6.4.4/44")
@given(key=text_keys())
def check_finds_strings_in_body_or_in_all_of_the_text(folder: Folder, key: Key) -> None:
    """BODY looks into the body and not the header, TEXT into both."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/14", "rfc3501/7.5/4")
@given(key=st.one_of(envelope_keys(), text_keys()))
def check_takes_strings_as_literals(folder: Folder, key: Key) -> None:
    """A string in a search may be a literal as well as quoted, and means the same."""
    with opened_corpus(folder) as (imap, stored):
        answer = imap.command_with_literals(*with_literals(b"SEARCH " + key.line))
        what = f"SEARCH {key.line.decode('ascii')} with a literal"
        wanted = [message.number for message in stored if key.holds(message)]
        found = found_by(answer, what)
        expect(found == wanted, f"{wanted} found by {what}", found)


@must(
    "rfc3501/6.4.4/18", "rfc3501/6.4.4/17", "rfc3501/6.4.4/23", "rfc3501/6.4.4/24", "rfc3501/6.4.4/25",
    "rfc3501/6.4.4/37", "rfc3501/6.4.4/47", "rfc3501/6.4.4/48", "rfc3501/6.4.4/49", "rfc3501/6.4.4/50",
    "rfc3501/6.4.4/52",
)  # fmt: skip
def check_finds_what_has_a_flag_or_lacks_it(folder: Folder) -> None:
    """ANSWERED, DELETED, DRAFT, FLAGGED, SEEN match what has the flag, and their UN forms what lacks it."""
    with opened_corpus(folder) as (imap, stored):
        for key in FLAG_KEYS:
            expect_found(imap, stored, key)


@must("rfc3501/6.4.4/29", "rfc3501/6.4.4/51")
def check_finds_what_has_a_keyword_or_lacks_it(folder: Folder) -> None:
    """KEYWORD matches what has the keyword, in either case, and UNKEYWORD what lacks it."""
    with opened_corpus(folder) as (imap, stored):
        if "\\*" not in permanent_flags(imap.select(folder.name)):
            raise not_applicable("no keywords can be made")
        set_up(imap, f"STORE 2,4 +FLAGS.SILENT ({KEYWORD})")
        for name in (KEYWORD, KEYWORD.upper()):
            expect_found(imap, stored, Key(f"KEYWORD {name}".encode(), lambda message: message.number in (2, 4)))
            expect_found(imap, stored, Key(f"UNKEYWORD {name}".encode(), lambda message: message.number not in (2, 4)))


@must("rfc3501/6.4.4/33", "rfc3501/6.4.4/31", "rfc3501/6.4.4/36")
def check_tells_recent_new_and_old_apart(folder: Folder) -> None:
    """RECENT matches what has \\Recent, NEW what has it and not \\Seen, and OLD everything else than RECENT."""
    with folder.opened([compose(folder.token(), b"old\r\n")]) as imap:
        imap.append(folder.name, compose(folder.token(), b"new\r\n"))
        imap.append(folder.name, compose(folder.token(), b"new and seen\r\n"), flags=("\\Seen",))
        imap.command("NOOP")
    with folder.opened_again() as imap:
        imap.append(folder.name, compose(folder.token(), b"newest\r\n"))
        imap.append(folder.name, compose(folder.token(), b"newest and seen\r\n"), flags=("\\Seen",))
        answer = imap.command("FETCH 1:* FLAGS")
        flagged = {
            response.number or 0: {
                flag.lower() for flag in flags if isinstance(flag, bytes)
            }
            for response in answer.named("FETCH")
            if isinstance(flags := answer.fetched(response.number or 0).get("FLAGS"), list)
        }  # fmt: skip
        recent = {at for at, flags in flagged.items() if b"\\recent" in flags}
        seen = {at for at, flags in flagged.items() if b"\\seen" in flags}
        for key, wanted in (("RECENT", recent), ("OLD", set(flagged) - recent), ("NEW", recent - seen)):
            found = set(found_by(imap.command(f"SEARCH {key}"), f"SEARCH {key}"))
            expect(found == wanted, f"{sorted(wanted)} found by SEARCH {key}, as FETCH has it", sorted(found))


@must("rfc3501/6.4.4/30", "rfc3501/6.4.4/42")
@given(octets=sizes())
def check_leaves_the_size_itself_out(folder: Folder, octets: int) -> None:
    """LARGER and SMALLER match sizes above and below the number, and not the number itself."""
    with opened_corpus(folder) as (imap, stored):
        for number in (octets - 1, octets, octets + 1):
            expect_found(imap, stored, larger(number))
            expect_found(imap, stored, smaller(number))


@must("rfc3501/6.4.4/20", "rfc3501/6.4.4/34", "rfc3501/6.4.4/41")
@given(at=st.integers(0, len(CORPUS) - 1), form=st.sampled_from(DATE_FORMS))
def check_compares_internal_dates_by_day(folder: Folder, at: int, form: str) -> None:
    """BEFORE, ON and SINCE go by the day of the internal date as the server gives it."""
    with opened_corpus(folder) as (imap, stored):
        for key in date_keys(("BEFORE", "ON", "SINCE"), stored[at].arrived, form):
            expect_found(imap, stored, key)


@must("rfc3501/6.4.4/38", "rfc3501/6.4.4/39", "rfc3501/6.4.4/40")
@given(at=st.integers(0, len(CORPUS) - 1), form=st.sampled_from(DATE_FORMS))
def check_compares_date_fields_by_day(folder: Folder, at: int, form: str) -> None:
    """SENTBEFORE, SENTON and SENTSINCE go by the day that stands in the Date field, time and zone left aside."""
    with opened_corpus(folder) as (imap, stored):
        for key in date_keys(("SENTBEFORE", "SENTON", "SENTSINCE"), stored[at].written.sent, form):
            expect_found(imap, stored, key)


@must("rfc3501/6.4.4/5")
@given(key=key_rows())
def check_finds_what_matches_all_keys(folder: Folder, key: Key) -> None:
    """Of several keys every one has to match."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/35", "rfc3501/6.4.4/32", "rfc3501/6.4.4/6")
@given(key=combined_keys())
def check_reads_not_or_and_parentheses(folder: Folder, key: Key) -> None:
    """NOT, OR and parentheses, nested at will, mean what logic has them mean; OR takes the two keys that follow."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/16", "rfc3501/9/54", "rfc3501/9/55")
@given(key=set_keys())
def check_finds_the_numbers_of_a_set(folder: Folder, key: Key) -> None:
    """A sequence set matches the messages with these numbers, its ranges written from either end."""
    with opened_corpus(folder) as (imap, stored):
        expect_found(imap, stored, key)


@must("rfc3501/6.4.4/46", "rfc3501/7.2.5/1", "rfc3501/6.4.4/4")
@given(chosen=st.sets(st.integers(0, 3), min_size=1), at_most=5)
def check_knows_numbers_from_uids(folder: Folder, chosen: set[int]) -> None:
    """UID as a key matches UIDs; UID SEARCH returns UIDs, SEARCH numbers, whatever the keys."""
    with folder.opened([compose(folder.token(), b"x\r\n") for _ in range(5)]) as imap:
        # The first message goes, so that no number is its message's UID.
        set_up(imap, "STORE 1 +FLAGS.SILENT (\\Deleted)")
        set_up(imap, "EXPUNGE")
        known = uids(imap)
        picked = sorted(chosen)
        shown = sequence(known[at] for at in picked)
        found = found_by(imap.command(f"SEARCH UID {shown}"), f"SEARCH UID {shown}")
        wanted = [at + 1 for at in picked]
        expect(found == wanted, f"the numbers {wanted} found by SEARCH UID {shown}", found)
        found = found_by(imap.command(f"UID SEARCH UID {shown}"), f"UID SEARCH UID {shown}")
        expect(found == [known[at] for at in picked], f"the UIDs {shown} found by UID SEARCH UID {shown}", found)


@must("rfc3501/6.4.4/2")
def check_answers_with_a_search_response_even_if_nothing_is_found(folder: Folder) -> None:
    """SEARCH that finds nothing still brings an untagged SEARCH, without numbers."""
    with folder.opened() as imap:
        answer = imap.command("SEARCH DELETED")
        expect(answer.named("SEARCH"), "an untagged SEARCH response to SEARCH in an empty mailbox", answer)
        expect(not found_by(answer, "SEARCH DELETED"), "no numbers", answer)


@must("rfc3501/6.4.4/12", "rfc3501/6.4.4/3")
def check_answers_an_unknown_charset_no(folder: Folder) -> None:
    """A charset that the server does not know is answered NO, not BAD and not with a result."""
    with folder.opened() as imap:
        expect_no(imap.command("SEARCH CHARSET X-MAILSPEC-NONE TEXT x"), because="there is no such charset")


@should("rfc3501/6.4.4/13")
def check_names_badcharset_in_that_no(folder: Folder) -> None:
    """The NO to an unknown charset has the response code BADCHARSET."""
    with folder.opened() as imap:
        answer = imap.command("SEARCH CHARSET X-MAILSPEC-NONE TEXT x")
        if answer.tagged.name != b"NO":
            raise not_applicable("an unknown charset is not answered NO")
        code = answer.tagged.code.partition(b" ")[0].upper()
        expect(code == b"BADCHARSET", "the response code BADCHARSET", answer.tagged)


@must("rfc3501/6.4.4/11")
def check_knows_us_ascii(folder: Folder) -> None:
    """SEARCH CHARSET US-ASCII works as SEARCH without a charset does."""
    with opened_corpus(folder) as (imap, _):
        for charset in ("US-ASCII", "us-ascii"):
            plain = found_by(imap.command('SEARCH SUBJECT "report"'), "SEARCH SUBJECT")
            answer = imap.command(f'SEARCH CHARSET {charset} SUBJECT "report"')
            expect_done(answer, because="every server knows US-ASCII")
            found = found_by(answer, f"SEARCH CHARSET {charset}")
            expect(found == plain, f"{plain}, as without a charset", found)


ENCODED = (
    b"From: a@client.example\r\nTo: b@server.example\r\nDate: Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    b"Subject: =?utf-8?q?Caf=C3=A9?= au lait\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=%b\r\n"
    b"Content-Transfer-Encoding: %b\r\n\r\n%b\r\n"
)


@must("rfc3501/6.4.4/10", "rfc3501/6.4.4/9")
@given(
    body=st.sampled_from((
        (b"utf-8", b"quoted-printable", b"Br=C3=BCcke"),
        (b"utf-8", b"base64", b"QnLDvGNrZQ=="),
    ))
)  # fmt: skip
def check_undoes_encodings_before_it_compares(folder: Folder, body: tuple[bytes, bytes, bytes]) -> None:
    """Searching in UTF-8, transfer encodings and encoded words are undone before strings are compared.

    All is in UTF-8 already: that one charset be made into another is not asked for in so many words.
    """
    with folder.opened([ENCODED % body, compose("other", b"other\r\n")]) as imap:
        for key, text in ((b"BODY ", "Brücke"), (b"SUBJECT ", "Café")):
            answer = imap.command_with_literals(b"SEARCH CHARSET UTF-8 " + key, text.encode(), b"")
            if answer.tagged.name == b"NO":
                raise not_applicable("SEARCH does not know UTF-8")
            found = found_by(answer, f"SEARCH CHARSET UTF-8 {key.decode()}{text}")
            if found != [1]:
                raise ViolationError(f"message 1, which has {text} in {body[1].decode()}", str(found))
