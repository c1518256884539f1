"""All users of one server: names to addresses, and proofs to users (RFC 4013, RFC 4422, RFC 5802 §3)."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from reference_server.accounts.scram_keys import DIGESTS, ITERATIONS, SALT_OCTETS, ScramKeys, derive
from reference_server.accounts.user import User
from reference_server.saslprep import prepare

DEFAULT_USERS: Mapping[str, str] = MappingProxyType({"alice@example.test": "secret", "bob@example.test": "secret"})
"""Address to password of the accounts that are there unless others are asked for."""

_SHA_256 = "SCRAM-SHA-256"

# Keys by a keyed digest of what they were derived from: no password is kept for it.
_DERIVED: dict[bytes, Mapping[str, ScramKeys]] = {}
_MAX_DERIVED = 256
_PROCESS_KEY = os.urandom(32)


@dataclass(slots=True)
class _Entry:
    """One user, with what was derived from his password.

    `seen` is a keyed digest of the password that was last found right: the next log-in with it needs no derivation.
    The key is made for each process and never leaves it; who can read it can read the passwords that clients send too.
    """

    user: User
    keys: Mapping[str, ScramKeys] = field(repr=False)
    secret: bytes | None = field(repr=False)
    seen: bytes | None = field(default=None, repr=False)


class Directory:
    """The users of one server, in the order in which they were added.

    Passwords are kept as SCRAM keys. With `shared_secrets` they are kept in the clear on top, because CRAM-MD5 and APOP
    can be checked no other way (RFC 2195 §2, RFC 1939 §7). An unknown name costs as much as a wrong password, in every
    method that takes a proof.

    `visits` is for who has to know when a user was last there, on the clock of the sessions.

    Names and addresses are compared prepared and without regard to case. Safe to use from several threads.
    """

    def __init__(
        self, users: Iterable[User] = (), *, shared_secrets: bool = True, iterations: int = ITERATIONS
    ) -> None:
        self.shared_secrets = shared_secrets
        self._iterations = iterations
        self._entries: dict[str, _Entry] = {}
        self._recipients: dict[str, _Entry] = {}
        self._log_ins: dict[str, _Entry] = {}
        self.visits: dict[str, float] = {}
        self._tokens: dict[bytes, _Entry] = {}
        self._certificates: dict[str, list[_Entry]] = {}
        # Iteration count and length of the salt of every user's keys, by scheme: what decoys have to look like.
        self._shapes: dict[str, list[tuple[int, int]]] = {}
        self._key = os.urandom(32)
        for user in users:
            self.add(user)

    @classmethod
    def of(cls, passwords: Mapping[str, str], *, shared_secrets: bool = True) -> Directory:
        """A directory of users with an address and a password each.

        Raises:
            ValueError: see `add`.
        """
        users = (User(address=address, password=password) for address, password in passwords.items())
        return cls(users, shared_secrets=shared_secrets)

    def __iter__(self) -> Iterator[User]:
        return iter([entry.user for entry in self._entries.values()])

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def domains(self) -> frozenset[str]:
        """The domains of all addresses and aliases."""
        return frozenset(address.rpartition("@")[2] for address in self._recipients)

    def add(self, user: User) -> None:
        """Take a user in.

        A name without its domain belongs to the user who was there first.

        Raises:
            ValueError: an address has no domain or is taken, something cannot be prepared (RFC 4013 §2.3), or
                nothing is left of the password then.
        """
        addresses = [_address(address) for address in (user.address, *user.aliases)]
        for address, prepared in zip((user.address, *user.aliases), addresses, strict=True):
            if prepared in self._recipients or addresses.count(prepared) > 1:
                raise ValueError(f"there is an account {address} already")
        token = None if user.token is None else _digest(user.token.encode())
        if token in self._tokens:
            raise ValueError(f"the token of {user.address} is another user's too")
        secret = None if user.password is None else prepare(user.password).encode()
        if secret == b"":
            raise ValueError(f"the password of {user.address} is empty")
        entry = _Entry(
            user=user,
            keys=self._keys_of(user, secret),
            secret=secret if self.shared_secrets else None,
        )
        # From here on nobody needs the clear text but who is entitled to it.
        entry.user = replace(user, password=None, token=None, scram_keys=tuple(entry.keys.values()))
        for scheme, keys in entry.keys.items():
            self._shapes.setdefault(scheme, []).append((keys.iterations, len(keys.salt)))
        if token is not None:
            self._tokens[token] = entry
        for name in user.certificate_names or (user.address,):
            self._certificates.setdefault(_key(name), []).append(entry)
        self._entries[addresses[0]] = entry
        for address in addresses:
            self._recipients[address] = self._log_ins[address] = entry
        for address in addresses:
            self._log_ins.setdefault(address.rpartition("@")[0], entry)

    def _keys_of(self, user: User, secret: bytes | None) -> Mapping[str, ScramKeys]:
        derived = {} if secret is None else _derived_keys(user.address, secret, self._iterations)
        return MappingProxyType({**derived, **{given.scheme: given for given in user.scram_keys}})

    # Names.

    def address_of(self, name: str) -> str | None:
        """The address of who logs in by that name: an address or alias, with or without its domain."""
        entry = self._log_ins.get(_key(name))
        return entry.user.address if entry else None

    def recipient(self, address: str) -> str | None:
        """The address of whose mail it is that is sent to this address or alias; the domain has to be there."""
        entry = self._recipients.get(_known_key(address))
        return entry.user.address if entry else None

    # Proofs. Each returns the user's address, or None; none tells what was wrong.

    def verify(self, name: str, password: str) -> str | None:
        """Whose name and password these are."""
        entry = self._log_ins.get(_key(name))
        secret = _prepared(password).encode("utf-8", "surrogateescape")
        tag = hmac.digest(self._key, _key(name).encode("utf-8", "surrogateescape") + b"\0" + secret, "sha256")
        if hmac.compare_digest(tag, (entry and entry.seen) or self._key):
            return entry.user.address if entry else None
        keys = self._strongest(entry) if entry else self._decoy(name, _SHA_256)
        # RFC 4616 §2: a password of which preparing leaves nothing is never right.
        if not keys.matches(secret) or entry is None or not secret:
            return None
        entry.seen = tag
        return entry.user.address

    def verify_digest(self, name: str, challenge: bytes, digest: str) -> str | None:
        """Whose name it is, if `digest` is the lower-case hexadecimal MD5 of challenge and password (RFC 1939 §7)."""
        entry, secret = self._secret_of(name)
        wanted = hashlib.md5(challenge + secret, usedforsecurity=False).hexdigest()
        return _if_equal(entry, wanted, digest)

    def verify_keyed_digest(self, name: str, challenge: bytes, digest: str) -> str | None:
        """Whose name it is, if `digest` is the lower-case hexadecimal HMAC-MD5 of the challenge (RFC 2195 §2)."""
        entry, secret = self._secret_of(name)
        return _if_equal(entry, hmac.digest(secret, challenge, "md5").hex(), digest)

    def scram_keys(self, name: str, scheme: str) -> ScramKeys:
        """The keys of that name, to be proved by SCRAM.

        A name that has none gets keys that nobody can prove, always the same ones in one process as long as no user is
        added, and with an iteration count that some user has: whoever asks cannot tell them apart (RFC 5802 §9).
        """
        entry = self._log_ins.get(_key(name))
        return (entry and entry.keys.get(scheme)) or self._decoy(name, scheme)

    def verify_token(self, token: str, name: str = "") -> str | None:
        """Whose bearer token it is (RFC 7628 §3.1), and of that name unless it is empty."""
        # Looked up by a digest: how long that takes tells nothing about how near a guess was.
        found = self._tokens.get(_digest(token.encode("utf-8", "surrogateescape")))
        if found is None or (name and self._log_ins.get(_key(name)) is not found):
            return None
        return found.user.address

    def verify_certificate(self, names: Iterable[str], name: str = "") -> str | None:
        """Whose client certificate it is by the names in it, which somebody has verified (RFC 4422 appendix A).

        Where they belong to several users the first of them is meant, unless one is named.
        """
        for shown in names:
            for entry in self._certificates.get(_key(shown), ()):
                if not name or self._log_ins.get(_key(name)) is entry:
                    return entry.user.address
        return None

    def _secret_of(self, name: str) -> tuple[_Entry | None, bytes]:
        entry = self._log_ins.get(_key(name))
        if entry is None or entry.secret is None:
            return None, self._key
        return entry, entry.secret

    def _strongest(self, entry: _Entry) -> ScramKeys:
        for scheme in DIGESTS:
            if scheme in entry.keys:
                return entry.keys[scheme]
        return self._decoy(entry.user.address, _SHA_256)

    def _decoy(self, name: str, scheme: str) -> ScramKeys:
        about = scheme.encode() + _key(name).encode("utf-8", "surrogateescape")
        octets = hashlib.new(DIGESTS[scheme]).digest_size
        salt, stored, server = (hmac.digest(self._key, use + about, "sha256") for use in (b"1", b"2", b"3"))
        shapes = self._shapes.get(scheme) or [(self._iterations, SALT_OCTETS)]
        iterations, salt_octets = shapes[int.from_bytes(server[-4:], "big") % len(shapes)]
        return ScramKeys(scheme, (salt + stored)[:salt_octets], iterations, stored[:octets], server[:octets])


def _if_equal(entry: _Entry | None, wanted: str, digest: str) -> str | None:
    right = hmac.compare_digest(wanted.encode("ascii"), digest.encode("utf-8", "surrogateescape"))
    return entry.user.address if right and entry else None


def _address(address: str) -> str:
    key = prepare(address).casefold()
    local_part, at, domain = key.rpartition("@")
    if not (local_part and at and domain):
        raise ValueError(f"an account needs an address such as alice@example.test, not {address!r}")
    return key


def _prepared(text: str) -> str:
    # What cannot be prepared equals no name and no password of ours, since those all could be.
    try:
        return prepare(text)
    except ValueError:
        return text


def _key(name: str) -> str:
    return _prepared(name).casefold()


# Only for mail: at log-in a name that was heard before must not take less time.
_known_key = lru_cache(maxsize=1024)(_key)


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def _derived_keys(address: str, secret: bytes, iterations: int) -> Mapping[str, ScramKeys]:
    """Keys under each hash function. Hundreds of servers with the same users may be started in one test process."""
    tag = hmac.digest(_PROCESS_KEY, f"{iterations}\0{address}\0".encode() + secret, "sha256")
    keys = _DERIVED.get(tag)
    if keys is None:
        salt = os.urandom(SALT_OCTETS)
        keys = {scheme: derive(scheme, secret, salt=salt, iterations=iterations) for scheme in DIGESTS}
        if len(_DERIVED) >= _MAX_DERIVED:
            _DERIVED.clear()
        _DERIVED[tag] = keys
    return keys
