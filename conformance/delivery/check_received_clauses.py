"""The clauses of a Received field: RFC 5321 §4.4, and the WITH types of RFC 3848."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.delivery.check_trace import added_received
from conformance.delivery.reading_back import accepted
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered

ORDER = (b"from", b"by", b"via", b"with", b"id", b"for")
"""Stamp = From-domain By-domain Opt-info; Opt-info = [Via] [With] [ID] [For] [Additional-Registered-Clauses]."""

# atext of RFC 5322 §3.2.3, and in it UTF-8 as RFC 6532 §3.2 adds it.
_ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+")
_DOT_ATOM = _ATOM.pattern + rb"(?:\." + _ATOM.pattern + rb")*"
_MSG_ID = re.compile(rb"<" + _DOT_ATOM + rb"@(?:" + _DOT_ATOM + rb"|\[[^\[\]]*\])>")
_MAILBOX = rb'(?:"(?:[^"\\]|\\.)*"|' + _DOT_ATOM + rb")@(?:" + _DOT_ATOM + rb"|\[[^\[\]]*\])"
_PATH_OR_MAILBOX = re.compile(rb"<(?:@[^:<>]*:)?" + _MAILBOX + rb">|" + _MAILBOX)
_COMMENT = re.compile(rb"\((?:[^()\\]|\\.)*\)")
# TCP-info = address-literal / ( Domain FWS address-literal ); not the comment in which Exim and qmail repeat the EHLO.
_TCP_INFO = re.compile(rb"(?i)(?!HELO\s)(?:[^\s\[\]=]+\s+)?\[")

# RFC 5321, RFC 3848, RFC 6531 §4.3, and what else IANA's registry of mail transmission types has.
REGISTERED_PROTOCOLS = frozenset(
    {b"SMTP", b"HTTP", b"MMS"}
    | {
        kind + tls + auth
        for kind in (b"ESMTP", b"LMTP", b"UTF8SMTP", b"UTF8LMTP")
        for tls in (b"", b"S")
        for auth in (b"", b"A")
    }
)
REGISTERED_LINKS = frozenset({b"TCP", b"UUCP"})
REGISTERED_CLAUSES = frozenset({b"TLS", b"PRIORITY"})
"""RFC 8314 §7.4 and RFC 6710 §7."""


def _field(message: Delivered) -> bytes:
    """The Received field that the server we spoke to wrote, whole.

    Raises:
        InconclusiveError: there is none, which is judged by itself.
    """
    added = added_received(message)
    if not added:
        raise InconclusiveError("the server wrote no Received field")
    return added[-1]


def clauses_of(field: bytes) -> list[tuple[bytes, bytes]]:
    """Each clause's name in small letters and its value, in order; comments and the date left out."""
    text = field.partition(b":")[2].replace(b"\r\n", b"")
    while (without := _COMMENT.sub(b" ", text)) != text:
        text = without
    return list(_pairs(text.rpartition(b";")[0].split()))


