"""States, log-in, STARTTLS and the reader of the IMAP core, as dialogues (RFC 3501 §3, §6.1, §6.2; RFC 7888)."""

from __future__ import annotations

import pytest

from reference_server.core import Settings
from reference_server.imap import literals
from reference_server.imap.commands import COMMANDS
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.literals import RawCommand
from reference_server.imap.session import State
from reference_server.imap.tastes import SmallLiterals
from tests.reference_server.imap_dialogue import Client, inbox, logged_in, new_store, selected


def test_every_command_of_the_table_has_a_method() -> None:
    assert all(callable(getattr(ImapCore, command.method)) for command in COMMANDS.values())


def test_the_greeting_and_capability_tell_the_same() -> None:
    client = Client(new_store())
    names = client.greeting.split(b"[CAPABILITY ")[1].split(b"]")[0]
    assert client.say(b"a CAPABILITY\r\n") == b"* CAPABILITY " + names + b"\r\na OK CAPABILITY completed\r\n"
    assert names.split()[0] == b"IMAP4rev1"
    assert b"AUTH=PLAIN" in names.split()


def test_log_in_is_disabled_in_the_clear() -> None:
    client = Client(new_store(), tls=False)
    assert b"LOGINDISABLED" in client.greeting
    assert b"STARTTLS" in client.greeting
    assert b"AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 LOGINDISABLED" in client.greeting
    client.play(
        """
        C: a LOGIN alice secret
        S: a NO [PRIVACYREQUIRED] use TLS first
        C: b AUTHENTICATE PLAIN
        S: b NO [PRIVACYREQUIRED] use TLS first
        """
    )


def test_starttls_drops_what_came_with_it_and_announces_anew() -> None:
    client = Client(new_store(), tls=False)
    assert client.say(b"a STARTTLS\r\nb NOOP\r\nc LOG") == b"a OK begin TLS now\r\n<StartTls>\r\n"
    assert client.say(b"d NOOP\r\n") == b""
    assert client.core.tls_started(1.0) == []
    client.play(
        """
        C: e CAPABILITY
        S: * CAPABILITY IMAP4rev1 … AUTH=PLAIN AUTH=LOGIN …
        S: e OK CAPABILITY completed
        C: f STARTTLS
        S: f BAD TLS is active already
        """
    )


def test_starttls_is_refused_where_there_is_none() -> None:
    Client(new_store(), tls=False, tls_available=False, settings=Settings(allow_cleartext=True)).play(
        """
        C: a STARTTLS
        S: a BAD TLS is not on offer
        C: b LOGIN alice secret
        S: b OK [CAPABILITY …] logged in
        """
    )


def test_log_in_by_every_means() -> None:
    store = new_store()
    for transcript in (
        """
        C: a LOGIN alice secret
        S: a OK [CAPABILITY IMAP4rev1 …] logged in
        """,
        """
        C: a login "ali\\ce@example.test" secret
        S: a BAD expected a string
        C: b login "alice@example.test" {6+}
        C: secret
        S: b OK [CAPABILITY …] logged in
        """,
        """
        C: a LOGIN {5}
        S: + go on
        C: alice {6}
        S: + go on
        C: secret
        S: a OK [CAPABILITY …] logged in
        """,
        """
        C: a AUTHENTICATE PLAIN
        S: +…
        C: AGFsaWNlAHNlY3JldA==
        S: a OK [CAPABILITY …] logged in
        """,
        """
        C: a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==
        S: a OK [CAPABILITY …] logged in
        """,
        """
        C: a AUTHENTICATE LOGIN
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: c2VjcmV0
        S: a OK [CAPABILITY …] logged in
        """,
    ):
        Client(store).play(transcript)


