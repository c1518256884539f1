"""CRAM-MD5, OAUTHBEARER, XOAUTH2 and EXTERNAL (RFC 2195, RFC 7628, RFC 4422), and when which mechanism is offered."""

from __future__ import annotations

import hmac
import json

import pytest

from reference_server.accounts import Directory, User
from reference_server.core import Send, Settings, Surroundings
from reference_server.imap.core import ImapCore
from reference_server.pop3.core import Pop3Core
from reference_server.sasl import MECHANISMS, Challenge, Exchange, Failure, Kind, Step
from reference_server.smtp.core import SmtpCore
from reference_server.stores.memory import MemoryStore
from tests.reference_server.sasl_dialogue import END_POINT, Server, token, who

ALICE, BOB = "alice@example.test", "bob@example.test"
USERS = Directory([
    User(address=ALICE, password="secret", token="t0ken+/=="),
    User(address=BOB, password="pässword", certificate_names=("Bob",)),
    User(address="a,b@example.test", token="t2"),
])  # fmt: skip


def begin(name: str, initial: bytes | None = None, *, server: Server | None = None) -> tuple[Exchange, Step]:
    exchange = MECHANISMS[name](server or Server(USERS))
    return exchange, exchange.start(None if initial is None else token(initial))


# -- CRAM-MD5 ---------------------------------------------------------------------------------------------------------


def test_the_example_of_rfc_2195_logs_in() -> None:
    server = Server({"tim@postoffice.reston.mci.net": "tanstaaftanstaaf"}, nonce="1896.697170952")
    server.settings = Settings(nonce=server.settings.nonce, hostname="postoffice.reston.mci.net")
    exchange, step = begin("CRAM-MD5", server=server)
    assert step == Challenge(b"<1896.697170952@postoffice.reston.mci.net>")
    assert who(exchange.step(token(b"tim b913a602c7eda7a495b4e6e7334d3890"))) == "tim@postoffice.reston.mci.net"


def response(name: str, password: str) -> bytes:
    return name.encode() + b" " + hmac.digest(password.encode(), b"<ours@mail.example.test>", "md5").hex().encode()


@pytest.mark.parametrize(
    ("octets", "outcome"),
    [
        (response("alice", "secret"), ALICE),
        (response("bob", "pässword"), BOB),
        (response("alice", "guess"), Kind.WRONG_CREDENTIALS),
        (response("carol", "secret"), Kind.WRONG_CREDENTIALS),
        (response("alice", "secret").upper(), Kind.WRONG_CREDENTIALS),
        (b"alice \xff", Kind.WRONG_CREDENTIALS),
        (b"", Kind.MALFORMED),
        (b"alice", Kind.MALFORMED),
        (b"alice ", Kind.MALFORMED),
        (b" 0123", Kind.MALFORMED),
        (b"al\xffice 0123", Kind.MALFORMED),
    ],
)
def test_cram_md5_takes_a_name_and_the_right_digest(octets: bytes, outcome: str | Kind) -> None:
    exchange, _ = begin("CRAM-MD5")
    step = exchange.step(token(octets))
    assert (who(step) if isinstance(outcome, str) else step) == (
        outcome if isinstance(outcome, str) else Failure(outcome)
    )


def test_cram_md5_has_no_initial_response() -> None:
    assert begin("CRAM-MD5", response("alice", "secret"))[1] == Failure(Kind.PREMATURE)
    assert begin("CRAM-MD5", b"")[1] == Failure(Kind.PREMATURE)


# -- Bearer tokens ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message", "user"),
    [
        ("OAUTHBEARER", b"n,,\1auth=Bearer t0ken+/==\1\1", ALICE),
        ("OAUTHBEARER", b"y,a=alice,\1host=mail.example.test\1port=143\1auth=bearer  t0ken+/==\1x=\1\1", ALICE),
        ("OAUTHBEARER", b"n,a=a=2Cb,\1Auth=BEARER t2\1\1", "a,b@example.test"),
        ("XOAUTH2", b"user=alice@example.test\1auth=Bearer t0ken+/==\1\1", ALICE),
        ("XOAUTH2", b"user=a,b\1auth=Bearer t2\1\1", "a,b@example.test"),
    ],
)
def test_a_token_logs_its_user_in(name: str, message: bytes, user: str) -> None:
    assert who(begin(name, message)[1]) == user
    exchange, step = begin(name)
    assert step == Challenge(b"")
    assert who(exchange.step(token(message))) == user


