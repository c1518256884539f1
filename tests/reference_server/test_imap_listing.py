"""LIST as RFC 5258 extends it, LIST-STATUS, SPECIAL-USE and STATUS=SIZE of the IMAP core, as dialogues."""

from __future__ import annotations

import time

import pytest

from reference_server.imap.patterns import matches
from tests.reference_server.imap_dialogue import Client, folder, inbox, logged_in, new_store


def fruit_shop() -> Client:
    """The folders and subscriptions of RFC 5258 §5, example 9, with one that is subscribed and no more."""
    store = new_store()
    account = store.account("alice@example.test")
    assert account is not None
    for name in ("foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2/mamba", "qux2/bar2"):
        account.create(name)
    account.delete("qux2")
    for name in ("foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "qux2/bar2"):
        account.subscribe(name)
    account.subscribe("gone/away")
    return logged_in(store)


def test_subscribed_names_are_listed_whether_they_exist_or_not() -> None:
    fruit_shop().play(
        """
        C: b LIST (SUBSCRIBED) "" ("*2" gone/%)
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar2
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar22
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar222
        S: * LIST (\\HasChildren \\Subscribed) "/" eps2
        S: * LIST (\\HasNoChildren \\Subscribed) "/" foo2/bar2
        S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/away
        S: * LIST (\\HasNoChildren \\Subscribed) "/" qux2/bar2
        S: b OK LIST completed
        C: c LIST (SUBSCRIBED) "" %
        S: * LIST (\\HasChildren \\Subscribed) "/" eps2
        S: * LIST (\\NonExistent \\HasChildren) "/" qux2
        S: c OK LIST completed
        """
    )


def test_recursivematch_names_levels_above_that_would_tell_something_new() -> None:
    fruit_shop().play(
        """
        C: b LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar2
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar22
        S: * LIST (\\HasNoChildren \\Subscribed) "/" baz2/bar222
        S: * LIST (\\HasChildren \\Subscribed) "/" eps2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\HasNoChildren \\Subscribed) "/" foo2/bar2
        S: * LIST (\\HasNoChildren \\Subscribed) "/" qux2/bar2
        S: b OK LIST completed
        C: c LIST (SUBSCRIBED REMOTE RECURSIVEMATCH SUBSCRIBED) "" (% "") RETURN ()
        S: * LIST (\\HasChildren) "/" baz2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\HasChildren \\Subscribed) "/" eps2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\NonExistent \\HasNoChildren) "/" gone ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\NonExistent \\HasChildren) "/" qux2 ("CHILDINFO" ("SUBSCRIBED"))
        S: c OK LIST completed
        """
    )


def test_levels_that_are_no_mailboxes_are_listed_for_a_percent_sign_at_the_end_only() -> None:
    fruit_shop().play(
        """
        C: b LIST () "" q*
        S: * LIST (\\HasNoChildren) "/" qux2/bar2
        S: b OK LIST completed
        C: c LIST (REMOTE) "" q%
        S: * LIST (\\NonExistent \\HasChildren) "/" qux2
        S: c OK LIST completed
        C: d LIST "" (q% qux2/bar2) RETURN (CHILDREN)
        S: * LIST (\\HasNoChildren) "/" qux2/bar2
        S: d OK LIST completed
        C: e LIST "" q*
        S: * LIST (\\Noselect \\HasChildren) "/" qux2
        S: * LIST (\\HasNoChildren) "/" qux2/bar2
        S: e OK LIST completed
        """
    )


def test_the_empty_pattern_asks_for_nothing_in_an_extended_list() -> None:
    logged_in(new_store()).play(
        """
        C: b LIST () "" ""
        S: b OK LIST completed
        C: c LIST "" ("")
        S: c OK LIST completed
        C: d LIST "" "" RETURN (SUBSCRIBED)
        S: d OK LIST completed
        C: e LIST "" (inbox INBOX INB*)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: e OK LIST completed
        """
    )


def test_subscriptions_are_told_of_where_they_are_asked_for_and_add_no_name() -> None:
    fruit_shop().play(
        """
        C: b LIST "" e* RETURN (CHILDREN SUBSCRIBED SUBSCRIBED)
        S: * LIST (\\HasChildren \\Subscribed) "/" eps2
        S: * LIST (\\HasNoChildren \\Subscribed) "/" eps2/mamba
        S: b OK LIST completed
        C: c LIST "" (I* gone* f%) RETURN (SUBSCRIBED)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\HasChildren) "/" foo2
        S: c OK LIST completed
        """
    )


@pytest.mark.parametrize(
    "arguments",
    [
        b'(RECURSIVEMATCH) "" *',
        b'(REMOTE RECURSIVEMATCH) "" *',
        b'(SPECIAL-USE RECURSIVEMATCH) "" *',
        b'(XYZZY) "" *',
        b'(SUBSCRIBED ) "" *',
        b'"" * RETURN (XYZZY)',
        b'"" * RETURN',
        b'"" * RETURN CHILDREN',
        b'"" * RETURN (STATUS)',
        b'"" * RETURN (STATUS ())',
        b'"" * RETURN (STATUS (XYZZY))',
        b'"" * XYZZY (CHILDREN)',
        b'"" ()',
        b'() "" * RETURN ()x',
    ],
)
def test_options_that_are_not_known_or_make_no_sense_are_bad(arguments: bytes) -> None:
    assert logged_in(new_store()).say(b"b LIST %b\r\n" % arguments).startswith(b"b BAD ")


def test_there_is_an_end_to_the_patterns_of_one_command() -> None:
    client = logged_in(new_store())
    assert client.say(b'b LIST "" (%b)\r\n' % b" ".join([b"*"] * 100)).endswith(b"b OK LIST completed\r\n")
    assert client.say(b'c LIST "" (%b)\r\n' % b" ".join([b"*"] * 101)) == b"c NO [LIMIT] too many patterns\r\n"


def test_status_follows_each_name_that_can_be_selected_and_meets_the_criteria() -> None:
    client = fruit_shop()
    client.play(
        """
        C: b APPEND eps2/mamba (\\Seen) {3+}
        C: xyz
        S: b OK …
        C: c LIST "" (INBOX e* q%) RETURN (STATUS (MESSAGES UNSEEN SIZE) CHILDREN)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (MESSAGES 0 UNSEEN 0 SIZE 0)
        S: * LIST (\\HasChildren) "/" eps2
        S: * STATUS eps2 (MESSAGES 0 UNSEEN 0 SIZE 0)
        S: * LIST (\\HasNoChildren) "/" eps2/mamba
        S: * STATUS eps2/mamba (MESSAGES 1 UNSEEN 0 SIZE 3)
        S: * LIST (\\NonExistent \\HasChildren) "/" qux2
        S: c OK LIST completed
        C: d LIST (SUBSCRIBED RECURSIVEMATCH) "" (foo2 gone/*) RETURN (STATUS (UIDNEXT))
        S: * LIST (\\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))
        S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/away
        S: d OK LIST completed
        """
    )


def test_status_size_is_the_sum_of_all_sizes() -> None:
    store = new_store()
    inbox(store).append(b"12345")
    inbox(store).append(b"123")
    logged_in(store).play(
        """
        C: b STATUS INBOX (SIZE)
        S: * STATUS INBOX (SIZE 8)
        S: b OK STATUS completed
        """
    )


def test_folders_are_made_for_a_special_use_and_listed_by_it() -> None:
    store = new_store()
    logged_in(store).play(
        """
        C: b CREATE Outgoing (USE (\\Sent \\dRAFTS \\Sent))
        S: b OK [MAILBOXID (F…)] CREATE completed
        C: c CREATE Plain (USE ())
        S: c OK [MAILBOXID (F…)] CREATE completed
        C: d LIST (SPECIAL-USE) "" *
        S: * LIST (\\HasNoChildren \\Drafts \\Sent) "/" Outgoing
        S: d OK LIST completed
        C: e LIST "" % RETURN (SPECIAL-USE)
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\HasNoChildren \\Drafts \\Sent) "/" Outgoing
        S: * LIST (\\HasNoChildren) "/" Plain
        S: e OK LIST completed
        C: f SUBSCRIBE Plain
        S: f OK SUBSCRIBE completed
        C: g LIST (SPECIAL-USE SUBSCRIBED) "" *
        S: g OK LIST completed
        C: h SUBSCRIBE Outgoing
        S: h OK SUBSCRIBE completed
        C: i LIST (SUBSCRIBED SPECIAL-USE) "" *
        S: * LIST (\\HasNoChildren \\Subscribed \\Drafts \\Sent) "/" Outgoing
        S: i OK LIST completed
        """
    )
    assert folder(store, "Outgoing").special_uses == {"\\Sent", "\\Drafts"}


def test_a_special_use_that_cannot_be_makes_no_folder() -> None:
    store = new_store()
    logged_in(store).play(
        """
        C: b CREATE Everything (USE (\\All))
        S: b NO [USEATTR] that special use is not supported
        C: c CREATE Bin (USE (\\Trash))
        S: c OK [MAILBOXID (F…)] CREATE completed
        C: d CREATE "Second bin" (USE (\\Junk \\Trash))
        S: d NO [USEATTR] another mailbox has that special use
        C: e CREATE Bin (USE (\\Junk))
        S: e NO [ALREADYEXISTS] the mailbox exists already
        C: f CREATE inbox (USE (\\Junk))
        S: f NO [ALREADYEXISTS] INBOX is always there
        C: g CREATE x (USE (Junk))
        S: g BAD expected an attribute
        C: h CREATE x (USES (\\Junk))
        S: h BAD no such parameter
        C: i CREATE x ()
        S: i BAD expected an atom
        C: j LIST "" *
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\HasNoChildren \\Trash) "/" Bin
        S: j OK LIST completed
        """
    )


def test_a_pattern_of_many_wildcards_costs_no_more_than_its_length() -> None:
    started = time.perf_counter()
    for _ in range(100):
        assert not matches(b"*a%" * 1300, b"a" * 1000 + b"b")
    assert time.perf_counter() - started < 5


def test_every_account_lists_what_is_its_own() -> None:
    store = new_store()
    logged_in(store).say(b"b CREATE Mine (USE (\\Sent))\r\n")
    bob = Client(store)
    bob.play(
        """
        C: a LOGIN bob secret
        S: a OK …
        C: b LIST "" *
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: b OK LIST completed
        """
    )
