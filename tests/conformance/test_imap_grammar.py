"""The recogniser accepts what the RFCs allow and names what they do not."""

import time

import pytest

from conformance.wire.imap_grammar import NOT_JUDGED, Deviation, recognise

LEGAL_LINES = r"""
* OK mail.example ready
* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN] ready
* PREAUTH [ALERT] hello again
* BYE idle for too long
* ok [uidnext 5] case does not matter
* OK [PERMANENTFLAGS (\Deleted $Junk \*)] limited
* OK [PERMANENTFLAGS ()] none
* OK [UNSEEN 12] first
* OK [UIDVALIDITY 4294967295] x
* OK [HIGHESTMODSEQ 9223372036854775807] x
* OK [NOMODSEQ] x
* OK [CLOSED] x
* OK  text may start with a space
* OK [no code, only text
* OK [LIMIT reached and the bracket is text
* OK [X-VENDOR 0 (what ever "it)] likes
* NO [BADCHARSET (UTF-8 "us-ascii")] no
* NO [METADATA MAXSIZE 1024] too big
* NO [REFERRAL imap://user@other.example/box] moved
* OK [INPROGRESS ("a1" 3 10)] patience
a1 OK done
a1 OK [READ-WRITE] SELECT done
]:[ NO [AUTHENTICATIONFAILED] odd but legal tag
A142 OK [COPYUID 38505 304,319:320 3956:3958] done
A143 OK [APPENDUID 38505 3955:3957] three at once
A144 OK [MODIFIED 7,9] conflict
A145 OK [MAILBOXID (F2212ea87-6097)] made
A146 BAD [CLIENTBUG] (unpaired "text
+ idling
+ YGgGCSqGSIb3EgECAgEAb1kwV6ADAgEFoQMCAQ==
+ [ALERT] go on
* 0 EXISTS
* 4294967295 EXISTS
* 0005 EXISTS
* 0 RECENT
* 44 EXPUNGE
* 44 expunge
* FLAGS (\Answered \Flagged $Forwarded NonJunk)
* FLAGS ()
* LIST (\Noselect \HasChildren) "/" ~/Mail/foo
* LIST () NIL INBOX
* LIST () nil INBOX
* LIST () "\"" "a\"b\\c"
* LIST () "\\" x]y
* LIST (\Marked) "/" x ("CHILDINFO" ("SUBSCRIBED"))
* LIST (\NonExistent \Subscribed) "/" "foo" ("CHILDINFO" ("SUBSCRIBED" "REMOTE"))
* LIST () "/" "new" ("OLDNAME" ("old"))
* LIST () "/" x (vendor.x-a (1 (b c)) color 4294967296 span 2:*,7)
* LIST () "/" x ()
* LIST (\Sent \HasNoChildren) "." INBOX.Sent
* LSUB () "." #news.comp.mail
* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)
* STATUS empty ()
* STATUS "a b" (RECENT 0 UNSEEN 0 DELETED 0 SIZE 4294967296 HIGHESTMODSEQ 0 APPENDLIMIT NIL)
* STATUS x (MAILBOXID (F2212ea87) DELETED-STORAGE 5 X-COLOUR (red) X-N 7)
* STATUS x (X-GUID 7b1e5a3f X-WHAT ((a "b") \c))
* SEARCH
* SEARCH 2 84 882
* SEARCH 2 5 6 (MODSEQ 917162500)
* SORT
* SORT 5 3 4 (MODSEQ 12)
* THREAD
* THREAD (2)(3 6 (4 23)(44 7 96))
* THREAD ((3)(5))
* THREAD (166)(167)((168)(169))
* ESEARCH
* ESEARCH (TAG "A282") MIN 2 COUNT 3 ALL 2,10:11
* ESEARCH (TAG "h") UID PARTIAL (1:10 NIL)
* ESEARCH (TAG "h" MAILBOX "a b" UIDVALIDITY 503) UID ALL 5 MODSEQ 9
* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769) REMOVEFROM (0 5)
* ESEARCH (TAG "f") ALL 1,2 RELEVANCY (4 99)
* ESEARCH (TAG "q") PARTIAL (-1:-100 200:250)
* ESEARCH (TAG "x") X-VENDOR (a (b "c"))
* CAPABILITY IMAP4rev1
* CAPABILITY IMAP4rev2 AUTH=PLAIN AUTH=SCRAM-SHA-256 XLIST X-GM-EXT-1 RIGHTS=kxte QUOTA=RES-STORAGE
* CAPABILITY AUTH=EXTERNAL IMAP4rev1 IMAP4rev2 LITERAL+
* ENABLED
* ENABLED CONDSTORE QRESYNC
* VANISHED (EARLIER) 300:310,405,411
* VANISHED 5
* QUOTA "" (STORAGE 10 512)
* QUOTA "user x" (STORAGE 10 512 MESSAGE 0 18000000000)
* QUOTA x ()
* QUOTAROOT INBOX ""
* QUOTAROOT INBOX
* ACL INBOX fred rwipslxetad "-bob" lr
* ACL INBOX
* LISTRIGHTS ~/Mail/saved smith la r s w i p
* LISTRIGHTS x anyone ""
* MYRIGHTS INBOX rwiptsldaex
* ID NIL
* ID ("name" "Dovecot" "version" NIL)
* ID ()
* NAMESPACE (("" "/")) NIL NIL
* NAMESPACE NIL NIL (("" "."))
* NAMESPACE (("" "/")("#mh/" NIL "X-PARAM" ("FLAG1" "FLAG2"))) (("~" "/")) NIL
* METADATA "" (/shared/comment "mine" /private/x NIL)
* METADATA INBOX /shared/comment /private/comment
* LANGUAGE (DE)
* COMPARATOR i;ascii-casemap ("i;basic" "i;octet")
* 12 FETCH (FLAGS (\Seen \Recent $MDNSent) UID 5 MODSEQ (7))
* 12 FETCH (flags () uid 1)
* 12 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286)
* 12 FETCH (INTERNALDATE " 7-Jul-1996 02:44:25 -0700")
* 2 FETCH (BODY[HEADER.FIELDS (DATE "From")]<0> NIL BODY[] "" RFC822.HEADER "x" RFC822.TEXT "" RFC822 NIL)
* 2 FETCH (BODY[1.2.HEADER] NIL BODY[4.MIME] NIL BODY[HEADER.FIELDS.NOT (X)] NIL BINARY[1] "a" BINARY.SIZE[1.2] 5)
* 2 FETCH (EMAILID (M6d99ac32) THREADID (T64b478a) SAVEDATE NIL PREVIEW "x")
* 2 FETCH (THREADID NIL SAVEDATE "01-Jan-2024 00:00:00 +0000" PREVIEW NIL RFC822.SIZE 9223372036854775807)
""".strip("\n").split("\n")

