"""Who may log in, and by what proof (RFC 4013, RFC 5802 §3, RFC 5803, RFC 2195, RFC 1939 §7)."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from reference_server.accounts import DEFAULT_USERS, Directory, User, directory
from reference_server.accounts.scram_keys import DIGESTS, ScramKeys, derive, parse

ALICE, BOB = "alice@example.test", "bob@example.test"
SALT = b"0123456789abcdef"


@pytest.fixture
def users() -> Directory:
    return Directory([
        User(address=ALICE, password="secret", token="t0ken", aliases=("a.smith@example.test",)),
        User(address=BOB, password="pässword", certificate_names=("Bob Builder", "shared")),
        User(address="carol@other.test", token="another", certificate_names=("shared",)),
    ])  # fmt: skip


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Passwords from which keys were derived."""
    tried: list[bytes] = []
    real = hashlib.pbkdf2_hmac

    def counting(digest: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        tried.append(password)
        return real(digest, password, salt, iterations)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counting)
    return tried


@pytest.mark.parametrize("name", ["alice", "ALICE", ALICE, "Alice@Example.Test", "a.smith", "a.smith@example.test"])
def test_a_user_logs_in_by_address_or_alias_with_and_without_the_domain(users: Directory, name: str) -> None:
    assert users.verify(name, "secret") == ALICE
    assert users.address_of(name) == ALICE


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "Secret"), ("alice", ""), ("dave", "secret"), ("", ""), ("carol", ""), ("\a", "\a")],
)
def test_wrong_credentials_are_nobodys(users: Directory, name: str, password: str) -> None:
    assert users.verify(name, password) is None


def test_names_and_passwords_are_compared_prepared(users: Directory) -> None:
    assert users.verify("bob", "pa\u0308ssword") == BOB


@pytest.mark.parametrize("name", ["alice", "dave", "carol"])
def test_a_wrong_password_an_unknown_name_and_a_user_without_one_cost_the_same(
    users: Directory, derivations: list[bytes], name: str
) -> None:
    users.verify(name, "guess")
    users.verify(name, "guess")
    assert derivations == [b"guess", b"guess"]


def test_a_password_found_right_is_not_derived_from_again(users: Directory, derivations: list[bytes]) -> None:
    assert [users.verify("alice", "secret") for _ in range(3)] == [ALICE] * 3
    assert derivations == [b"secret"]
    assert users.verify("alice", "guess") is None
    assert users.verify("bob", "secret") is None
    assert derivations == [b"secret", b"guess", b"secret"]


def test_the_same_users_of_another_directory_need_no_derivation(derivations: list[bytes]) -> None:
    for _ in range(3):
        Directory.of({"dave@example.test": "a new pass word"})
    assert derivations == [b"a new pass word"] * len(DIGESTS)
    Directory.of({f"user{number}@example.test": "x" for number in range(directory._MAX_DERIVED)})
    assert len(directory._DERIVED) <= directory._MAX_DERIVED
    Directory.of({"dave@example.test": "a new pass word"})
    assert derivations.count(b"a new pass word") == 2 * len(DIGESTS)


def test_recipients_are_found_by_their_whole_address_alone(users: Directory) -> None:
    assert users.recipient("A.Smith@EXAMPLE.test") == ALICE
    assert users.recipient("alice") is None
    assert users.address_of("nobody") is None
    assert users.domains == {"example.test", "other.test"}


def test_a_bare_name_belongs_to_the_user_who_was_there_first() -> None:
    users = Directory.of({"a@one.test": "1", "a@two.test": "2"})
    assert users.verify("a", "1") == "a@one.test"
    assert users.verify("a", "2") is None
    assert users.verify("a@two.test", "2") == "a@two.test"


@pytest.mark.parametrize(
    "user",
    [
        User(address="alice"),
        User(address="@example.test"),
        User(address="dave@"),
        User(address="ALICE@example.test"),
        User(address="A.Smith@example.test"),
        User(address="dave@example.test", aliases=("dave@example.test",)),
        User(address="dave@example.test", aliases=("bob@example.test",)),
        User(address="dave@example.test", aliases=("dave",)),
        User(address="dave@example.test", token="t0ken"),
        User(address="dave@example.test", password="\a"),
        User(address="dave@example.test", password=""),
        User(address="dave@example.test", password="\u00ad"),
        User(address="da\ave@example.test"),
    ],
)
def test_a_user_who_cannot_be_told_apart_or_prepared_is_not_taken(users: Directory, user: User) -> None:
    with pytest.raises(ValueError, match=r"account|token|prohibited|empty") as raised:
        users.add(user)
    assert "t0ken" not in str(raised.value)
    assert len(users) == 3
    assert users.address_of("dave") is None


def test_a_digest_proves_the_password() -> None:
    users = Directory.of(DEFAULT_USERS)
    digest = hashlib.md5(b"<1@x>secret", usedforsecurity=False).hexdigest()
    assert users.verify_digest("bob", b"<1@x>", digest) == BOB
    assert users.verify_digest("bob", b"<2@x>", digest) is None
    assert users.verify_digest("bob", b"<1@x>", digest.upper()) is None
    assert users.verify_digest("dave", b"<1@x>", digest) is None
    assert users.verify_digest("bob", b"<1@x>", "\udcff") is None


def test_the_keyed_digest_of_the_rfc_proves_the_password() -> None:
    # RFC 2195 §2
    users = Directory([User(address="tim@postoffice.reston.mci.net", password="tanstaaftanstaaf")])
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    digest = "b913a602c7eda7a495b4e6e7334d3890"
    assert users.verify_keyed_digest("tim", challenge, digest) == "tim@postoffice.reston.mci.net"
    assert users.verify_keyed_digest("tim", challenge + b".", digest) is None
    assert users.verify_keyed_digest("tom", challenge, digest) is None


