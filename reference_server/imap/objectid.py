"""EMAILID and THREADID: what identifies a message's content, and the conversation it is part of (RFC 8474 §5).

Both are worked out of the message alone: a copy has those of its original (§5.1), and they never change (§5.2).
"""

from __future__ import annotations

import hashlib
import re

from reference_server.imap.headers import body_start, field_values
from reference_server.imap.responses import date_time
from reference_server.stores import StoredMessage

# msg-id = "<" id-left "@" id-right ">"                                                             (RFC 5322 §3.6.4)
MESSAGE_ID = re.compile(rb"<([^<>\s]+)>")

DIGITS = 32
"""Hexadecimal digits of an identifier, a letter in front."""

THREAD_FIELDS = (b"REFERENCES", b"IN-REPLY-TO", b"MESSAGE-ID")
"""Where the message that began the conversation is looked for, in this order."""


def email_id(message: StoredMessage) -> bytes:
    """An identifier of the octets and the internal date, which are all that never changes of a message."""
    digest = hashlib.sha256(date_time(message.internal_date))
    digest.update(message.octets)
    return b"M" + digest.hexdigest()[:DIGITS].encode("ascii")


def thread_id(message: StoredMessage) -> bytes:
    """An identifier of the first message in the conversation; one that names no message is alone in its own."""
    root = root_of(message.octets) or email_id(message)
    return b"T" + hashlib.sha256(root).hexdigest()[:DIGITS].encode("ascii")


def root_of(octets: bytes) -> bytes | None:
    """The Message-ID of the message that began the conversation, as far as this one tells."""
    start = body_start(octets)
    for name in THREAD_FIELDS:
        for value in field_values(octets, start, name):
            if found := MESSAGE_ID.search(value):
                return found[1]
    return None