# The text may be empty, the space before it may not (RFC 9051 §9 resp-text).
LEGAL_LINES += ["* BYE ", "* OK [THROTTLED] ", "+ ", "a1 NO "]

PLAIN = '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
ENVELOPE = (
    '("Wed, 17 Jul 1996 02:23:25 -0700" "summary" (("Terry" NIL "gray" "cac.example")) NIL NIL '
    '((NIL NIL "the group" NIL)(NIL NIL "imap" "cac.example")(NIL NIL NIL NIL)) NIL NIL NIL "<B2-01@cac.example>")'
)
FORWARDED = f'("MESSAGE" "RFC822" NIL NIL "a report" "7BIT" 342 {ENVELOPE} {PLAIN} 40)'

LEGAL_STRUCTURES = [
    f"ENVELOPE {ENVELOPE}",
    "ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
    'ENVELOPE ("" "" ((NIL "@route.example" "a" "b")) NIL NIL NIL NIL NIL "" "")',
    f"BODY {PLAIN}",
    f'BODY ({PLAIN}{PLAIN} "MIXED")',
    f"BODY {FORWARDED}",
    f'BODY ({PLAIN}{FORWARDED} "MIXED")',
    f'BODYSTRUCTURE ({PLAIN}({FORWARDED} "DIGEST") "MIXED" ("BOUNDARY" "=_q" "x" "\\"y") NIL NIL NIL)',
    'BODYSTRUCTURE ("TEXT" "HTML" NIL NIL NIL "quoted-printable" 0 0 NIL ("INLINE" ("FILENAME" "x")) ("en" "de") NIL)',
    'BODYSTRUCTURE ("IMAGE" "PNG" ("NAME" "a.png") "<id@x>" "what" "BASE64" 8 "Q2hl" ("attachment" NIL) "en" "loc")',
    'BODYSTRUCTURE ("APPLICATION" "X" NIL NIL NIL "7BIT" 1 NIL NIL NIL NIL "future" 5 (NIL (7)))',
    'BODYSTRUCTURE ("X-EXPERIMENT" "Y" NIL NIL NIL "X-UUE" 1)',
    'BODYSTRUCTURE ("MULTIPART" "MIXED" NIL NIL NIL "7BIT" 1)',
    'BODYSTRUCTURE ("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 99)',
    # RFC 3501 knows no envelope in MESSAGE/GLOBAL, RFC 9051 has one.
    'BODYSTRUCTURE ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 99 NIL NIL NIL NIL)',
    f'BODY ("message" "global" NIL NIL NIL "8bit" 99 {ENVELOPE} {PLAIN} 3)',
    'BODYSTRUCTURE ("MESSAGE" "PARTIAL" ("id" "x" "number" "1") NIL NIL "7BIT" 99 NIL)',
]