def test_without_shared_secrets_no_password_is_kept_and_no_digest_is_right(users: Directory) -> None:
    users = Directory.of(DEFAULT_USERS, shared_secrets=False)
    assert users.verify("bob", "secret") == BOB
    digest = hashlib.md5(b"<1@x>secret", usedforsecurity=False).hexdigest()
    assert users.verify_digest("bob", b"<1@x>", digest) is None
    assert users.verify_keyed_digest("bob", b"<1@x>", hmac.digest(b"secret", b"<1@x>", "md5").hex()) is None


def test_a_token_is_one_users_and_must_agree_with_a_name_that_is_given(users: Directory) -> None:
    assert users.verify_token("t0ken") == ALICE
    assert users.verify_token("t0ken", "a.smith") == ALICE
    assert users.verify_token("another") == "carol@other.test"
    for token, name in (("t0ken", "bob"), ("t0ken", "dave"), ("T0ken", ""), ("", ""), ("\udcff", "")):
        assert users.verify_token(token, name) is None


def test_a_certificate_belongs_to_whom_it_names(users: Directory) -> None:
    assert users.verify_certificate([ALICE]) == ALICE
    assert users.verify_certificate(["nobody", "bob builder"]) == BOB
    assert users.verify_certificate([BOB]) is None
    assert users.verify_certificate([]) is None
    assert users.verify_certificate(["shared"]) == BOB
    assert users.verify_certificate(["shared"], "carol") == "carol@other.test"
    assert users.verify_certificate(["shared"], "alice") is None


@pytest.mark.parametrize("scheme", DIGESTS)
def test_keys_have_the_form_of_the_rfc(scheme: str) -> None:
    keys = derive(scheme, b"secret", salt=SALT)
    assert keys.text().startswith(f"{scheme}$4096:MDEyMzQ1Njc4OWFiY2RlZg==$")
    assert parse(keys.text()) == keys
    assert keys.matches(b"secret")
    assert not keys.matches(b"Secret")


def test_keys_can_stand_in_for_the_password() -> None:
    for scheme in DIGESTS:
        users = Directory([User(address=ALICE, scram_keys=[derive(scheme, b"secret", salt=SALT)])])
        assert users.verify("alice", "secret") == ALICE
        assert users.verify("alice", "guess") is None
        assert users.scram_keys("alice", scheme).salt == SALT
        assert users.verify_digest("alice", b"", hashlib.md5(b"secret", usedforsecurity=False).hexdigest()) is None


def b64(octets: int) -> str:
    return base64.b64encode(b"x" * octets).decode()


@pytest.mark.parametrize(
    "text",
    [
        "secret",
        "",
        f"SCRAM-MD5$4096:{b64(16)}${b64(16)}:{b64(16)}",
        f"SCRAM-SHA-1$4096:{b64(16)}${b64(32)}:{b64(32)}",
        f"SCRAM-SHA-256$4096:{b64(16)}${b64(32)}:{b64(31)}",
        f"SCRAM-SHA-256$4095:{b64(16)}${b64(32)}:{b64(32)}",
        f"SCRAM-SHA-256$1000001:{b64(16)}${b64(32)}:{b64(32)}",
        f"SCRAM-SHA-256$4096:x${b64(32)}:{b64(32)}",
        f"SCRAM-SHA-256$4096:${b64(32)}:{b64(32)}",
    ],
)
def test_other_text_is_no_keys_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 5803|octets|iterations") as raised:
        parse(text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("scheme", DIGESTS)
def test_an_unknown_name_has_keys_that_stay_the_same_and_nobody_can_prove(users: Directory, scheme: str) -> None:
    decoy = users.scram_keys("dave", scheme)
    assert decoy == users.scram_keys("DAVE", scheme)
    assert decoy != users.scram_keys("eve", scheme)
    real = users.scram_keys("alice", scheme)
    assert (decoy.iterations, len(decoy.salt), len(decoy.stored_key)) == (4096, len(real.salt), len(real.stored_key))
    assert users.scram_keys("carol", scheme) != Directory().scram_keys("carol", scheme)


def test_an_unknown_name_looks_like_some_user(users: Directory) -> None:
    users = Directory(
        User(address=f"u{n}@x.test", scram_keys=[derive("SCRAM-SHA-256", b"x", salt=SALT[:salt], iterations=n)])
        for n, salt in ((4097, 12), (5000, 16))
    )
    shapes = {
        (keys.iterations, len(keys.salt)) for keys in (users.scram_keys(f"no{n}", "SCRAM-SHA-256") for n in range(40))
    }
    assert shapes == {(4097, 12), (5000, 16)}
    assert users.scram_keys("no1", "SCRAM-SHA-1").iterations == 4096


def test_an_empty_password_is_never_right() -> None:
    users = Directory([User(address=ALICE, scram_keys=[derive("SCRAM-SHA-256", b"", salt=SALT)])])
    assert users.verify("alice", "") is None
    assert users.verify("alice", "\u00ad") is None


def test_a_directory_forgets_what_it_need_not_know_and_shows_no_secret(users: Directory) -> None:
    shown = [repr(user) for user in users] + [repr(User(address=ALICE, password="secret", token="t0ken"))]
    shown += [repr(entry) for entry in users._entries.values()] + [repr(users)]
    keys: ScramKeys = users.scram_keys("alice", "SCRAM-SHA-256")
    for secret in ("secret", "t0ken", repr(keys.stored_key), repr(keys.server_key)):
        assert not [text for text in shown if secret in text]
    assert [(user.address, user.password, user.token) for user in users] == [
        (ALICE, None, None), (BOB, None, None), ("carol@other.test", None, None)]  # fmt: skip
