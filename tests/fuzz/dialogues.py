"""What clients say, protocol by protocol: the start of every fuzzed session, and what its input is made of.

The dialogues go through each command in the order of its RFC. Lines end in CRLF; literals are written out.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType

from reference_server.imap.commands import COMMANDS
from reference_server.pop3.session import Verb as Pop3Verb
from reference_server.smtp.session import Verb as SmtpVerb


def lines(text: str) -> bytes:
    """Octets of a dialogue written with the source's own line ends, outer white space of each line removed."""
    return b"".join(line.strip().encode("latin-1") + b"\r\n" for line in text.strip().split("\n"))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


PLAIN = _base64(b"\0alice\0secret")
SCRAM_FIRST = _base64(b"n,,n=alice,r=clientnonce")
SCRAM_FINAL = _base64(b"c=biws,r=clientnoncenonce,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
BEARER = _base64(b"n,a=alice@example.test,\x01auth=Bearer alice@example.test's token\x01\x01")
XOAUTH2 = _base64(b"user=alice@example.test\x01auth=Bearer wrong\x01\x01")

OPENINGS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "smtp": (
            b"",
            b"EHLO client.example\r\n",
            b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<alice@example.test>\r\n",
            b"EHLO client.example\r\nMAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n",
            b"EHLO client.example\r\nAUTH LOGIN\r\n",
        ),
        "submission": (b"", lines(f"EHLO client.example\nAUTH PLAIN {PLAIN}")),
        "lmtp": (
            b"LHLO client.example\r\n",
            b"LHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n",
        ),
        "pop3": (b"", b"USER alice\r\n", b"USER alice\r\nPASS secret\r\n"),
        "imap": (
            b"",
            b"o1 LOGIN alice secret\r\n",
            b"o1 LOGIN alice secret\r\no2 SELECT INBOX\r\n",
            b"o1 LOGIN alice secret\r\no2 ENABLE IMAP4rev2 CONDSTORE QRESYNC UTF8=ACCEPT\r\no3 SELECT INBOX\r\n",
            b"o1 LOGIN alice secret\r\no2 SELECT INBOX\r\no3 IDLE\r\n",
        ),
    }
)
"""Where a session may stand when the made-up input comes."""

