"""One run with everything in it that makes reports hard: hostile octets, several sessions, all verdicts and levels."""

from __future__ import annotations

from reports.records import (
    CheckResult,
    CoverageRow,
    Direction,
    Ended,
    Event,
    Level,
    RunResult,
    TargetRecord,
    TlsRecord,
    Verdict,
)

HOSTILE = b'220 <script>alert(1)</script> "><img src=//evil.example/x onerror=alert(2)> ESMTP\r\n'
"""A greeting that tries to become part of the page."""

SMTP_URL = "smtp://127.0.0.1:2525"
IMAP_URL = "imap://127.0.0.1:1143"


def sent(at_s: float, octets: bytes, *, session: int = 1) -> Event:
    return Event(at_s=at_s, direction=Direction.SENT, octets=octets, session=session)


def received(at_s: float, octets: bytes, *, session: int = 1) -> Event:
    return Event(at_s=at_s, direction=Direction.RECEIVED, octets=octets, session=session)


def remark(at_s: float, note: str, *, session: int = 1) -> Event:
    return Event(at_s=at_s, direction=Direction.NOTE, note=note, session=session)


DOT_KEPT = CheckResult(
    check="smtp/transparency/removes_exactly_one_leading_dot",
    title="A leading period is removed from every line that has more on it.",
    requirements=("rfc5321/4.5.2/3", "rfc5321/4.5.2/4"),
    rules={
        "rfc5321/4.5.2/3": "the receiver takes one period off every line that begins with a period and has more on it",
        "rfc5321/4.5.2/4": "a line of a single period ends the mail data",
    },
    level=Level.MUST,
    verdict=Verdict.VIOLATED,
    expected="the body '.\\r\\n' as it was before the client doubled the period",
    got="the body '..\\r\\n'",
    transcript=(
        received(0.0004, HOSTILE),
        sent(0.0011, b"EHLO client.example\r\n"),
        received(0.0016, b"250-mx.example.test\r\n250-PIPELINING\r\n"),
        received(0.0017, b"250-SIZE 10485760\r\n250 8BITMIME\r\n"),
        sent(0.0021, b"MAIL FROM:<alice@example.test>\r\n"),
        received(0.0025, b"250 2.1.0 ok\r\n"),
        sent(0.0028, b"RCPT TO:<bob@example.test>\r\n"),
        received(0.0033, b"250 2.1.5 ok\r\n"),
        sent(0.0036, b"DATA\r\n"),
        received(0.0039, b"354 go on\r\n"),
        sent(0.0042, b"Subject: a dot\r\n\r\n..\r\n"),
        sent(0.0043, b".\r\n"),
        received(0.0121, b"250 2.0.0 queued\r\n"),
        remark(0.0125, "the message is fetched over IMAP"),
        received(0.0004, b"* OK [CAPABILITY IMAP4rev2] ready\r\n", session=2),
        sent(0.0009, b"A1 LOGIN bob@example.test <password>\r\n", session=2),
        received(0.0015, b"A1 OK done\r\n", session=2),
        sent(0.0018, b"A2 SELECT INBOX\r\n", session=2),
        received(0.0024, b"* 1 EXISTS\r\n* FLAGS (\\Seen)\r\nA2 OK [READ-WRITE] done\r\n", session=2),
        sent(0.0027, b"A3 FETCH 1 BODY.PEEK[TEXT]\r\n", session=2),
        received(0.0034, b"* 1 FETCH (BODY[TEXT] {4}\r\n..\r\n)\r\nA3 OK done\r\n", session=2),
    ),
    examples=37,
    url=SMTP_URL,
    rationale="A period too many changes the message, and breaks every signature over its body.",
    duration_s=0.84,
)

EIGHT_BIT_CUT = CheckResult(
    check="smtp/eight_bit/keeps_octets_above_127",
    title="A server that offers 8BITMIME keeps every octet of the body.",
    requirements=("rfc6152/3/7",),
    rules={"rfc6152/3/7": "a server that offers 8BITMIME delivers all eight bits of each octet"},
    level=Level.MUST,
    verdict=Verdict.VIOLATED,
    ended=Ended.HUNG,
    expected="‹ff fe c3 a9› and a NUL",
    got="no reply within 5 s; \x1b[31mred\x1b[0m and \u202edlrow",
    transcript=(
        received(0.001, b"220 mx.example.test\r\n"),
        sent(0.002, b"DATA\r\n"),
        received(0.003, b"354 go on\r\n"),
        sent(0.004, b"\xff\xfe\xc3\xa9 and \x00 and a space \r\n" + b"A" * 1200 + b"\r\n"),
        sent(0.005, bytes(range(33, 120)) * 9 + b"\n"),
        sent(0.006, b"".join(b"line %d\r\n" % n for n in range(300)) + b".\r\n"),
        remark(5.007, "no octet for 5 s"),
    ),
    examples=12,
    url=SMTP_URL,
    duration_s=5.02,
)

TAGGED_SPACE = CheckResult(
    check="imap/grammar/space_before_line_end",
    title="A response has no space before its CRLF.",
    requirements=("rfc9051/9/1",),
    rules={"rfc9051/9/1": "every response line follows the formal syntax"},
    level=Level.MUST,
    verdict=Verdict.VIOLATED,
    expected="a response that the grammar of RFC 9051 section 9 derives",
    got="* SEARCH 1 2 ␠␍␊",
    transcript=(sent(0.2, b"A4 SEARCH ALL\r\n"), received(0.201, b"* SEARCH 1 2 \r\nA4 OK <b>done</b>\r\n")),
    seen_in=("imap/search/finds_all", "imap/search/finds_by_header", "imap/uid/search_gives_uids"),
    url=IMAP_URL,
    duration_s=0.0,
)

