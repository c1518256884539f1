"""IMAP URLs that name a message or a part of one (RFC 5092 §6, §11), with URLAUTH (RFC 4467 §3, §9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes

from reference_server.imap.grammar import MAX_NUMBER, Cursor, GrammarError
from reference_server.imap.literals import RawCommand
from reference_server.imap.sections import Section, parse_section

# achar          = uchar / "&" / "="       ; uchar = unreserved / sub-delims-sh / pct-encoded
_ACHAR = rb"(?:[A-Za-z0-9._~!$'()*+,&=-]|%[0-9A-Fa-f]{2})"
# bchar          = achar / ":" / "@" / "/"
_BCHAR = rb"(?:[A-Za-z0-9._~!$'()*+,&=:@/-]|%[0-9A-Fa-f]{2})"
# iserver        = [iuserinfo "@"] host [ ":" port ]       ; iuserinfo = enc-user [iauth] / [enc-user] iauth
_SERVER = (
    rb"imap://(?:(?P<user>%b+)?(?:;AUTH=(?:\*|%b+))?@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%%-]+)(?::[0-9]*)?"
    % (_ACHAR, _ACHAR)
)
# imessagepart   = enc-mailbox [";UIDVALIDITY=" nz-number] "/;UID=" nz-number ["/;SECTION=" enc-section]
#                  ["/;PARTIAL=" number ["." nz-number]]
_MESSAGE = (
    rb"(?P<mailbox>%b+?)(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{0,9}))?/;UID=(?P<uid>[1-9][0-9]{0,9})"
    rb"(?:/;SECTION=(?P<section>%b+?))?(?:/;PARTIAL=(?P<first>[0-9]{1,10})(?:\.(?P<count>[1-9][0-9]{0,9}))?)?"
    % (_BCHAR, _BCHAR)
)
# iurlauth-rump  = [";EXPIRE=" date-time] ";URLAUTH=" access        ; date-time as in RFC 3339
# access         = ("submit+" enc-user) / ("user+" enc-user) / "authuser" / "anonymous"
# iurlauth       = iurlauth-rump ":" mechanism ":" enc-urlauth      ; enc-urlauth = 32*HEXDIG
_AUTHORIZED = (
    rb"(?:;EXPIRE=(?P<expires>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})))?"
    rb";URLAUTH=(?P<access>(?:submit|user)\+%b+?|authuser|anonymous)"
    rb"(?P<verifier>:(?P<mechanism>[A-Za-z0-9.-]+):(?P<token>[0-9A-Fa-f]{32,}))?" % _ACHAR
)
RELATIVE = re.compile(rb"(?P<root>/)?" + _MESSAGE, re.IGNORECASE)
AUTHORIZED = re.compile(_SERVER + rb"/" + _MESSAGE + _AUTHORIZED, re.IGNORECASE)

MAX_URL_OCTETS = 4096
"""Longest URL that is looked at; its expressions are tried against every octet of it."""


@dataclass(frozen=True, slots=True)
class MessagePart:
    """What a URL names: a mailbox by its Unicode name, a UID, a section, and the octets of it that are wanted."""

    mailbox: str
    uid_validity: int | None
    uid: int
    section: Section
    partial: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class AuthorizedUrl:
    """A URL with URLAUTH; `token` is None where only the rump was written. Octets are as written, case and all."""

    part: MessagePart
    user: str
    expires: datetime | None
    access: bytes
    rump: bytes
    mechanism: bytes
    token: bytes | None


def parse_relative(url: bytes, *, selected: str | None) -> MessagePart:
    """A URL of a message in one's own mailboxes (RFC 4469 §3), taken relative to the selected one if it has no `/`.

    Raises:
        ValueError: it is none.
    """
    found = RELATIVE.fullmatch(url) if len(url) <= MAX_URL_OCTETS else None
    if found is None:
        raise ValueError("not the URL of a message here")
    level = "" if found["root"] or selected is None else selected.rpartition("/")[0]
    part = _message_part(found)
    if level:
        return MessagePart(f"{level}/{part.mailbox}", part.uid_validity, part.uid, part.section, part.partial)
    return part


def parse_authorized(url: bytes) -> AuthorizedUrl:
    """A URL with URLAUTH, whole or only its rump (RFC 4467 §9).

    Raises:
        ValueError: it is none, or has no user.
    """
    found = AUTHORIZED.fullmatch(url) if len(url) <= MAX_URL_OCTETS else None
    if found is None or not found["user"]:
        raise ValueError("not the URL of a message, with user and access")
    expires = datetime.fromisoformat(found["expires"].decode("ascii")) if found["expires"] else None
    return AuthorizedUrl(
        part=_message_part(found),
        user=unquote_to_bytes(found["user"]).decode("utf-8"),
        expires=expires,
        access=found["access"],
        rump=url.removesuffix(found["verifier"] or b""),
        mechanism=(found["mechanism"] or b"").upper(),
        token=found["token"],
    )


def _message_part(found: re.Match[bytes]) -> MessagePart:
    section = Section()
    if found["section"]:
        # Read by the rules of FETCH, so that it means the same here.
        cursor = Cursor(RawCommand((b"[%b]" % unquote_to_bytes(found["section"]),)))
        try:
            section = parse_section(cursor)
            cursor.end()
        except GrammarError as error:
            raise ValueError("no such section") from error
    partial = (int(found["first"]), int(found["count"] or MAX_NUMBER)) if found["first"] else None
    validity = int(found["validity"]) if found["validity"] else None
    # A mailbox name in a URL is percent-encoded UTF-8 (RFC 5092 §9); UnicodeDecodeError is a ValueError.
    name = unquote_to_bytes(found["mailbox"]).decode("utf-8")
    return MessagePart(name, validity, int(found["uid"]), section, partial)