DIALOGUES: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "smtp": (
            lines(
                """
                EHLO client.example
                MAIL FROM:<carol@client.example> SIZE=500 BODY=8BITMIME SMTPUTF8 AUTH=<> RET=HDRS ENVID=QQ314159
                RCPT TO:<alice@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alice@example.test
                RCPT TO:<@relay.example,@two.example:bob@example.test>
                RCPT TO:<"quoted \\" string"@example.test>
                RCPT TO:<postmaster>
                DATA
                Received: from x by y; Sun, 1 Mar 2026 12:00:00 +0000
                Subject: hello

                ..
                .x
                .
                RSET
                VRFY alice
                EXPN staff
                HELP MAIL
                NOOP anything
                QUIT
                """
            ),
            lines(
                f"""
                EHLO [127.0.0.1]
                AUTH PLAIN
                *
                AUTH PLAIN {PLAIN}
                RSET
                EHLO [IPv6:2001:db8::1]
                AUTH SCRAM-SHA-256 {SCRAM_FIRST}
                {SCRAM_FINAL}
                STARTTLS
                """
            ),
            lines(f"EHLO x\nAUTH OAUTHBEARER {BEARER}\nAUTH XOAUTH2 {XOAUTH2}\n\nAUTH EXTERNAL =\nAUTH CRAM-MD5\nYQ=="),
            b"EHLO x\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\n"
            b"BDAT 8\r\nA: b\r\n\r\nBDAT 5 LAST\r\n\0\r\n\xff.RSET\r\nBDAT 0 LAST\r\nBDAT 3\r\nabcQUIT\r\n",
            b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nx\n.\n\r.\r\r\n.\r\nQUIT\r\n",
        ),
        "lmtp": (
            lines(
                """
                LHLO client.example
                MAIL FROM:<carol@client.example>
                RCPT TO:<alice@example.test>
                RCPT TO:<nobody@example.test>
                RCPT TO:<bob@example.test>
                DATA
                Subject: hello

                .
                QUIT
                """
            ),
        ),
        "pop3": (
            lines(
                """
                CAPA
                USER alice
                PASS secret
                STAT
                LIST
                LIST 1
                UIDL
                UIDL 2
                RETR 1
                TOP 2 1
                DELE 1
                RSET
                DELE 2
                NOOP
                LANG
                LANG *
                UTF8
                QUIT
                """
            ),
            lines(f"AUTH\nAUTH PLAIN {PLAIN}\nSTAT\nQUIT"),
            lines(f"UTF8\nLANG de\nAUTH SCRAM-SHA-1 {SCRAM_FIRST}\n{SCRAM_FINAL}\nAPOP alice c4c9334bac560ecc"),
            lines(f"AUTH LOGIN\nYWxpY2U=\nc2VjcmV0\nSTAT\nAUTH OAUTHBEARER {BEARER}\nSTLS"),
        ),
        "imap": (
            lines(
                """
                a1 CAPABILITY
                a2 ID ("name" "fuzz" "version" NIL)
                a3 LOGIN alice "secret"
                a4 ENABLE CONDSTORE IMAP4rev2
                a5 NAMESPACE
                a6 CREATE a/b/c
                a7 RENAME a/b z
                a8 SUBSCRIBE z/c
                a9 LIST (SUBSCRIBED) "" ("%" "*") RETURN (CHILDREN STATUS (MESSAGES UNSEEN SIZE) SPECIAL-USE)
                b1 LSUB "" *
                b2 STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE MAILBOXID)
                b3 APPEND INBOX (\\Seen $Junk) " 1-Mar-2026 12:00:00 +0100" {12+}
                A: b

                body
                b4 SELECT INBOX (CONDSTORE)
                b5 FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY[HEADER.FIELDS (To)])
                b6 UID FETCH 1:* (BODY.PEEK[2.1.MIME]<0.5> BODY[TEXT] BINARY[1] MODSEQ PREVIEW EMAILID SAVEDATE)
                b7 STORE 1,2 +FLAGS.SILENT (\\Deleted $x)
                b8 SEARCH RETURN (MIN MAX COUNT ALL SAVE) CHARSET UTF-8 OR SUBJECT parts NOT (TEXT a SINCE 1-Jan-2020)
                b9 UID SORT (REVERSE DATE SUBJECT) UTF-8 ALL
                c1 THREAD REFERENCES US-ASCII ALL
                c2 COPY $ z
                c3 MOVE 2 z
                c4 UID EXPUNGE 1:*
                c5 IDLE
                DONE
                c6 UNSELECT
                c7 DELETE z
                c8 LOGOUT
                """
            ),
            lines(
                """
                a3 LOGIN {5}
                alice {6}
                secret
                a4 SELECT INBOX (QRESYNC (7 1 1:2 (1 1)))
                a5 GETQUOTAROOT INBOX
                a6 SETQUOTA "" (STORAGE 512)
                a7 GETACL INBOX
                a8 SETACL INBOX bob +lr
                a9 MYRIGHTS INBOX
                b1 SETMETADATA INBOX (/private/comment "mine" /shared/comment NIL)
                b2 GETMETADATA (DEPTH infinity MAXSIZE 100) INBOX (/private /shared/comment)
                b3 NOTIFY SET STATUS (SELECTED (MessageNew (UID) MessageExpunge FlagChange)) (PERSONAL (MailboxName))
                b4 SEARCH RETURN (UPDATE PARTIAL 1:10) UNSEEN
                b5 CANCELUPDATE "b4"
                b6 REPLACE 1 INBOX {3+}
                abc
                b7 APPEND INBOX CATENATE (URL "/INBOX;UIDVALIDITY=7/;UID=1/;SECTION=HEADER" TEXT {2+}
                hi)
                b8 GENURLAUTH "imap://alice@mail.example.test/INBOX/;UID=1;URLAUTH=anonymous" INTERNAL
                b9 COMPARATOR "i;ascii-casemap"
                c1 UNAUTHENTICATE
                """
            ),
            lines(f"a AUTHENTICATE PLAIN {PLAIN}\nb EXAMINE INBOX\nc CLOSE\nd CHECK\ne UNAUTHENTICATE\nf STARTTLS"),
            lines(f"a AUTHENTICATE SCRAM-SHA-256\n{SCRAM_FIRST}\n{SCRAM_FINAL}\nb AUTHENTICATE LOGIN\n*"),
            lines("a LOGIN alice secret\nb COMPRESS DEFLATE"),
        ),
    }
)
"""Whole sessions, one after another."""

_SMTP_WORDS = (
    b"FROM:<>", b"FROM:<a@client.example>", b"TO:<alice@example.test>", b"TO:<bob@example.test>", b"TO:<postmaster>",
    b"TO:<@a.example,@b.example:alice@example.test>", b'TO:<"a b"@example.test>', b"TO:<alice@[127.0.0.1]>",
    b"TO:<x@elsewhere.example>", b"FROM:<" + b"a" * 300 + b">", b"SIZE=10", b"SIZE=99999999999", b"SIZE=",
    b"BODY=7BIT", b"BODY=8BITMIME", b"BODY=BINARYMIME", b"SMTPUTF8", b"AUTH=<>", b"AUTH=e+3Dmc2", b"RET=FULL",
    b"ENVID=+", b"NOTIFY=NEVER", b"ORCPT=rfc822;a", b"REQUIRETLS", b"client.example", b"[127.0.0.1]", b"[IPv6:::1]",
    b"0", b"5", b"LAST", b"alice", b"=", b"PLAIN", b"LOGIN", b"CRAM-MD5", b"SCRAM-SHA-256", b"SCRAM-SHA-1-PLUS",
    b"OAUTHBEARER", b"XOAUTH2", b"EXTERNAL", b".", b"..", b"\xc3\xbc@example.test", b"\xff", b"\0", b"\t",
)  # fmt: skip

