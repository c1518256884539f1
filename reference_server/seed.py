"""A little mail for whoever looks at the reference server first: what clients show, and what they stumble over.

A plain message, one with an attachment, one with encoded words and UTF-8, and a reply to the first (RFC 5322, 2047).
"""

from __future__ import annotations

from reference_server.stores import Mailbox, NewMessage

_HEAD = b"From: Bob <bob@example.test>\r\nTo: Alice <alice@example.test>\r\n"

PLAIN = (
    _HEAD
    + b"Date: Mon, 02 Feb 2026 09:00:00 +0000\r\nMessage-ID: <plain@example.test>\r\nSubject: Lunch\r\n\r\n"
    + b"Shall we have lunch on Friday?\r\n.A line that begins with a dot\r\n"
)
ATTACHMENT = (
    _HEAD
    + b"Date: Mon, 02 Feb 2026 10:00:00 +0000\r\nMessage-ID: <attachment@example.test>\r\nSubject: The menu\r\n"
    + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="--seed"\r\n\r\n'
    + b"----seed\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe menu is attached.\r\n"
    + b'----seed\r\nContent-Type: application/octet-stream; name="menu.bin"\r\n'
    + b'Content-Disposition: attachment; filename="menu.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    + b"c291cCwgc2FsYWQsIGNha2UK\r\n----seed--\r\n"
)
ENCODED = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <bob@example.test>\r\nTo: Alice <alice@example.test>\r\n"
    + b"Date: Mon, 02 Feb 2026 11:00:00 +0100\r\nMessage-ID: <encoded@example.test>\r\n"
    + b"Subject: =?utf-8?b?R3LDvMOfZSDimLo=?=\r\nMIME-Version: 1.0\r\n"
    + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "Viele Grüße aus Köln ☺\r\n".encode()
)
REPLY = (
    _HEAD
    + b"Date: Mon, 02 Feb 2026 12:00:00 +0000\r\nMessage-ID: <reply@example.test>\r\n"
    + b"In-Reply-To: <plain@example.test>\r\nReferences: <plain@example.test>\r\nSubject: Re: Lunch\r\n\r\n"
    + b"> Shall we have lunch on Friday?\r\n\r\nSaturday would suit me better.\r\n"
)


def seed(mailbox: Mailbox) -> None:
    """Put the four messages into a folder, the first of them read."""
    mailbox.append_all([
        NewMessage(octets=PLAIN, flags=frozenset({"\\Seen"})),
        *(NewMessage(octets=octets) for octets in (ATTACHMENT, ENCODED, REPLY)),
    ])  # fmt: skip