LEGAL_WITH_LITERALS = [
    b'* 1 FETCH (BODY[TEXT] {5}\r\na"(\r\n BINARY[1] ~{3}\r\na\x00b UID 4)\r\n',
    b"* 1 FETCH (BODY[] {0}\r\n)\r\n",
    b"* 1 FETCH (BODY[] {0012}\r\n" + b"\xff" * 12 + b")\r\n",
    b'* LIST () "/" {6}\r\na {9}\r\r\n',
    b"* STATUS {3}\r\na\r\n (MESSAGES 1)\r\n",
    b'* 1 FETCH (ENVELOPE (NIL {3}\r\n\xe4\r\n (({1}\r\n) NIL {1}\r\n" "b")) NIL NIL NIL NIL NIL NIL NIL))\r\n',
    b'* 1 FETCH (BODY ("TEXT" {5}\r\nPLAIN ({7}\r\nCHARSET {5}\r\nUTF-8) NIL NIL {4}\r\n8BIT 3 1))\r\n',
    b"* METADATA {5}\r\nINBOX (/private/x ~{2}\r\n\x00\x01)\r\n",
    '* LIST () "/" "Entwürfe"\r\n'.encode(),
    "a OK schön\r\n".encode(),
]


@pytest.mark.parametrize("line", LEGAL_LINES)
def test_a_legal_line_is_accepted(line: str) -> None:
    assert recognise(line.encode() + b"\r\n") == ()


@pytest.mark.parametrize("item", LEGAL_STRUCTURES)
def test_a_legal_structure_is_accepted(item: str) -> None:
    assert recognise(f"* 2 FETCH ({item} UID 3)\r\n".encode()) == ()


@pytest.mark.parametrize("raw", LEGAL_WITH_LITERALS)
def test_a_legal_literal_is_skipped_by_its_count(raw: bytes) -> None:
    assert recognise(raw) == ()


