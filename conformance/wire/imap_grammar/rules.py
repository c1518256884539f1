"""What the recogniser adds to the `abnf` package's RFC 9051 grammar: IMAP4rev1's responses and the extensions'.

Four kinds of entry, each with its reason:

- `RESTATED`: rules of RFC 9051 §9 written differently but with the same language, where the RFC's wording is
  ambiguous (two parses of one octet string) or recursive without a bracket. Ambiguity costs a matcher exponential time.
- `WIDENED`: rules whose language is the union of RFC 3501's, RFC 9051's and the extensions'. A response is
  convicted only if no published grammar allows it, because a recogniser that sees one response cannot know what the
  client enabled.
- `BUT_NOT`: "this rule, but not what that one matches". ABNF has no such operator; RFC 9051 §9 states it in
  prose (an earlier alternative has priority over a later, more general one) and in comments.
- `NUMERIC`: the ranges that RFC 9051 §9 gives in comments to `number` and its kin.

Everything else is taken from the package unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RESTATED = (
    # §9: sequence-set and uid-set recurse to the right; an item list says the same.
    'sequence-set = sequence-item *("," sequence-item) / "$"',
    'sequence-item = seq-number [":" seq-number]',
    'uid-set = uid-item *("," uid-item)',
    'uid-item = uniqueid [":" uniqueid]',
    # INBOX is an astring, "AUTH=" is the start of an atom, the named flags and keywords are atoms.
    "mailbox = astring",
    "capability = atom",
    "flag-keyword = atom",
    "flag = flag-keyword / flag-extension",
    'mbx-list-oflag = "\\" atom',
    # A quoted "7BIT" is a string, and so is every quoted media type.
    "body-fld-enc = string",
    "media-basic = string SP media-subtype",
    # number is a part of number64; one of the two is enough.
    'body-extension = nstring / number64 / "(" body-extension *(SP body-extension) ")"',
    # A sequence set may be one number, so number64 is only what no sequence set is (see BUT_NOT).
    "tagged-ext-simple = sequence-set / large-number",
    "large-number = number64",
    "namespace-response-extensions = *namespace-response-extension",
    # base64 is a part of text (§9 continue-req), so a continuation is "+" SP resp-text.
    "text = 1*(TEXT-CHAR / UTF8-2 / UTF8-3 / UTF8-4)",
)

WIDENED = (
    # --- roots -------------------------------------------------------------------------------------------------
    # The line end is cut off before matching. Status lines hold free text, so they are matched as they are;
    # in all other responses parentheses and quotes are structure.
    'status-line = (tag SP condition / "*" SP (condition / "PREAUTH" / "BYE") / "+") SP resp-text',
    'condition = "OK" / "NO" / "BAD"',
    'data-line = "*" SP (mailbox-data / message-data / capability-data / enable-data)',
    'lenient-fetch-line = "*" SP nz-number SP "FETCH" SP "(" lenient-item *(SP lenient-item) ")"',
    "lenient-item = msg-att-dynamic / msg-att-static / other-item",
    'other-item = tagged-ext-label ["[" *(ATOM-CHAR / SP / "(" astring *(SP astring) ")") "]"] SP other-value',
    'other-value = string / literal8 / ["\\"] atom / "(" [other-value *(SP other-value)] ")"',
    # --- status text (RFC 3501 §7.1, RFC 9051 §7.1) ----------------------------------------------------------------
    'resp-text = "[" resp-text-code "]" SP [text] / [plain-text]',
    "plain-text = text",
    # Runs to the end of the line, so that what follows the name does not matter.
    'bracketed-code = "[" (known-code "]" [text] / argument-code ["]" [text] / SP text])',
    'resp-text-code = "BADCHARSET" [SP "(" charset *(SP charset) ")"] / capability-data / '
    '"PERMANENTFLAGS" SP "(" [flag-perm *(SP flag-perm)] ")" / "UIDNEXT" SP nz-number / '
    '"UIDVALIDITY" SP nz-number / "UNSEEN" SP nz-number / '  # UNSEEN: RFC 3501 §7.1
    '"APPENDUID" SP nz-number SP uid-set / '  # RFC 4315 §4: a set after MULTIAPPEND
    '"COPYUID" SP nz-number SP uid-set SP uid-set / '
    '"HIGHESTMODSEQ" SP mod-sequence-value / "MODIFIED" SP sequence-set / '  # RFC 7162 §7
    '"MAILBOXID" SP "(" objectid ")" / "NOUPDATE" SP quoted / '  # RFC 8474 §7, RFC 5267 §6
    "other-code",
    "other-code = atom [SP 1*RESP-TEXT-CODE-CHAR]",
    'argument-code = "CAPABILITY" / "PERMANENTFLAGS" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "APPENDUID" / '
    '"COPYUID" / "HIGHESTMODSEQ" / "MODIFIED" / "MAILBOXID" / "NOUPDATE" / "BADCHARSET"',
    # RFC 3501 has astring, RFC 9051 atom / quoted. A literal cannot stand in a status line.
    "charset = 1*ASTRING-CHAR / quoted",
    # Names after which a "]" must be followed by SP. Only these: "[x]y" may be plain text that starts so.
    'known-code = argument-code / "ALERT" / "PARSE" / "READ-ONLY" / "READ-WRITE" / "TRYCREATE" / "UIDNOTSTICKY" / '
    '"UNAVAILABLE" / "AUTHENTICATIONFAILED" / "AUTHORIZATIONFAILED" / "EXPIRED" / "PRIVACYREQUIRED" / '
    '"CONTACTADMIN" / "NOPERM" / "INUSE" / "EXPUNGEISSUED" / "CORRUPTION" / "SERVERBUG" / "CLIENTBUG" / '
    '"CANNOT" / "LIMIT" / "OVERQUOTA" / "ALREADYEXISTS" / "NONEXISTENT" / "NOTSAVED" / "HASCHILDREN" / '
    '"CLOSED" / "UNKNOWN-CTE" / "NOMODSEQ" / "COMPRESSIONACTIVE" / "USEATTR" / "TOOBIG"',
    'capability-data = "CAPABILITY" *(SP capability) SP ("IMAP4rev1" / "IMAP4rev2") *(SP capability)',
    # --- mailbox data ----------------------------------------------------------------------------------------------
    'mailbox-data = "FLAGS" SP flag-list / ("LIST" / "LSUB") SP mailbox-list / esearch-response / '
    '"STATUS" SP mailbox SP "(" [status-att-list] ")" / number SP ("EXISTS" / "RECENT") / namespace-response / '
    # SEARCH and SORT: RFC 3501 §7.2.5, RFC 5256 §5, the MODSEQ tail only after a number (RFC 7162 §7).
    '("SEARCH" / "SORT") *(SP nz-number) / ("SEARCH" / "SORT") 1*(SP nz-number) SP modseq-tail / '
    '"THREAD" [SP 1*thread-list]',
    'modseq-tail = "(" "MODSEQ" SP mod-sequence-value ")"',
    'thread-list = "(" (thread-members / thread-nested) ")"',
    "thread-members = nz-number *(SP nz-number) [SP thread-nested]",
    "thread-nested = 2*thread-list",
    'status-att-val = ("MESSAGES" / "RECENT" / "UNSEEN" / "DELETED") SP number / '
    '("UIDNEXT" / "UIDVALIDITY") SP nz-number / ("SIZE" / "DELETED-STORAGE") SP number64 / '
    '"HIGHESTMODSEQ" SP mod-sequence-valzer / "APPENDLIMIT" SP (number / nil) / '
    # RFC 4466 §2.7 only recommends tagged-ext-val to extensions, and Dovecot's X-GUID is an atom.
    '"MAILBOXID" SP "(" objectid ")" / other-status SP other-value',
    "other-status = tagged-ext-label",
    'known-status = "MESSAGES" / "RECENT" / "UNSEEN" / "DELETED" / "UIDNEXT" / "UIDVALIDITY" / "SIZE" / '
    '"DELETED-STORAGE" / "HIGHESTMODSEQ" / "APPENDLIMIT" / "MAILBOXID"',
    # ESEARCH: RFC 9051 §7.3.4 with RFC 7377 (correlators), RFC 5267, RFC 7162 and RFC 6203.
    'esearch-response = "ESEARCH" [SP "(" one-correlator *(SP one-correlator) ")"] [SP "UID"] *(SP search-return-data)',
    'one-correlator = "TAG" SP tag-string / "MAILBOX" SP astring / "UIDVALIDITY" SP nz-number',
    'search-return-data = ("MIN" / "MAX") SP nz-number / "ALL" SP sequence-set / "COUNT" SP number / '
    '"MODSEQ" SP mod-sequence-value / "PARTIAL" SP "(" partial-span SP (sequence-set / nil) ")" / '
    '("ADDTO" / "REMOVEFROM") SP "(" number SP sequence-set *(SP number SP sequence-set) ")" / '
    '"RELEVANCY" SP "(" [number *(SP number)] ")" / search-ret-data-ext',
    'partial-span = ["-"] nz-number ":" ["-"] nz-number',
    'known-search-return = "MIN" / "MAX" / "ALL" / "COUNT" / "MODSEQ" / "PARTIAL" / '
    '"ADDTO" / "REMOVEFROM" / "RELEVANCY"',
    # --- message data ----------------------------------------------------------------------------------------------
    'msg-att-dynamic =/ "MODSEQ" SP "(" mod-sequence-value ")" / "PREVIEW" SP nstring',  # RFC 7162 §7, RFC 8970
    'msg-att-static = "ENVELOPE" SP envelope / ("INTERNALDATE" SP date-time) / "RFC822.SIZE" SP number64 / '
    '"RFC822" [".HEADER" / ".TEXT"] SP nstring / '  # RFC 3501 §7.4.2
    '"BODY" ["STRUCTURE"] SP body / "BODY" section ["<" number ">"] SP nstring / '
    # The "<n>" is in the prose (RFC 3516 §4.3, RFC 9051 §7.5.2), not in the ABNF.
    '"BINARY" section-binary ["<" number ">"] SP (nstring / literal8) / '
    '"BINARY.SIZE" section-binary SP number / "UID" SP uniqueid / '
    '"EMAILID" SP "(" objectid ")" / "THREADID" SP ("(" objectid ")" / nil) / '  # RFC 8474 §7
    '"SAVEDATE" SP (date-time / nil)',  # RFC 8514 §4.3
    'objectid = 1*255(ALPHA / DIGIT / "_" / "-")',
    'known-item = "FLAGS" / "MODSEQ" / "PREVIEW" / "ENVELOPE" / "INTERNALDATE" / "RFC822.SIZE" / "RFC822" / '
    '"RFC822.HEADER" / "RFC822.TEXT" / "BODYSTRUCTURE" / "UID" / "EMAILID" / "THREADID" / "SAVEDATE" / '
    '("BODY" / "BINARY" / "BINARY.SIZE") ["[" *ATOM-CHAR]',
    # RFC 9051 also wants an envelope in MESSAGE/GLOBAL; under RFC 3501 that is a basic type like any other.
    'special-media = DQUOTE "MESSAGE" DQUOTE SP DQUOTE "RFC822" DQUOTE / DQUOTE "TEXT" DQUOTE SP media-subtype',
    # --- extensions' own responses ---------------------------------------------------------------------------------
    'mailbox-data =/ "VANISHED" [SP "(" "EARLIER" ")"] SP uid-set',  # RFC 7162 §7: no "*" in the set
    'mailbox-data =/ "QUOTA" SP astring SP "(" [quota-resource *(SP quota-resource)] ")"',  # RFC 2087 §6, RFC 9208
    "quota-resource = atom SP number64 SP number64",
    'mailbox-data =/ "QUOTAROOT" SP mailbox *(SP astring)',
    'mailbox-data =/ "GENURLAUTH" 1*(SP astring)',  # RFC 4467 §9
    'mailbox-data =/ "URLFETCH" 1*(SP astring SP nstring)',
    'mailbox-data =/ "ACL" SP mailbox *(SP astring SP astring)',  # RFC 4314 §7
    'mailbox-data =/ "LISTRIGHTS" SP mailbox SP astring 1*(SP astring)',
    'mailbox-data =/ "MYRIGHTS" SP mailbox SP astring',
    'mailbox-data =/ "ID" SP (nil / "(" [id-field *(SP id-field)] ")")',  # RFC 2971 §4
    "id-field = string SP nstring",
    'mailbox-data =/ "METADATA" SP mailbox SP ("(" metadata-entry *(SP metadata-entry) ")" / '  # RFC 5464 §5
    "astring *(SP astring))",
    "metadata-entry = astring SP (nstring / literal8)",
    'mailbox-data =/ "LANGUAGE" SP "(" astring *(SP astring) ")"',  # RFC 5255
    'mailbox-data =/ "COMPARATOR" SP astring [SP "(" astring *(SP astring) ")"]',
)

BUT_NOT: Mapping[str, str] = MappingProxyType(
    {
        # "Does not include \Recent" (comment on flag in both RFCs); flag-fetch adds it on its own.
        "flag-extension": "obsolete-flag-recent",
        # Only one selectability flag in a LIST response (comment on mbx-list-sflag, RFC 3501 §9).
        "mbx-list-oflag": "mbx-list-sflag",
        # TEXT has a line count, MESSAGE/RFC822 an envelope, body and lines (RFC 9051 §7.5.2 and comment in §9).
        "media-basic": "special-media",
        "other-code": "argument-code",
        "plain-text": "bracketed-code",
        "other-status": "known-status",
        "search-modifier-name": "known-search-return",
        "other-item": "known-item",
        "large-number": "sequence-set",
    }
)

# RFC 9051 §9 and RFC 3501 §9 give these ranges in comments. `number` allows leading zeros, `nz-number` does not.
_UP_TO_2_32 = "(?:[0-9]{1,9}|[1-3][0-9]{9}|4(?:[01][0-9]{8}|2(?:[0-8][0-9]{7}|9(?:[0-3][0-9]{6}|4(?:[0-8][0-9]{5}|"
_UP_TO_2_32 += "9(?:[0-5][0-9]{4}|6(?:[0-6][0-9]{3}|7(?:[01][0-9]{2}|2(?:[0-8][0-9]|9[0-5])))))))))"
_MAX_63 = str(2**63 - 1)
_UP_TO_2_63 = "(?:[0-9]{1,18}|[0-8][0-9]{18}|" + "|".join(
    f"{_MAX_63[:i]}[0-{int(_MAX_63[i]) - 1}][0-9]{{{18 - i}}}" for i in range(1, 19) if _MAX_63[i] != "0"
)
_UP_TO_2_63 += f"|{_MAX_63})"
_WHOLE = "(?![0-9])"

NUMERIC: Mapping[str, str] = MappingProxyType(
    {
        "number": f"(?>0*{_UP_TO_2_32}{_WHOLE})",
        "nz-number": f"(?=[1-9]){_UP_TO_2_32}{_WHOLE}",
        "number64": f"(?>0*{_UP_TO_2_63}{_WHOLE})",
        "nz-number64": f"(?=[1-9]){_UP_TO_2_63}{_WHOLE}",
        # RFC 7162 §7: positive, 63 bits.
        "mod-sequence-value": f"(?=0*[1-9])(?>0*{_UP_TO_2_63}{_WHOLE})",
        "mod-sequence-valzer": f"(?>0*{_UP_TO_2_63}{_WHOLE})",
    }
)