_IMAP_WORDS = (
    b"INBOX", b"inbox", b"alice", b"secret", b"1", b"1:*", b"*", b"2,1", b"99", b"0", b"4294967296", b"NIL", b'""',
    b'"a b"', b'"', b"{1}", b"{0+}", b"{3+}\r\nabc", b"{2}\r\nab", b"{9999999}", b"{99999999999999999999+}",
    b"~{3+}\r\na\0b", b"{3+}\r\na\0b", b"(", b")", b"()", b"((", b"))", b"(UID FLAGS)", b"(\\Seen)", b"\\Recent",
    b"+FLAGS", b"-FLAGS.SILENT", b"FLAGS", b"FULL", b"ALL", b"BODY", b"BODY[]", b"BODY[1.MIME]",
    b"BODY.PEEK[HEADER.FIELDS (To)]<0.9>", b"BODY[2.2.TEXT]", b"BINARY[1]", b"BINARY.SIZE[1]", b"ENVELOPE",
    b"BODYSTRUCTURE", b"RFC822", b"MODSEQ", b"PREVIEW", b"(CHANGEDSINCE 1)", b"(UNCHANGEDSINCE 1)", b"(CONDSTORE)",
    b"(QRESYNC (7 1))", b"RETURN", b"(COUNT)", b"(SAVE)", b"(PARTIAL 1:2)", b"(UPDATE)", b"(CHILDREN)",
    b"(STATUS (MESSAGES))", b"(SUBSCRIBED)", b"CHARSET", b"UTF-8", b"US-ASCII", b"NOT", b"OR", b"SUBJECT", b"TEXT",
    b"HEADER", b"SINCE", b"SENTBEFORE", b"LARGER", b"KEYWORD", b"OLDER", b"MODSEQ 1", b"$", b"1-Jan-2026",
    b'" 1-Jan-2026 00:00:00 +0000"', b"PLAIN", b"AGFsaWNlAHNlY3JldA==", b"=", b"%", b"a/b", b"a/*/%",
    b"(MESSAGES UNSEEN)", b"&AOQ-", b"&", b"CATENATE", b"(REVERSE DATE)", b"REFERENCES", b"DEFLATE", b"NONE", b"SET",
    b"(SELECTED", b"MessageNew", b"/private/comment", b"(DEPTH 1)", b"STORAGE", b"+lrswi", b"IMAP4rev2",
    b"UTF8=ACCEPT", b"\xc3\xbc", b"\xff", b"\0", b"\r", b"\n",
)  # fmt: skip

_POP3_WORDS = (
    b"alice", b"secret", b"1", b"2", b"3", b"0", b"-1", b"99999999999999999999", b"1 1", b"2 0", b"de", b"*", b"en",
    b"=", b"PLAIN", b"LOGIN", b"CRAM-MD5", b"SCRAM-SHA-256", b"OAUTHBEARER", b"EXTERNAL", b"AGFsaWNlAHNlY3JldA==",
    b"", b"x" * 250, b"\xc3\xbc", b"\xff", b"\0",
)  # fmt: skip

_BASE64_LINES = tuple(
    line.encode()
    for line in (PLAIN, SCRAM_FIRST, SCRAM_FINAL, BEARER, XOAUTH2, "*", "=", "YQ==", "YR==", "YQ", "YWxpY2U=")
)

WORDS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "smtp": _SMTP_WORDS + _BASE64_LINES,
        "submission": _SMTP_WORDS + _BASE64_LINES,
        "lmtp": _SMTP_WORDS + _BASE64_LINES,
        "pop3": _POP3_WORDS + _BASE64_LINES,
        "imap": _IMAP_WORDS + _BASE64_LINES,
    }
)
"""Arguments, right and wrong, by service."""

_SMTP_VERBS = (*(verb.value for verb in SmtpVerb), b".", b"..x", b"Subject: x", b"", b"*", b"XYZZY")
VERBS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "smtp": _SMTP_VERBS,
        "submission": _SMTP_VERBS,
        "lmtp": _SMTP_VERBS,
        "pop3": (*(verb.value for verb in Pop3Verb), b"", b"*", b"XYZZY"),
        "imap": (*COMMANDS, b"DONE", b"UID", b"", b"XYZZY"),
    }
)
"""Every command that the server knows, and some that it does not."""