# Each: what a broken server sent, the kind, and what stands at the offset reported.
DEFECTS = [
    # Spaces (RFC 9051 §9, note 2).
    ("* STATUS x (MESSAGES 3) ", "trailing_space", " "),
    ("* CAPABILITY IMAP4rev1 ", "trailing_space", " "),
    ("* SEARCH ", "trailing_space", " "),
    ("* SEARCH 1 2 ", "trailing_space", " "),
    ("* ID NIL ", "trailing_space", " "),
    ("* 3 EXISTS ", "trailing_space", " "),
    ("* STATUS x (MESSAGES 3 )", "space_inside_parens", " )"),
    ('* ID ("a" "b" )', "space_inside_parens", " )"),
    ("* FLAGS ( \\Seen)", "space_inside_parens", " \\Seen"),
    ("a OK [PERMANENTFLAGS ( \\Seen \\* )] x", "space_inside_parens", " \\Seen"),
    ('* QUOTA "" (STORAGE  10 512)', "double_space", "  10"),
    ("*  3 EXISTS", "double_space", "  3"),
    ("*  OK hello", "double_space", "  OK"),
    ("* SEARCH  1", "double_space", "  1"),
    ("* LIST () \"/\"  INBOX", "double_space", "  INBOX"),
    ("* SEARCH\t1", "tab_for_space", "\t1"),
    (f'* 1 FETCH (BODY ({PLAIN} {PLAIN} "MIXED"))', "space_between_groups", " ("),
    (
        '* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL "a" "b") (NIL NIL "c" "d")) NIL NIL NIL NIL NIL NIL NIL))',
        "space_between_groups",
        ' (NIL NIL "c"',
    ),
    ("* 1 FETCH (FLAGS (\\Seen)UID 4)", "missing_space", "UID 4"),
    ("* STATUS INBOX(MESSAGES 3)", "missing_space", "(MESSAGES"),
    ("* FLAGS(\\Seen)", "missing_space", "(\\Seen"),
    # Status lines.
    ("+", "missing_continuation_space", ""),
    ("+idling", "missing_continuation_space", "idling"),
    ("* OK", "missing_resp_text", ""),
    ("a1 NO", "missing_resp_text", ""),
    ("* OK [HIGHESTMODSEQ 4]", "missing_resp_text_space", ""),
    ("a1 OK [READ-WRITE]", "missing_resp_text_space", ""),
    ("a1 OK [READ-WRITE]done", "missing_resp_text_space", "done"),
    ("a OK [UIDNEXT 0] x", "zero_not_allowed", "0]"),
    ("a OK [UIDVALIDITY 4294967296] x", "number_too_large", "4294967296"),
    ("a OK [UIDNEXT] x", "not_in_grammar", ""),
    ("a1 DONE", "not_in_grammar", ""),
    ("a1", "not_in_grammar", ""),
    ("", "not_in_grammar", ""),
    ("* ", "not_in_grammar", ""),
    # Numbers.
    ("* 0 EXPUNGE", "zero_not_allowed", "0 EXPUNGE"),
    ("* 0 FETCH (UID 1)", "zero_not_allowed", "0 FETCH"),
    ("* 1 FETCH (UID 0)", "zero_not_allowed", "0)"),
    ("* SEARCH 1 0", "zero_not_allowed", "0"),
    ("* VANISHED 0:1", "zero_not_allowed", "0:1"),
    ("* STATUS x (MESSAGES 0 UIDVALIDITY 0)", "zero_not_allowed", "0)"),
    ("* 1 FETCH (MODSEQ (0))", "zero_not_allowed", "0))"),
    ("* 007 EXPUNGE", "leading_zero", "007"),
    ("* 4294967296 EXISTS", "number_too_large", "4294967296"),
    ("* 99999999999 EXPUNGE", "number_too_large", "99999999999"),
    ("* 1 FETCH (RFC822.SIZE 9223372036854775808)", "number_too_large", "9223372036854775808"),
    ("* -1 EXISTS", "negative_number", "-1"),
    ("* 1 FETCH (RFC822.SIZE 9.3736e+06)", "not_an_integer", "9.3736e+06"),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 -1))', "negative_number", "-1"),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 9.3736e+06 2))', "not_an_integer", "9.3736e+06"),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 4294967296 2))', "number_too_large", "4294967296"),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5))', "missing_number", ")"),
    # NIL, lists and strings in the wrong place.
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL NIL 5 1))', "nil_not_allowed", "NIL 5"),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" NIL) NIL NIL "7BIT" 5 1))', "nil_not_allowed", "NIL)"),
    ('* 1 FETCH (BODY (NIL "PNG" NIL NIL NIL "BASE64" 5))', "nil_not_allowed", 'NIL "PNG"'),
    ('* 1 FETCH (BODY ("TEXT" "PLAIN" () NIL NIL "7BIT" 5 1))', "empty_list", "()"),
    ("* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL))", "empty_list", "()"),
    ("* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL))", "not_in_grammar", "ENVELOPE"),
    ("* 1 FETCH (UID 5 ENVELOPE (NIL subject NIL NIL NIL NIL NIL NIL NIL NIL))", "unquoted_string", "subject"),
    ('* 1 FETCH (UID 5 BODYSTRUCTURE ("ALTERNATIVE"))', "not_in_grammar", "BODYSTRUCTURE"),
    ('* 1 FETCH (BODY ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5))', "not_in_grammar", "BODY"),
    ("* 1 FETCH ()", "not_in_grammar", ")"),
    ('* FLAGS (\\Seen "x")', "string_not_allowed", '"x"'),
    ('* 1 FETCH (UID "7")', "string_not_allowed", '"7"'),
    ("* FLAGS (\\Seen \\Recent)", "recent_not_allowed", "\\Recent"),
    ('* LIST (\\Marked \\Unmarked) "/" x', "two_selectability_flags", "\\Marked"),
    ("* FLAGS (\\Seen od]d)", "illegal_in_atom", "]d"),
    ("* THREAD ", "trailing_space", " "),
    ("* LIST () / x", "unquoted_string", "/ x"),
    ('* LIST () "//" x', "not_in_grammar", "* LIST"),
    ("* NAMESPACE NIL NIL", "not_in_grammar", "* NAME"),
    ("* CAPABILITY STARTTLS", "not_in_grammar", "* CAPA"),
    ("* 1 FETCH (INTERNALDATE \"7-Jul-1996 02:44:25 -0700\")", "not_in_grammar", "INTERNALDATE"),
    ("* 1 FETCH (UID 1))", "unbalanced", ")"),
    ("* 1 FETCH (UID 1", "unbalanced", "(UID"),
    # Quoted strings (RFC 9051 §4.3).
    ('* 1 FETCH (BODY[] "a\\b")', "bad_quoted_string", '"a\\b"'),
    ('* 1 FETCH (BODY[] "a)', "bad_quoted_string", '"a)'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "kind", "there"), DEFECTS)