def _pairs(words: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Words two by two; a word that stands where a name should is one with nothing behind it."""
    at = 0
    while at < len(words):
        yield words[at].lower(), words[at + 1] if at + 1 < len(words) else b""
        at += 2


def _value(field: bytes, name: bytes) -> bytes | None:
    return next((value for clause, value in clauses_of(field) if clause == name), None)


def _arrived(dial: Dial, mailbox: Mailbox) -> bytes:
    return _field(mailbox.wait_for(accepted(dial, mailbox, b"text\r\n")))


@must("rfc5321/4.4/31", "rfc5321/4.4/37")
def check_come_in_their_order(dial: Dial, mailbox: Mailbox) -> None:
    """After `Received:` and white space come FROM, BY, VIA, WITH, ID and FOR in this order, further clauses last.

    What reads these fields, to find loops or whom to blame, reads them in the order of the grammar.
    """
    field = _arrived(dial, mailbox)
    expect(re.match(rb"(?i)received:(?:\r\n)?[ \t]", field), "white space behind `Received:`", repr(field))
    names = [name for name, _ in clauses_of(field)]
    places = [ORDER.index(name) if name in ORDER else len(ORDER) for name in names]
    wanted = b", ".join(ORDER).decode().upper()
    expect(places == sorted(places), f"clauses in the order {wanted} and others", repr(field))
    known = [name for name in names if name in ORDER]
    expect(len(known) == len(set(known)), "no clause twice", repr(field))


@must("rfc5321/4.4/38", "rfc5321/4.4/39", "rfc5321/4.4/41", "rfc5321/4.4/43")
def check_have_the_values_of_their_kind(dial: Dial, mailbox: Mailbox) -> None:
    """VIA and WITH name an atom, ID an atom or a message id, FOR a path or a mailbox."""
    field = _arrived(dial, mailbox)
    forms = {b"via": (_ATOM, "an atom"), b"with": (_ATOM, "an atom")}
    forms[b"for"] = (_PATH_OR_MAILBOX, "a path or a mailbox")
    for name, value in clauses_of(field):
        if name == b"id":
            fits, form = bool(_ATOM.fullmatch(value) or _MSG_ID.fullmatch(value)), "an atom or a message id"
        elif name in forms:
            pattern, form = forms[name]
            fits = bool(pattern.fullmatch(value))
        else:
            continue
        expect(fits, f"{form} behind {name.decode().upper()}", repr(field))


@should("rfc5321/4.4/40", "rfc5321/4.4/42", "rfc5321/4.4/44")
def check_have_registered_names(dial: Dial, mailbox: Mailbox) -> None:
    """Protocols, links and further clauses are those that IANA has registered, in any case."""
    field = _arrived(dial, mailbox)
    for name, value in clauses_of(field):
        if name == b"with":
            expect(value.upper() in REGISTERED_PROTOCOLS, "a registered protocol behind WITH", repr(field))
        elif name == b"via":
            expect(value.upper() in REGISTERED_LINKS, "a registered link behind VIA", repr(field))
        elif name not in ORDER:
            expect(name.upper() in REGISTERED_CLAUSES, "registered clauses only", repr(field))


@must("rfc5321/4.4/36")
@given(claimed=st.sampled_from(("[192.0.2.77]", "[IPv6:2001:db8::77]")), at_most=2)
def check_show_the_address_that_the_server_saw(dial: Dial, mailbox: Mailbox, claimed: str) -> None:
    """The address in the comment of the FROM clause is that of the connection, not one that EHLO claims.

    Exim puts it the other way round, `from [192.0.2.1] (helo=[192.0.2.77])`: no TCP-info, and nobody is misled.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if not smtp.ehlo(claimed).positive:
            raise not_applicable(f"EHLO {claimed} is refused")
        smtp.begin_data()
        if not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message was refused")
    field = _field(mailbox.wait_for(token))
    comment = re.search(rb"(?is)\bfrom\s+\S+\s+\(([^()]*)\)", field)
    if comment is None or not _TCP_INFO.match(comment[1]):
        raise not_applicable("the FROM clause has no comment with an address")
    claim = claimed.strip("[]").removeprefix("IPv6:").encode()
    expect(claim not in comment[1], "the address of the connection in the comment", repr(field))


@should("rfc4954/7/2")
def check_tell_that_the_client_logged_in(submission: Dial, mailbox: Mailbox) -> None:
    """Mail from a client that logged in says WITH ESMTPA, or ESMTPSA inside TLS."""
    token = mailbox.token()
    with submission() as smtp:
        smtp.greet()
        if not submission.endpoint.means.submission:
            smtp.log_in()
        smtp.begin(sender=smtp.recipient)
        if smtp.data().code != 354 or not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message was refused")
        wanted = {b"ESMTPSA", b"UTF8SMTPSA"} if smtp.secured else {b"ESMTPA", b"UTF8SMTPA"}
    field = _field(mailbox.wait_for(token))
    with_type = (_value(field, b"with") or b"").upper()
    expect(with_type in wanted, f"WITH {min(wanted).decode()}", repr(field))


def _for_two(dial: Dial, mailbox: Mailbox) -> tuple[Delivered, str]:
    """A message to the mailbox and to the second account, as the first one got it; the second one's address."""
    accounts = dial.accounts
    if len(accounts) < 2:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    other = accounts[1].address(dial.domain)
    if other is None:
        raise InconclusiveError("the address of the second account is not known")
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        smtp.begin(sender="" if smtp.mail("").positive and smtp.rset().positive else None, to=[mailbox.address, other])
        if smtp.data().code != 354 or not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message was refused")
    return mailbox.wait_for(token), other


@must("rfc5321/4.4/5")
def check_name_one_recipient_at_most(dial: Dial, mailbox: Mailbox) -> None:
    """With several recipients, a FOR clause still names one."""
    message, _ = _for_two(dial, mailbox)
    field = _field(message)
    text = field.partition(b":")[2].rpartition(b";")[0]
    clause = re.search(rb"(?is)\sfor\s(.*?)(?=\s(?:from|by|via|with|id|tls|priority)\s|$)", text)
    named = re.findall(_MAILBOX, _COMMENT.sub(b" ", clause[1])) if clause else []
    expect(len(named) <= 1, "one path behind FOR", repr(field))


@should("rfc5321/7.2/1", "rfc5321/7.6/1")
def check_tell_no_recipient_of_another(dial: Dial, mailbox: Mailbox) -> None:
    """The address of another recipient, who may be a blind copy, is in no field that the server adds."""
    message, other = _for_two(dial, mailbox)
    sent = message.header.find(b"From: <")
    added = message.header[: sent if sent >= 0 else None]
    expect(other.encode() not in added, f"nothing of {other} in the fields above the message's own", repr(added))
