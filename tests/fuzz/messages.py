"""Any octets as a message in a mailbox: everything that IMAP and POP3 say of it, and what has to hold for that."""

from __future__ import annotations

import re
import time

from reference_server.imap.encoding import without_nul
from reference_server.imap.mime import Entity, parse
from tests.fuzz.harness import CPU_S, NOON, Feed, Session

ABOUT_A_MESSAGE = tuple(
    b"f " + command + b"\r\n"
    for command in (
        b"FETCH 3 (UID FLAGS RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)",
        b"FETCH 3 (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (Subject)]<2.9>)",
        b"FETCH 3 (BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[2.HEADER] BODY.PEEK[2.1.TEXT] BODY.PEEK[1.1.1.2])",
        b"FETCH 3 (BINARY.PEEK[1] BINARY.SIZE[1])",
        b"FETCH 3 (BINARY.PEEK[] BINARY.SIZE[])",
        b"FETCH 3 (PREVIEW)",
        b"SEARCH CHARSET UTF-8 OR TEXT {2+}\r\n\xc3\xbc BODY x",
        b"SEARCH SUBJECT x NOT FROM y HEADER Content-Type z",
        b"SEARCH SENTSINCE 1-Jan-2020",
        b"SORT (SUBJECT FROM TO CC DATE SIZE ARRIVAL) UTF-8 ALL",
        b"SORT (DISPLAYFROM DISPLAYTO) UTF-8 ALL",
        b"THREAD REFERENCES UTF-8 ALL",
        b"THREAD ORDEREDSUBJECT UTF-8 ALL",
    )
)
"""Each is completed, whatever the message is. The third message is the one."""

_COMPLETION = re.compile(rb"^f (?:OK|NO|BAD) [^\r\n]*\r\n\Z", re.MULTILINE)


def check_message(octets: bytes) -> list[bytes]:
    """All that the server promises of a message; returns what IMAP said of it, for further judgement."""
    began = time.thread_time()
    check_ranges(parse(octets))
    imap = Session("imap")
    imap.inbox.append(octets, internal_date=NOON)
    imap.do(Feed(b"o1 LOGIN alice secret\r\no2 SELECT INBOX\r\n"))
    said = [imap.do(Feed(command))[0] for command in ABOUT_A_MESSAGE]
    for command, replies in zip(ABOUT_A_MESSAGE, said, strict=True):
        assert _COMPLETION.search(replies), f"{command!r}: {replies!r:.300}"
    told = without_nul(octets)
    assert b"RFC822.SIZE %d " % len(told) in said[0]
    assert b"{%d}\r\n%b" % (len(told), told) in said[1] or len(told) == 0 or b'"%b"' % told in said[1]
    pop = Session("pop3")
    pop.inbox.append(octets, internal_date=NOON)
    pop.do(Feed(b"USER alice\r\nPASS secret\r\n"))
    for command in (b"RETR 3\r\n", b"TOP 3 1\r\n", b"TOP 3 0\r\n"):
        reply, _ = pop.do(Feed(command))
        if reply.startswith(b"-ERR [UTF8]"):
            continue
        assert reply.startswith(b"+OK"), reply
        assert reply.endswith(b"\r\n.\r\n")
        assert b"\r\n.\r\n" not in reply[:-5]
    assert time.thread_time() - began < CPU_S
    return said


def check_ranges(entity: Entity) -> None:
    """Every part lies within the one around it, in order; without recursion, since nesting is what is at stake."""
    to_do = [entity]
    while to_do:
        around = to_do.pop()
        assert around.start <= around.body <= around.end
        at = around.body
        for part in around.parts:
            assert at <= part.start <= part.end <= around.end
            at = part.end
        if around.embedded is not None:
            assert (around.embedded.start, around.embedded.end) == (around.body, around.end)
        to_do += around.parts + ([around.embedded] if around.embedded else [])


SEEDS = (
    b"",
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FC=\r\n=3D",
    b'From: =?utf-8?b?w7w=?= <a@b>, group: c@d, "e f" <@r,@s:g@h>;\r\nSubject: Re: [x] =?iso-8859-1*de?q?=FC_?= (fwd)'
    b"\r\nReferences: <1@x> <2@x>\r\nDate: Sun, 1 Mar 2026 12:00:00 +0100 (CET)\r\n\r\n",
    b'Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/digest; boundary="b c"\r\n'
    b"\r\n--b c\r\n\r\nSubject: inner\r\n\r\nx\r\n--b c--\r\n--a\r\nContent-Language: de, en\r\nContent-MD5: x\r\n"
    b"Content-Disposition: attachment; filename*0*=utf-8''%C3%BC;\r\n filename*1=.txt\r\nContent-Id: <i@x>\r\n\r\n\0"
    b"\xff\r\n--a--\r\n",
    b"Content-Type: message/rfc822\r\n\r\n" * 3 + b"Content-Type: text/html; charset=utf-7\r\n\r\n<b>+AGE-</b>",
    b"Content-Type: multipart/mixed; boundary=\r\n\r\n----\r\n----\r\n------",
)
"""Messages to begin with: what MIME has, and some of what it has not."""

WORDS = (
    b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Content-Disposition: ", b"multipart/mixed; boundary=b",
    b"\r\n--b\r\n", b"\r\n--b--\r\n", b"message/rfc822", b"multipart/digest", b"text/plain; charset=", b"utf-16",
    b"utf-7", b"idna", b"rot13", b"unicode_escape", b"base64", b"quoted-printable", b"=?utf-8?b?", b"=?utf-8?q?",
    b"?=", b"From: ", b"To: ", b"Date: ", b"Subject: ", b"References: ", b"In-Reply-To: ", b"Message-ID: ",
    b"\r\n\r\n", b"\r\n ", b"<a@b>", b"(((", b'"\\"', b"Re: ", b"filename*0*=", b"\n.\n",
    b"Sun, 1 Mar 2026 12:00:00 +0000",
)  # fmt: skip
"""What messages are made of."""