def test_a_known_defect_is_named_and_located(line: str, kind: str, there: str) -> None:
    found = recognise(line.encode() + b"\r\n")
    assert [d.kind for d in found] == [kind]
    assert found[0].proven
    if there:
        assert line[found[0].at :].startswith(there)


OCTET_DEFECTS = [
    (b"* OK hello\n", "bare_lf", 10),
    (b"* OK hello", "no_line_end", 10),
    (b"", "no_line_end", 0),
    (b"* OK hel\nlo\r\n", "bare_lf", 8),
    (b"* OK hel\rlo\r\n", "bare_cr", 8),
    (b"* OK hel\x00lo\r\n", "nul", 8),
    (b'* LIST () "/" "a\rb"\r\n', "bare_cr", 16),
    (b'* LIST () "/" "a\x00b"\r\n', "bad_quoted_string", 14),
    (b"* OK gr\xfc\xdfe\r\n", "bad_utf8", 7),
    (b'* LIST () "/" "gr\xfc\xdfe"\r\n', "bad_utf8", 14),
    (b"* 1 FETCH (BODY[] {5}\r\nab)\r\n", "literal_short", 18),
    (b"* 1 FETCH (BODY[] {2}\r\nabcd)\r\n", "literal_count", 25),
    (b"* 1 FETCH (BODY[] {3}\r\na\x00b)\r\n", "nul", 24),
    (b"* 1 FETCH (BODY[] {99999999999999999999}\r\n)\r\n", "number_too_large", 18),
    (b"* 1 FETCH (BODY[] {1+}\r\nx)\r\n", "non_sync_literal", 18),
    (b"* 1 FETCH (BODY[] ~{1}\r\nx)\r\n", "literal8_not_allowed", 18),
]


@pytest.mark.parametrize(("raw", "kind", "at"), OCTET_DEFECTS)
def test_a_defect_of_octets_is_named_and_located(raw: bytes, kind: str, at: int) -> None:
    assert (kind, at) in [(d.kind, d.at) for d in recognise(raw)]


def test_several_faults_in_one_line_are_all_named() -> None:
    found = recognise(b"*  STATUS x ( MESSAGES 3) \r\n")
    assert {d.kind for d in found} == {"double_space", "space_inside_parens", "trailing_space"}


