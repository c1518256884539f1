"""URLAUTH (RFC 4467): URLs that let others read one message or part, until they expire or are revoked.

The INTERNAL mechanism's token is an HMAC with SHA-256 over the rump URL, under a key of the owner's for that mailbox; a
first octet says which algorithm made it (RFC 4467 §2.4.1).
"""

from __future__ import annotations

import hmac
import os
from urllib.parse import unquote_to_bytes

from reference_server.imap.append import AppendCommand
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.names import parse_mailbox
from reference_server.imap.responses import astring
from reference_server.imap.selection import Selection
from reference_server.imap.urls import AuthorizedUrl, parse_authorized
from reference_server.stores import Account

INTERNAL = b"INTERNAL"

ALGORITHM = b"01"
"""What the token begins with: HMAC with SHA-256 made it."""

MAX_URLS = 100
"""URLs of one command."""


def parse_resetkey(cursor: Cursor) -> bytes | None:
    """`resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]`: the mailbox as on the wire, None for all of them."""
    if not cursor.peek(b" "):
        return None
    mailbox = parse_mailbox(cursor)
    while cursor.skip(b" "):
        if cursor.atom() != INTERNAL:
            raise GrammarError("INTERNAL is the only mechanism")
    return mailbox


def parse_genurlauth(cursor: Cursor) -> tuple[bytes, ...]:
    """`genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)`: the rumps."""
    rumps: list[bytes] = []
    while not rumps or cursor.peek(b" "):
        cursor.space()
        rumps.append(cursor.astring())
        cursor.space()
        if cursor.atom() != INTERNAL:
            raise GrammarError("INTERNAL is the only mechanism")
        _require_few(rumps)
    return tuple(rumps)


def parse_urlfetch(cursor: Cursor) -> tuple[bytes, ...]:
    """`urlfetch = "URLFETCH" 1*(SP url-full)`."""
    urls: list[bytes] = []
    while not urls or cursor.peek(b" "):
        cursor.space()
        urls.append(cursor.astring())
        _require_few(urls)
    return tuple(urls)


def _require_few(urls: list[bytes]) -> None:
    if len(urls) > MAX_URLS:
        raise GrammarError("too many URLs")


class UrlAuth(Selection, AppendCommand):
    """Mixin: RESETKEY, GENURLAUTH, URLFETCH."""

    def tell_mailbox(self) -> None:
        """What SELECT owes, and the mechanisms of URLAUTH (RFC 4467 §8, URLMECH)."""
        super().tell_mailbox()
        self.untagged(b"OK [URLMECH INTERNAL] mechanisms of URLAUTH")

    def on_resetkey(self, wire_name: bytes | None) -> bytes:
        """Answer RESETKEY: all URLs that the old key stood for are void."""
        if wire_name is None:
            self.user.reset_access_keys()
            return b"all keys removed"
        self.user.reset_access_keys(self.existing(wire_name).mailbox_id)
        return b"[URLMECH INTERNAL] key replaced"

    def on_genurlauth(self, rumps: tuple[bytes, ...]) -> bytes:
        """Answer GENURLAUTH: the URLs with their tokens, or BAD if one of them cannot have one (RFC 4467 §7)."""
        urls = []
        for rump in rumps:
            try:
                url = parse_authorized(rump)
            except ValueError as error:
                raise GrammarError("not the URL of a message, with user and access") from error
            mailbox = self.mailbox_at(self.user, url.part)
            if url.token is not None or self.owner_of(url) is not self.user or mailbox is None:
                raise GrammarError("not the URL of a message in a mailbox of yours")
            urls.append(b"%b:internal:%b" % (rump, self.token_of(self.user.access_key(mailbox.mailbox_id), url)))
        self.untagged(b" ".join((b"GENURLAUTH", *(astring(url, self.render_string) for url in urls))))
        return b"GENURLAUTH completed"

    def on_urlfetch(self, urls: tuple[bytes, ...]) -> bytes:
        """Answer URLFETCH: each URL with what it names, NIL where it names or grants nothing (RFC 4467 §8)."""
        data = []
        for url in urls:
            data += [astring(url, self.render_string), self.render_nstring(self.octets_granted(url))]
        self.untagged(b" ".join((b"URLFETCH", *data)))
        return b"URLFETCH completed"

    def octets_granted(self, url: bytes) -> bytes | None:
        """What the URL lets this session read, with the access of the URL's owner; None if nothing."""
        try:
            asked = parse_authorized(url)
        except ValueError:
            return None
        owner = self.owner_of(asked)
        mailbox = None if owner is None else self.mailbox_at(owner, asked.part)
        # Where there is no mailbox a key is made up, so that the answer takes as long (RFC 4467 §6).
        key = os.urandom(32) if owner is None or mailbox is None else owner.access_key(mailbox.mailbox_id)
        right = hmac.compare_digest(self.token_of(key, asked), (asked.token or b"").lower())
        if owner is None or not (right and asked.mechanism == INTERNAL and self.may_use(asked)):
            return None
        return self.octets_at(owner, asked.part)

    def may_use(self, url: AuthorizedUrl) -> bool:
        """Whether it has not expired and its access identifier is for this session (RFC 4467 §3)."""
        if url.expires is not None and self.settings.wall_clock() > url.expires:
            return False
        kind, _, user = url.access.partition(b"+")
        if kind.lower() == b"user":
            return self.account_named(unquote_to_bytes(user)) is self.user
        # Nobody is an authorized submission entity here, nobody is anonymous, and everybody is logged in.
        return kind.lower() != b"submit"

    def token_of(self, key: bytes, url: AuthorizedUrl) -> bytes:
        """The token, in hexadecimal, for a rump URL taken octet for octet (RFC 4467 §6)."""
        return ALGORITHM + hmac.digest(key, url.rump, "sha256").hex().encode("ascii")

    def owner_of(self, url: AuthorizedUrl) -> Account | None:
        """The account that a URL's mailbox belongs to."""
        return self.account_named(url.user.encode("utf-8"))

    def account_named(self, user: bytes) -> Account | None:
        """The account of a user, with or without its domain."""
        name = user.decode("utf-8", "replace")
        names = [name] if "@" in name else [f"{name}@{domain}" for domain in sorted(self.settings.domains)]
        return next((found for found in map(self.store.account, names) if found is not None), None)