def test_log_in_that_fails_leaves_the_state_as_it_was() -> None:
    Client(new_store()).play(
        """
        C: a LOGIN alice wrong
        S: a NO [AUTHENTICATIONFAILED] wrong name or password
        C: b LOGIN {2+}
        C: \xff\xfe secret
        S: b NO [AUTHENTICATIONFAILED] wrong name or password
        C: c AUTHENTICATE PLAIN
        S: +…
        C: *
        S: c BAD cancelled by the client
        C: d AUTHENTICATE PLAIN
        S: +…
        C: not base64
        S: d BAD not base64
        C: e AUTHENTICATE PLAIN =
        S: e NO [AUTHENTICATIONFAILED] malformed response
        C: f AUTHENTICATE DIGEST-MD5
        S: f NO [CANNOT] no such mechanism
        C: g AUTHENTICATE PLAIN  AA==
        S: g BAD expected an initial response
        C: h AUTHENTICATE PLAIN Ym9iAGFsaWNlAHNlY3JldA==
        S: h NO [AUTHORIZATIONFAILED] may not act for that identity
        C: i SELECT INBOX
        S: i BAD not while nobody is logged in
        """
    )


def test_an_over_long_response_ends_the_exchange() -> None:
    client = Client(new_store())
    client.say(b"a AUTHENTICATE PLAIN\r\n")
    assert client.say(b"A" * 70_000 + b"\r\n") == b"a BAD not base64\r\n"
    assert client.say(b"b NOOP\r\n") == b"b OK NOOP completed\r\n"


def test_an_endless_response_ends_the_session() -> None:
    client = Client(new_store())
    client.say(b"a AUTHENTICATE PLAIN\r\n")
    assert client.say(b"A" * 2_000_000) == b"* BYE line too long\r\n<Close>\r\n"


def test_logout_says_bye_first_and_closes_after_the_ok() -> None:
    client = selected(new_store())
    client.play(
        """
        C: z LOGOUT
        S: * BYE logging out
        S: z OK LOGOUT completed
        S: <Close>
        """
    )
    assert client.say(b"y NOOP\r\n") == b""
    assert client.core.deadline is None


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("a XYZZY", "a BAD no such command"),
        ("a UID NOOP", "a BAD no such command"),
        ("a UID", "a BAD expected one space"),
        ("a", "a BAD expected one space"),
        ("a ", "a BAD expected an atom"),
        ("", "* BAD expected a tag"),
        (" NOOP", "* BAD expected a tag"),
        ("+ NOOP", "* BAD expected a tag"),
        ("a* NOOP", "* BAD expected one space"),
        ("a  NOOP", "a BAD expected an atom"),
        ("a NOOP ", "a BAD unexpected octets after the command"),
        ("a NOOP x", "a BAD unexpected octets after the command"),
        ("a\tNOOP", "* BAD expected one space"),
        ("a NO\x00OP", "a BAD no such command"),
        ("a NOOP\nb NOOP", "a BAD unexpected octets after the command"),
        ("a NOOP\rb NOOP", "a BAD unexpected octets after the command"),
        ("a LOGIN alice", "a BAD expected one space"),
        ("a LOGIN \xe4 secret", "a BAD expected a string"),
        ('a LOGIN "\xe4" secret', "a BAD expected a string"),
        ('a LOGIN "alice secret', "a BAD expected a string"),
        ("a LOGIN ali{ce secret", "a BAD expected one space"),
        ("a LOGIN alice {-1}", "a BAD expected a literal"),
        ("a LOGIN alice {6", "a BAD expected a literal"),
        ("a CHECK", "a BAD not while nobody is logged in"),
        ("a ENABLE X", "a BAD not while nobody is logged in"),
    ],
)
def test_what_the_grammar_does_not_allow_is_bad_once(line: str, reply: str) -> None:
    client = Client(new_store())
    assert client.say(line.encode("latin-1") + b"\r\n") == reply.encode() + b"\r\n"
    assert client.say(b"z NOOP\r\n") == b"z OK NOOP completed\r\n"


def test_too_many_bad_commands_end_the_session() -> None:
    client = Client(new_store())
    said = client.say(b"a XYZZY\r\n" * (Settings.max_bad_commands + 5))
    assert said.count(b"a BAD") == Settings.max_bad_commands + 1
    assert said.endswith(b"* BYE too many bad commands\r\n<Close>\r\n")


@pytest.mark.parametrize("attempt", [b"a LOGIN alice x\r\n", b"a AUTHENTICATE PLAIN AGFsaWNlAHg=\r\n"])
def test_too_many_failed_log_ins_end_the_session(attempt: bytes) -> None:
    said = Client(new_store()).say(attempt * 30)
    assert said.count(b"a NO [AUTHENTICATIONFAILED]") == Settings.max_failed_log_ins + 1
    assert said.endswith(b"* BYE too many failed log-ins\r\n<Close>\r\n")


