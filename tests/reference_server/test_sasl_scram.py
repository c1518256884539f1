"""SCRAM with and without channel binding: the RFCs' own examples, and what has to be refused (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64

import pytest

from reference_server.accounts import Directory, User
from reference_server.accounts.scram_keys import derive
from reference_server.sasl import MECHANISMS, Challenge, Exchange, Failure, Kind, Step
from tests.reference_server.sasl_dialogue import END_POINT, ScramClient, Server, token, who

DIGESTS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1-PLUS": "sha1", "SCRAM-SHA-256-PLUS": "sha256"}
BOUND = {"tls-server-end-point": END_POINT, "tls-unique": b"finished"}

EXAMPLES = {
    "SCRAM-SHA-1": (  # RFC 5802 §5
        "3rfcNHYJY1ZVvWVs7j",
        "QSXCR+Q6sek8bf92",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (  # RFC 7677 §3
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_the_rfc_goes_octet_for_octet(name: str) -> None:
    nonce, salt, first, challenge, final, signature = EXAMPLES[name]
    keys = derive(name, b"pencil", salt=base64.b64decode(salt))
    exchange = MECHANISMS[name](Server(Directory([User(address="user@x.test", scram_keys=[keys])]), nonce=nonce))
    assert exchange.start(token(first)) == Challenge(challenge)
    assert exchange.step(token(final)) == Challenge(signature)
    assert who(exchange.step(b"")) == "user@x.test"


def begun(name: str, server: Server, client: ScramClient) -> tuple[Exchange, Step]:
    exchange = MECHANISMS[name](server)
    return exchange, exchange.start(token(client.first()))


@pytest.mark.parametrize("name", DIGESTS)
@pytest.mark.parametrize("kind", BOUND)
def test_a_client_that_knows_the_password_gets_in_and_hears_our_signature(name: str, kind: str) -> None:
    bound = name.endswith("-PLUS")
    client = ScramClient(
        "alice",
        "secret",
        digest=DIGESTS[name],
        header=f"p={kind},," if bound else "n,,",
        binding=BOUND[kind] if bound else b"",
    )
    exchange = MECHANISMS[name](Server(bindings=BOUND))
    assert exchange.start(None) == Challenge(b"")
    challenge = exchange.step(token(client.first()))
    signed = exchange.step(token(client.final(challenge)))
    assert signed == Challenge(b"v=" + base64.b64encode(client.signature))
    assert who(exchange.step(b"")) == "alice@example.test"


@pytest.mark.parametrize(
    ("name", "password", "header", "kind"),
    [
        ("alice", "guess", "n,,", Kind.WRONG_CREDENTIALS),
        ("carol", "secret", "n,,", Kind.WRONG_CREDENTIALS),
        ("alice", "secret", "n,a=bob,", Kind.NOT_AUTHORIZED),
        ("alice", "guess", "n,a=bob,", Kind.WRONG_CREDENTIALS),
    ],
)
def test_who_cannot_prove_or_wants_to_be_another_stays_out(name: str, password: str, header: str, kind: Kind) -> None:
    client = ScramClient(name, password, header=header)
    exchange, challenge = begun("SCRAM-SHA-256", Server(), client)
    assert isinstance(challenge, Challenge)
    assert exchange.step(token(client.final(challenge))) == Failure(kind)


@pytest.mark.parametrize("authzid", ["alice", "ALICE", "alice@example.test"])
def test_one_may_act_for_oneself(authzid: str) -> None:
    client = ScramClient("alice", "secret", header=f"n,a={authzid},")
    exchange, challenge = begun("SCRAM-SHA-256", Server(), client)
    assert isinstance(exchange.step(token(client.final(challenge))), Challenge)


def test_commas_and_equals_signs_in_names_are_escaped() -> None:
    client = ScramClient("a=2Cb=3Dc", "secret")
    exchange, challenge = begun("SCRAM-SHA-256", Server({"a,b=c@x.test": "secret"}), client)
    exchange.step(token(client.final(challenge)))
    assert who(exchange.step(b"")) == "a,b=c@x.test"


@pytest.mark.parametrize(
    "first",
    [b"", b"n,,n=alice", b"n=alice,r=x", b"n,,r=x,n=alice", b"n,,n=,r=x", b"n,,n=alice,r=", b"n,,n=alice,r=\xff",
     b"n,,m=x,n=alice,r=x", b"n,,n=al=2cice,r=x", b"n,,n=al=ice,r=x", b"n,,n=al\xffice,r=x", b"n,,n=al\0ice,r=x",
     b"n,a=,n=alice,r=x", b"n,a=x=y,n=alice,r=x", b"n,b=x,n=alice,r=x", b"q,,n=alice,r=x", b"p=,,n=alice,r=x",
     b"n,,n=alice,r=x,", b"n,,n=alice,r=x,y", b"n,,n=alice,r=x\n"],
)  # fmt: skip
def test_a_first_message_against_the_grammar_is_refused(first: bytes) -> None:
    assert MECHANISMS["SCRAM-SHA-256"](Server()).start(token(first)) == Failure(Kind.MALFORMED)


def test_extensions_that_need_no_understanding_are_passed_over() -> None:
    step = MECHANISMS["SCRAM-SHA-256"](Server()).start(token(b"n,,n=alice,r=x,z=1,q=a=b"))
    assert isinstance(step, Challenge)


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"c=biws,r=theirsours", b"r=theirsours,c=biws,p=AAAA", b"c=biws,r=theirs,p=AAAA", b"c=biws,r=ours,p=AAAA",
     b"c=biws,r=theirsours,p=", b"c=b,r=theirsours,p=AAAA", b"c=biws,r=theirsours,p=A",
     b"c=biws,p=AAAA,r=theirsours"],
)  # fmt: skip
def test_a_final_message_against_the_grammar_or_with_another_nonce_is_refused(spoilt: bytes) -> None:
    exchange, _ = begun("SCRAM-SHA-256", Server(), ScramClient("alice", "secret"))
    assert exchange.step(token(spoilt)) == Failure(Kind.MALFORMED)


def test_a_proof_that_is_cut_or_turned_is_wrong() -> None:
    for spoil in (lambda proof: proof[:-1], lambda proof: proof + b"\0", lambda proof: proof[::-1]):
        client = ScramClient("alice", "secret")
        exchange, challenge = begun("SCRAM-SHA-256", Server(), client)
        assert exchange.step(token(client.final(challenge, spoil))) == Failure(Kind.WRONG_CREDENTIALS)


def test_nothing_but_silence_follows_our_signature() -> None:
    client = ScramClient("alice", "secret")
    exchange, challenge = begun("SCRAM-SHA-256", Server(), client)
    exchange.step(token(client.final(challenge)))
    assert exchange.step(token(b"x")) == Failure(Kind.MALFORMED)


def test_a_client_that_binds_to_another_connection_is_refused() -> None:
    client = ScramClient("alice", "secret", header="p=tls-server-end-point,,", binding=b"man in the middle")
    exchange, challenge = begun("SCRAM-SHA-256-PLUS", Server(bindings=BOUND), client)
    assert exchange.step(token(client.final(challenge))) == Failure(Kind.WRONG_CREDENTIALS)


@pytest.mark.parametrize(
    ("name", "header", "bindings", "taken"),
    [
        ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", BOUND, True),
        ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", BOUND, False),
        ("SCRAM-SHA-256-PLUS", "n,,", BOUND, False),
        ("SCRAM-SHA-256-PLUS", "y,,", BOUND, False),
        ("SCRAM-SHA-256", "p=tls-server-end-point,,", BOUND, False),
        ("SCRAM-SHA-256", "n,,", BOUND, True),
        # RFC 5802 §6: this client saw no -PLUS in our list, so that somebody has taken it out.
        ("SCRAM-SHA-256", "y,,", BOUND, False),
        ("SCRAM-SHA-256", "y,,", {}, True),
    ],
)
def test_the_channel_binding_flag_agrees_with_what_is_offered(
    name: str, header: str, bindings: dict[str, bytes], *, taken: bool
) -> None:
    _, step = begun(name, Server(bindings=bindings), ScramClient("alice", "secret", header=header))
    assert isinstance(step, Challenge if taken else Failure)


def test_an_unknown_name_is_asked_like_a_known_one_and_always_the_same() -> None:
    server = Server()
    asked = {begun("SCRAM-SHA-256", server, ScramClient("carol", "x"))[1] for _ in range(2)}
    (challenge,) = asked
    assert isinstance(challenge, Challenge)
    known = begun("SCRAM-SHA-256", server, ScramClient("alice", "x"))[1]
    assert isinstance(known, Challenge)
    assert len(challenge.octets) == len(known.octets)


@pytest.mark.parametrize(
    ("right", "wrong"), [(b"c=biws,", b"c=biws=,"), (b"c=biws,", b"c=biw,"), (b"pencil", b"pencil=")]
)
def test_base64_inside_a_message_is_as_strict_as_that_around_it(right: bytes, wrong: bytes) -> None:
    """RFC 5802 §7 has its own production, without surplus padding."""
    client = ScramClient("alice", "secret", digest="sha256")
    exchange, challenge = begun("SCRAM-SHA-256", Server(), client)
    final = client.final(challenge)
    spoilt = final + b"=" if right not in final else final.replace(right, wrong)
    assert exchange.step(token(spoilt)) == Failure(Kind.MALFORMED)