HELP_MISSING = CheckResult(
    check="smtp/help/is_implemented",
    title="HELP is answered with help.",
    requirements=("rfc5321/4.1.1.8/2",),
    rules={"rfc5321/4.1.1.8/2": "a server supports HELP without arguments"},
    level=Level.SHOULD,
    verdict=Verdict.VIOLATED,
    ended=Ended.CLOSED,
    expected="211 or 214",
    got="502 5.5.1 no",
    transcript=(sent(0.1, b"HELP\r\n"), received(0.101, b"502 5.5.1 no\r\n")),
    url=SMTP_URL,
    duration_s=0.01,
)


KNOWN = CheckResult(
    check="pop3/top/counts_lines",
    title="TOP sends as many lines as were asked for.",
    requirements=("rfc1939/7/4",),
    rules={"rfc1939/7/4": "TOP sends the header, a blank line and the asked number of lines"},
    level=Level.MUST,
    verdict=Verdict.VIOLATED,
    expected="2 lines of the body",
    got="3 lines of the body",
    known="ticket <4711>: to be mended in release 9",
)
"""A violation that the user declared known."""


def satisfied(check: str, title: str, requirement: str, *, level: Level = Level.MUST) -> CheckResult:
    return CheckResult(
        check=check,
        title=title,
        requirements=(requirement,),
        rules={requirement: title.lower().rstrip(".")},
        level=level,
        verdict=Verdict.SATISFIED,
        remarks=("the sequence is kept as it came, <s>and</s> some next hop may take it for the end",),
        examples=20,
        url=SMTP_URL if check.startswith("smtp") else IMAP_URL,
        duration_s=0.12,
    )


def without_verdict(check: str, verdict: Verdict, reason: str) -> CheckResult:
    return CheckResult(
        check=check,
        title="A question that was not answered.",
        requirements=("rfc1939/A.1/2",),
        rules={},
        level=Level.MUST,
        verdict=verdict,
        reason=reason,
    )


RESULTS = (
    satisfied("smtp/rset/discards_the_pending_transaction", "RSET drops the transaction.", "rfc5321/4.1.1.5/2"),
    satisfied("smtp/greeting/begins_with_220", "The greeting begins with 220.", "rfc5321/3.1/1"),
    DOT_KEPT,
    HELP_MISSING,
    EIGHT_BIT_CUT,
    TAGGED_SPACE,
    satisfied("imap/expunge/renumbers_for_every_session", "EXPUNGE renumbers at once.", "rfc9051/7.5.1/2"),
    satisfied("imap/noop/is_always_ok", "NOOP is answered OK.", "rfc9051/6.1.2/1", level=Level.SHOULD),
    satisfied("imap/id/is_answered", "ID is answered with NIL or a list.", "rfc2971/3.1/2", level=Level.MAY),
    without_verdict("pop3/uidl/is_stable", Verdict.NOT_APPLICABLE, "the server does not offer UIDL"),
    without_verdict("pop3/apop/accepts_a_digest", Verdict.NOT_APPLICABLE, "no <timestamp> in the greeting"),
    without_verdict("pop3/uidl/is_unique", Verdict.NOT_APPLICABLE, "the server does not offer UIDL"),
    without_verdict(
        "pop3/dele/survives_a_reset", Verdict.INCONCLUSIVE, "log-in refused: -ERR [AUTH] <i>try later</i>\x07"
    ),
)

COVERAGE = (
    CoverageRow(rfc="rfc5321", level=Level.MUST, sentences=180, checked=121, unobservable=49, open=10),
    CoverageRow(rfc="rfc5321", level=Level.SHOULD, sentences=96, checked=40, unobservable=56, open=0),
    CoverageRow(rfc="rfc5321", level=Level.MAY, sentences=41, checked=3, unobservable=30, open=8),
    CoverageRow(rfc="rfc1939", level=Level.MUST, sentences=74, checked=74, unobservable=0, open=0),
    CoverageRow(rfc="rfc9051", level=Level.MUST, sentences=412, checked=260, unobservable=101, open=51),
    CoverageRow(rfc="rfc9051", level=Level.SHOULD, sentences=0, checked=0, unobservable=0, open=0),
)


def example_run(*, results: tuple[CheckResult, ...] = RESULTS, name: str = "mx.example.test") -> RunResult:
    return RunResult(
        tool_version="0.1.0",
        target=TargetRecord(
            name=name,
            urls=(SMTP_URL, IMAP_URL),
            accounts=("alice@example.test", "bob@example.test"),
            greetings={
                SMTP_URL: HOSTILE.decode().strip(),
                IMAP_URL: "* OK [CAPABILITY IMAP4rev2] ready",
            },
            capabilities={
                SMTP_URL: ("PIPELINING", "SIZE 10485760", "8BITMIME", "X-<u>ODD</u>"),
                IMAP_URL: ("IMAP4rev2", "IDLE"),
            },
            tls={
                SMTP_URL: TlsRecord(
                    version="TLSv1.3",
                    cipher="TLS_AES_256_GCM_SHA384",
                    names=("mail.example.test", "<b>other</b>"),
                    issuer="CN=Example CA",
                    not_before="2025-11-01",
                    not_after="2026-02-01",
                    objections=("it does not name mx.example.test", "it expired on 2026-02-01"),
                ),
            },
        ),
        started_at="2026-03-01T09:30:00Z",
        duration_s=71.4,
        seed=7,
        profile="standard",
        tier="intrusive",
        results=results,
        coverage=COVERAGE,
    )