@pytest.mark.parametrize("zeros", [0, 20, 30, 5000])
def test_zeros_before_a_count_do_not_hide_the_literal(zeros: int) -> None:
    client = Client(new_store())
    said = client.say(b"a XYZZY {" + b"0" * zeros + b"8+}\r\nb NOOP\r\n\r\nc NOOP\r\n")
    assert said == b"a BAD no such command\r\nc OK NOOP completed\r\n"


def test_a_good_command_forgives_the_bad_ones() -> None:
    client = Client(new_store())
    assert b"BYE" not in client.say((b"a XYZZY\r\n" * Settings.max_bad_commands + b"b NOOP\r\n") * 3)


def test_with_literal_minus_only_small_literals_come_unasked() -> None:
    client = logged_in(new_store(), core=SmallLiterals)
    capabilities = client.say(b"b CAPABILITY\r\n")
    assert b" LITERAL- " in capabilities
    assert b"LITERAL+" not in capabilities
    message = b"a: b\r\n\r\n" + b"x" * 4088
    assert b"b OK " in client.say(b"b APPEND INBOX {4096+}\r\n%b\r\n" % message)
    assert client.say(b"c APPEND INBOX {4097+}\r\n%bx\r\n" % message) == (
        b"c BAD [TOOBIG] a literal of that size has to be synchronizing\r\n"
    )
    assert client.say(b"d APPEND INBOX {4097}\r\n") == b"+ go on\r\n"
    assert b"d OK " in client.say(message + b"x\r\n")


def test_a_refused_synchronizing_literal_is_not_waited_for() -> None:
    client = logged_in(new_store(), settings=Settings(max_message_octets=100))
    client.play(
        """
        C: b XYZZY {3}
        S: b BAD no such command
        C: c APPEND INBOX {101}
        S: c NO [TOOBIG] literal too large
        C: d SELECT {1048577}
        S: d BAD literal too large
        C: e CHECK {3}
        S: e BAD not now
        C: f NOOP
        S: f OK NOOP completed
        """
    )


def test_a_refused_non_synchronizing_literal_is_swallowed() -> None:
    client = logged_in(new_store(), settings=Settings(max_message_octets=8))
    client.play(
        """
        C: b XYZZY {8+}
        C: x NOOP
        C:  {8+}
        C: y NOOP
        C:  {5}
        S: b BAD no such command
        C: c APPEND INBOX {9+}
        C: z NOOP
        C: x y
        S: c NO [TOOBIG] literal too large
        C: d NOOP
        S: d OK NOOP completed
        """
    )


def test_before_log_in_literals_are_small() -> None:
    client = Client(new_store())
    client.play(
        """
        C: a LOGIN {65537}
        S: a BAD literal too large
        C: b LOGIN {65536}
        S: + go on
        """
    )
    assert client.say(b"x" * 65_536 + b" {1}\r\n") == b"b BAD literal too large\r\n"


def test_a_literal_beyond_any_measure_ends_the_session() -> None:
    client = Client(new_store())
    assert client.say(b"a LOGIN {9223372036854775808+}\r\n") == b"* BYE literal too large\r\n<Close>\r\n"
    client = Client(new_store())
    assert client.say(b"a LOGIN {9223372036854775808}\r\n") == b"a BAD literal too large\r\n"
    client = Client(new_store())
    said = client.say(b"a XYZZY {1+}\r\nx {9223372036854775808+}\r\n")
    assert said == b"* BYE literal too large\r\n<Close>\r\n"


def test_literals_by_the_thousand_are_refused() -> None:
    client = selected(new_store())
    key = b"SUBJECT {1+}\r\nx "
    said = client.say(b"b SEARCH " + key * (literals.MAX_LITERALS + 1) + b"ALL\r\nc NOOP\r\n")
    assert said == b"b BAD too many literals\r\nc OK NOOP completed\r\n"


def test_an_over_long_line_is_bad_and_the_next_is_not() -> None:
    client = Client(new_store())
    said = client.say(b"a NOOP " + b"(" * 100_000 + b"\r\nb NOOP\r\n")
    assert said == b"a BAD line too long\r\nb OK NOOP completed\r\n"