def test_what_is_right_is_not_named_among_several_faults() -> None:
    found = recognise(b"*  STATUS x (MESSAGES 0 UIDNEXT 4294967296)\r\n")
    assert [d.kind for d in found] == ["double_space", "number_too_large"]
    found = recognise(f"* 1  FETCH (ENVELOPE {ENVELOPE} )\r\n".encode())
    assert [d.kind for d in found] == ["double_space", "space_inside_parens"]


def test_faults_beyond_naming_are_still_convicted() -> None:
    found = recognise(b"* 1 FETCH (UID 0  FLAGS (\\Seen\x01) ENVELOPE NIL)\r\n")
    assert [d.kind for d in found] == ["not_in_grammar"]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("* XAPPLEPUSHSERVICE aps-version 2", "unknown_response"),
        ("* 3 XCHANGED", "unknown_response"),
        ("* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox foo) UID 3)", "unknown_item"),
    ],
)
def test_a_name_nobody_here_knows_is_not_judged(line: str, kind: str) -> None:
    found = recognise(line.encode() + b"\r\n")
    assert [d.kind for d in found] == [kind]
    assert kind in NOT_JUDGED
    assert not found[0].proven


def test_a_known_item_is_still_judged_beside_an_unknown_one() -> None:
    assert [d.proven for d in recognise(b"* 1 FETCH (X-GM-MSGID 12 UID 0)\r\n")] == [True]


def test_deep_nesting_is_refused_a_verdict_and_not_a_crash() -> None:
    found = recognise(b"* 1 FETCH (BODY " + b"(" * 10_000 + b")" * 10_000 + b")\r\n")
    assert [d.kind for d in found] == ["too_deep"]


def test_endless_groups_are_refused_a_verdict() -> None:
    assert [d.kind for d in recognise(b"* THREAD " + b"(1)" * 50_001 + b"\r\n")] == ["too_long"]


def test_a_nested_multipart_of_legal_depth_is_accepted() -> None:
    body = PLAIN
    for _ in range(300):
        body = f'({body} "MIXED")'
    assert recognise(f"* 1 FETCH (BODY {body})\r\n".encode()) == ()


def test_a_line_beyond_the_limit_is_not_judged() -> None:
    assert [d.kind for d in recognise(b"* OK " + b"a" * (1 << 21) + b"\r\n")] == ["too_long"]
    assert [d.kind for d in recognise(b"* SEARCH" + b" 1" * (1 << 20) + b"\r\n")] == ["too_long"]


def test_a_large_literal_counts_nothing_towards_the_limit() -> None:
    assert recognise(b"* 1 FETCH (BODY[] {4000000}\r\n" + b"x" * 4_000_000 + b")\r\n") == ()


HOSTILE = [
    b"* SEARCH" + b" 123456" * 40_000 + b" x",
    b"* CAPABILITY" + b" AUTH=X" * 40_000,
    b"* FLAGS (" + b"\\A " * 20_000 + b")",
    b"* VANISHED " + b"1:2," * 20_000,
    b"* " + b"0" * 300_000 + b"x EXISTS",
    b"* ESEARCH" + b" A 1" * 20_000 + b" ",
    b"a OK [COPYUID 1 " + b"1:2," * 20_000,
    b"* 1 FETCH (X" + b"[" * 20_000 + b")",
    b'* LIST () "/" x (' + b"a 1 " * 10_000 + b")",
    b"* THREAD " + b"(1 x)" * 20_000,
    b"* OK [" + b"[AB 1] " * 20_000 + b"\xff",
    b"* 1 FETCH (ENVELOPE (" + b"NIL " * 8_000 + b"))",
    b"* NAMESPACE " + b'(("" "/"' + b' "x" ("y")' * 8_000 + b") NIL NIL",
]


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_costs_bounded_time(line: bytes) -> None:
    # Exponential or quadratic matching of these would take minutes; the bound is loose for slow machines.
    started = time.process_time()
    assert recognise(line + b"\r\n") != ()
    assert time.process_time() - started < 5


def test_a_deviation_says_whether_it_proves_anything() -> None:
    assert Deviation("trailing_space", 0, "x").proven
    assert not Deviation("too_deep", 0, "x").proven