@pytest.mark.parametrize(
    ("name", "message", "status", "last"),
    [
        ("OAUTHBEARER", b"n,,\1auth=Bearer wrong\1\1", "invalid_token", b"\1"),
        ("OAUTHBEARER", b"n,a=bob,\1auth=Bearer t0ken+/==\1\1", "invalid_token", b"\1"),
        ("XOAUTH2", b"user=alice\1auth=Bearer wrong\1\1", "401", b""),
        ("XOAUTH2", b"user=bob\1auth=Bearer t2\1\1", "401", b""),
    ],
)
def test_a_refusal_is_told_in_json_and_is_final_whatever_the_client_says(
    name: str, message: bytes, status: str, last: bytes
) -> None:
    for answer in (last, message, b"n,,\1auth=Bearer t0ken+/==\1\1"):
        exchange, step = begin(name, message)
        assert isinstance(step, Challenge)
        assert json.loads(step.octets)["status"] == status
        assert exchange.step(token(answer)) == Failure(Kind.REFUSED)
    exchange, _ = begin(name, message)
    assert exchange.step(b"*") == Failure(Kind.CANCELLED)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *(
            ("OAUTHBEARER", message)
            for message in (
                b"", b"\1", b"n,,\1\1", b"n,,\1auth=Bearer t2\1", b"n,\1auth=Bearer t2\1\1",
                b"p=tls-unique,,\1auth=Bearer t2\1\1", b"n,a=,\1auth=Bearer t2\1\1", b"n,a=x=y,\1auth=Bearer t2\1\1",
                b"n,a=\xff,\1auth=Bearer t2\1\1", b"n,,\1auth=Basic t2\1\1", b"n,,\1auth=Bearer\1\1",
                b"n,,\1auth=Bearer t 2\1\1", b"n,,\1auth=Bearer t2\1auth=Bearer t2\1\1", b"n,,\1t2\1\1",
                b"n,,\1auth=Bearer \xff\1\1", b"n,,\1au2h=Bearer t2\1auth=Bearer t2\1\1",
            )
        ),
        *(
            ("XOAUTH2", message)
            for message in (
                b"", b"user=\1auth=Bearer t2\1\1", b"user=alice\1\1", b"auth=Bearer t2\1\1",
                b"user=\xff\1auth=Bearer t2\1\1", b"user=alice\1auth=Bearer t2\1",
            )
        ),
    ],
)  # fmt: skip
def test_a_message_against_the_grammar_is_refused_at_once(name: str, message: bytes) -> None:
    assert begin(name, message)[1] == Failure(Kind.MALFORMED)


# -- EXTERNAL ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "asked", "outcome"),
    [
        ((ALICE,), b"", ALICE),
        ((ALICE,), b"alice", ALICE),
        (("nobody", "BOB"), b"", BOB),
        ((ALICE, "Bob"), b"bob", BOB),
        ((ALICE,), b"bob", Kind.NOT_AUTHORIZED),
        (("nobody",), b"", Kind.WRONG_CREDENTIALS),
        (("nobody",), b"alice", Kind.WRONG_CREDENTIALS),
        ((ALICE,), b"alice\0", Kind.MALFORMED),
        ((ALICE,), b"\xff", Kind.MALFORMED),
    ],
)
def test_a_certificate_logs_in_whom_it_names(names: tuple[str, ...], asked: bytes, outcome: str | Kind) -> None:
    step = begin("EXTERNAL", asked, server=Server(USERS, names=names))[1]
    if isinstance(outcome, Kind):
        assert step == Failure(outcome)
    else:
        assert who(step) == outcome


# -- What is offered when ---------------------------------------------------------------------------------------------

SAFE = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
PLAINTEXT = ["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"]
PLUS = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"]
BOUND = {"tls-server-end-point": END_POINT}


@pytest.mark.parametrize(
    ("server", "offered"),
    [
        (Server(USERS, tls=False), SAFE),
        (Server(USERS, tls=False, bindings=BOUND, names=(ALICE,)), SAFE),
        (Server(USERS, tls=False, allow_cleartext=True), SAFE + PLAINTEXT),
        (Server(USERS), SAFE + PLAINTEXT),
        (Server(USERS, bindings=BOUND), SAFE + PLAINTEXT + PLUS),
        (Server(USERS, bindings=BOUND, names=("x",)), [*SAFE, *PLAINTEXT, *PLUS, "EXTERNAL"]),
        (Server(Directory(shared_secrets=False), tls=False), ["SCRAM-SHA-256", "SCRAM-SHA-1"]),
    ],
)
def test_a_mechanism_is_offered_when_all_that_it_needs_is_there(server: Server, offered: list[str]) -> None:
    assert sorted(server.offered_mechanisms()) == sorted(offered)
    assert server.binds_channels() == ("SCRAM-SHA-256-PLUS" in offered)
    for name, mechanism in MECHANISMS.items():
        assert server.is_on_offer(mechanism) == (name in offered)


def test_a_channel_in_the_clear_binds_to_nothing() -> None:
    assert Server(tls=False, bindings=BOUND).channel_binding("tls-server-end-point") is None
    assert Server(bindings=BOUND).channel_binding("tls-server-end-point") == END_POINT
    assert Server(bindings=BOUND).channel_binding("tls-exporter") is None


def test_nonces_are_random_and_challenges_are_message_ids() -> None:
    server = Server()
    server.settings = Settings()
    assert len({server.nonce() for _ in range(10)}) == 10
    assert server.message_id().endswith("@mail.example.test>")


# -- What the protocols say to a mechanism that cannot be used as things are -----------------------------------------

REFUSALS = [
    (SmtpCore, b"EHLO x\r\nAUTH %b\r\n", b"538 5.7.11", b"504 5.5.4"),
    (Pop3Core, b"AUTH %b\r\n", b"-ERR encryption required", b"-ERR not available"),
    (ImapCore, b"a AUTHENTICATE %b\r\n", b"a NO [CANNOT]", b"a NO [CANNOT]"),
]


@pytest.mark.parametrize(("kind", "command", "in_clear", "in_tls"), REFUSALS)
def test_a_mechanism_out_of_place_is_refused(
    kind: type[SmtpCore | Pop3Core | ImapCore], command: bytes, in_clear: bytes, in_tls: bytes
) -> None:
    for tls, name, reply in (
        (False, b"SCRAM-SHA-256-PLUS", in_clear),
        (False, b"EXTERNAL", in_clear),
        (True, b"SCRAM-SHA-256-PLUS", in_tls),
        (True, b"EXTERNAL", in_tls),
        (True, b"CRAM-MD5", in_tls),
    ):
        core = kind(MemoryStore(Directory(shared_secrets=False)), Settings(), Surroundings(tls=tls))
        core.connected(0.0)
        said = b"".join(action.octets for action in core.receive(command % name, 0.0) if isinstance(action, Send))
        assert said.split(b"\r\n")[-2].startswith(reply)