def test_an_over_long_line_that_comes_in_pieces_still_announces_its_literal() -> None:
    client = Client(new_store())
    said = b"".join(client.say(b"a NOOP " + b"(" * 30_000 if not piece else b"(" * 30_000) for piece in range(5))
    assert said == b""
    assert client.core.reader.held_octets < literals.MAX_LINES_OCTETS + 31_000
    assert client.say(b" {8+}\r\nb NOOP\r\n\r\n") == b"a BAD line too long\r\n"
    assert client.say(b"c NOOP\r\n") == b"c OK NOOP completed\r\n"


def test_a_line_without_end_ends_the_session() -> None:
    client = Client(new_store())
    said = b"".join(client.say(b"a" * 100_000) for _ in range(20))
    assert said == b"* BYE line too long\r\n<Close>\r\n"


def test_lines_of_one_command_count_together() -> None:
    client = logged_in(new_store())
    line = b" " * 40_000
    assert client.say(b"b SELECT {1+}\r\nx" + line + b"{1+}\r\nx" + line + b"\r\n") == b"b BAD line too long\r\n"
    assert client.say(b"c NOOP\r\n") == b"c OK NOOP completed\r\n"


def test_nul_in_a_literal8_is_welcome() -> None:
    cursor = Cursor(RawCommand((b"~{3+}", b""), (b"a\0b",)))
    assert cursor.literal8() == b"a\0b"
    cursor.end()
    with pytest.raises(GrammarError):
        Cursor(RawCommand((b"~x",))).literal8()


def test_nul_in_a_literal_is_bad() -> None:
    store = new_store()
    client = logged_in(store)
    client.play(
        """
        C: b SELECT {3+}
        C: a\x00b
        S: b BAD NUL in a literal
        C: c APPEND INBOX {3+}
        C: a\x00b
        S: c NO the message has a NUL in it
        """
    )
    assert inbox(store).messages == ()


def test_silence_ends_the_session_and_every_octet_puts_that_off() -> None:
    client = Client(new_store(), settings=Settings(imap_timeout_s=10.0))
    assert client.core.deadline == 10.0
    client.core.receive(b"a", 5.0)
    assert client.core.deadline == 15.0
    assert client.core.timer(14.9) == []
    assert client.core.timer(15.0) != []
    assert client.core.state is State.LOGOUT


def test_a_connection_that_is_gone_watches_nothing() -> None:
    store = new_store()
    client = selected(store)
    client.say(b"b IDLE\r\n")
    woken: list[bool] = []
    client.core.request_wake = lambda: woken.append(True)
    inbox(store).append(b"x")
    assert woken == [True]
    client.core.disconnected()
    inbox(store).append(b"x")
    assert woken == [True]
    assert client.core.receive(b"DONE\r\n", 0.0) == []


def test_identification_namespace_and_enable() -> None:
    logged_in(new_store()).play(
        """
        C: b ID NIL
        S: * ID ("name" "mailspec reference server")
        S: b OK ID completed
        C: c ID ()
        S: * ID …
        S: c OK ID completed
        C: d ID ("name" "x" "os" NIL "v" {2+}
        C: 12)
        S: * ID …
        S: d OK ID completed
        C: e ID ("name" "x" "NAME" "y")
        S: e BAD too many fields, or one twice
        C: f ID ("a-field-name-that-is-too-long-for-id" "x")
        S: f BAD field or value too long
        C: g ID "x"
        S: g BAD expected a list or NIL
        C: h NAMESPACE
        S: * NAMESPACE (("" "/")) (("Other Users/" "/")) NIL
        S: h OK NAMESPACE completed
        C: i ENABLE IDLE X-NONE
        S: * ENABLED
        S: i OK ENABLE completed
        C: j ENABLE
        S: j BAD expected one space
        C: k SELECT INBOX
        S: * FLAGS …
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [PERMANENTFLAGS …] …
        S: * OK [UIDNEXT 1] …
        S: * OK [UIDVALIDITY 7] …
        S: * OK [MAILBOXID (F…)] …
        S: * OK [HIGHESTMODSEQ 1] …
        S: * OK [URLMECH INTERNAL] …
        S: k OK [READ-WRITE] SELECT completed
        C: l ENABLE X-NONE
        S: l BAD not while a mailbox is selected
        """
    )
