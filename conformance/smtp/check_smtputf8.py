"""SMTPUTF8: RFC 6531 §3."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, mail_alone
from conformance.smtp.session import SmtpSession

SYNTAX_ERRORS = frozenset({500, 501, 502, 504, 555})
"""What says that a path was not understood. 550 and 553 are for policy, and for addresses that must be ASCII (§3.5)."""

local_parts = st.sampled_from(("jürgen", "пётр", "阿爽", "x.ä", '"ü b"', "a+é", "𝒳"))
OTHER_ENCODINGS = (b"\xfc", b"\x80", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe")
"""Octets that are no UTF-8 (RFC 3629 §4): Latin-1, characters cut off, surrogates, what is beyond Unicode."""

ASCII_IN_LONGER_FORMS = (b"\xc0\xbe", b"\xc1\x80", b"\xc0\xa2", b"\xc1\xa1", b"\xe0\x80\xa0", b"\xf0\x80\x81\xa1")
"""`>`, `@`, `"`, `a` and a blank in more octets than they need, which RFC 3629 §3 rules out."""

domains = st.sampled_from(("bücher.example", "пример.example", "例え.example", "client.example"))


def _begin(smtp: SmtpSession) -> None:
    smtp.greet()
    if "SMTPUTF8" not in smtp.capabilities:
        raise not_applicable("the server does not offer SMTPUTF8")


@must("rfc6531/3.1/2", "rfc6531/3.1/10")
def check_stands_alone_and_beside_8bitmime(dial: Dial) -> None:
    """The EHLO line of SMTPUTF8 has nothing after the keyword, and 8BITMIME is on offer too."""
    with dial() as smtp:
        _begin(smtp)
        listed = smtp.capabilities["SMTPUTF8"]
        expect(listed == "", "nothing after SMTPUTF8", repr(listed))
        expect("8BITMIME" in smtp.capabilities, "8BITMIME beside SMTPUTF8", sorted(smtp.capabilities))


@must(
    "rfc6531/3.2/1",
    "rfc6531/3.1/5",
    "rfc6531/3.1/11",
    "rfc6531/3.3/2",
    "rfc6531/3.3/3",
    "rfc6531/3.3/4",
)
@given(local_part=local_parts, domain=domains)
def check_paths_may_have_utf8_in_them(dial: Dial, local_part: str, domain: str) -> None:
    """With the parameter, MAIL and RCPT take UTF-8 in local-parts and domains. Whom they accept is another matter."""
    with dial() as smtp:
        _begin(smtp)
        for sender in dict.fromkeys(("jürgen@bücher.example", '"ü b"@client.example', f"{local_part}@{domain}")):
            reply = mail_alone(smtp, "SMTPUTF8", sender=sender)
            expect(reply.code not in SYNTAX_ERRORS, f"MAIL FROM:<{sender}> SMTPUTF8 to be understood", reply)
        smtp.rset()
        smtp.begin(to=[], parameters=["SMTPUTF8"])
        for recipient in dict.fromkeys(("jürgen@bücher.example", '"ü b"@client.example', f"{local_part}@{domain}")):
            reply = smtp.rcpt(recipient)
            expect(reply.code not in SYNTAX_ERRORS, f"RCPT TO:<{recipient}> to be understood", reply)


@must("rfc6531/1.1/1")
@given(octets=st.sampled_from(OTHER_ENCODINGS), in_domain=st.booleans())
def check_refuses_paths_in_other_encodings(dial: Dial, octets: bytes, *, in_domain: bool) -> None:
    """With the parameter too, MAIL and RCPT do not take octets that are no UTF-8: nobody knows what they mean."""
    _expect_refused_in_paths(dial, (b"\xfc", octets), in_domain=in_domain)


@must("rfc6531/3.3/1")
@given(octets=st.sampled_from(ASCII_IN_LONGER_FORMS), in_domain=st.booleans())
def check_refuses_ascii_in_longer_forms(dial: Dial, octets: bytes, *, in_domain: bool) -> None:
    """MAIL and RCPT take no ASCII in two octets or more: it is no UTF-8, and gets delimiters past those who look."""
    _expect_refused_in_paths(dial, (b"\xc0\xbe", octets), in_domain=in_domain)


def _expect_refused_in_paths(dial: Dial, octets: tuple[bytes, ...], *, in_domain: bool) -> None:
    path = b"<a@b%s.example>" if in_domain else b"<a%sb@client.example>"
    with dial() as smtp:
        _begin(smtp)
        for each in dict.fromkeys(octets):
            line = b"MAIL FROM:" + path % each + b" SMTPUTF8"
            reply = ask(smtp, line)
            if reply is None:
                return
            expect(not reply.positive, f"{line!r} to be refused", reply)
            smtp.rset()
        smtp.begin(to=[], parameters=["SMTPUTF8"])
        for each in dict.fromkeys(octets):
            line = b"RCPT TO:" + path % each
            reply = ask(smtp, line)
            if reply is None:
                return
            expect(not reply.positive, f"{line!r} to be refused", reply)


@must("rfc6531/3.4/2", "rfc6531/3.1/6")
@given(value=st.sampled_from(("=", "=1", "=yes", "=UTF-8")), at_most=4)
def check_the_parameter_of_mail_has_no_value(dial: Dial, value: str) -> None:
    """MAIL with SMTPUTF8=anything is refused."""
    with dial() as smtp:
        _begin(smtp)
        for words in dict.fromkeys(("SMTPUTF8=1", f"SMTPUTF8{value}")):
            reply = mail_alone(smtp, words)
            expect(not reply.positive, f"{words} to be refused", reply)


@must("rfc6531/3.5/4", "rfc6531/3.5/2", "rfc6531/3.5/3")
def check_addresses_that_must_be_ascii_have_their_codes(dial: Dial) -> None:
    """Where X.6.7 says that an address has to be ASCII, MAIL has 550 before it and RCPT 553."""
    with dial() as smtp:
        _begin(smtp)
        replies = {550: mail_alone(smtp, "SMTPUTF8", sender="jürgen@bücher.example")}
        smtp.rset()
        smtp.begin(to=[], parameters=["SMTPUTF8"])
        replies[553] = smtp.rcpt(f"jürgen@{dial.domain}")
        said = {
            code: reply
            for code, reply in replies.items()
            if reply.permanent and re.match(rb"5\.6\.7\b", reply.lines[0])
        }
        if not said:
            raise not_applicable("the server asks for no address in ASCII")
        for code, reply in said.items():
            expect(reply.code == code, f"{code} where the status code is 5.6.7", reply)


@must("rfc6531/3.7.1/2")
def check_ehlo_is_answered_in_ascii(dial: Dial) -> None:
    """Domains in the reply to EHLO are in ASCII: the client has not said yet that it knows anything else."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.ehlo()
        if "SMTPUTF8" not in smtp.capabilities:
            raise not_applicable("the server does not offer SMTPUTF8")
        expect(reply.raw.isascii(), "a reply to EHLO in ASCII", repr(reply.raw))


@must("rfc6531/3.7.4.2/3", "rfc6531/3.7.4.2/5")
@given(verb=st.sampled_from(("VRFY", "EXPN")), local_part=local_parts)
def check_vrfy_without_the_parameter_gets_ascii(dial: Dial, verb: str, local_part: str) -> None:
    """VRFY and EXPN without SMTPUTF8 get no UTF-8; a mailbox that cannot be shown without is 252 or 550."""
    with dial() as smtp:
        _begin(smtp)
        smtp.command("VRFY jürgen SMTPUTF8")  # is for that command alone
        for line in dict.fromkeys(("VRFY jürgen", f"{verb} {local_part}")):
            reply = smtp.command(line)
            expect(reply.raw.isascii(), f"a reply in ASCII to {line}", repr(reply.raw))
            # A name beyond ASCII may lead to a mailbox in ASCII, which can be shown.
            shown = reply.code not in {250, 251} or all(b"@" in text for text in reply.lines)
            expect(shown, f"252 or 550 to {line}, or a mailbox in ASCII", reply)


@must("rfc6531/3.7.4.2/4", "rfc6531/3.1/9", "rfc6531/3.1/8")
def check_the_parameter_of_vrfy_has_no_value(dial: Dial) -> None:
    """VRFY takes SMTPUTF8 behind the name, and verifies nobody where that has a value."""
    with dial() as smtp:
        _begin(smtp)
        plain = smtp.command(f"VRFY {smtp.recipient}")
        if plain.code not in {250, 251, 252}:
            raise not_applicable(f"the server verifies nobody: {plain}")
        known = smtp.command(f"VRFY {smtp.recipient} SMTPUTF8")
        expect(known.positive or known.transient, f"VRFY {smtp.recipient} SMTPUTF8 to be answered as without", known)
        if plain.code == 252:
            return
        reply = smtp.command(f"VRFY {smtp.recipient} SMTPUTF8=1")
        expect(reply.code not in {250, 251}, "no verification where SMTPUTF8 has a value", reply)


@must("rfc6531/3.7.4.2/6", "rfc6531/3.7.4.2/7")
def check_vrfy_with_the_parameter_names_the_mailbox(dial: Dial) -> None:
    """A 250 to VRFY with SMTPUTF8 has the mailbox, by itself or in angle brackets behind the user's name."""
    with dial() as smtp:
        _begin(smtp)
        reply = smtp.command(f"VRFY {smtp.recipient} SMTPUTF8")
        if reply.code != 250:
            raise not_applicable(f"the server verifies nobody: {reply}")
        form = re.compile(rb"(?:\d\.\d+\.\d+ +)?(?:[^<>]*<[^<>\s]+@[^<>\s]+>|[^<>\s]+@[^<>\s]+)")
        expect(all(form.fullmatch(line) for line in reply.lines), "the mailbox, in one of two forms", reply)


@must("rfc6531/3.7.4.2/8")
@given(local_part=local_parts)
def check_other_replies_are_ascii(dial: Dial, local_part: str) -> None:
    """Replies to MAIL and RCPT have no UTF-8 in them, whatever the address; only 251 and 551 may show one."""
    with dial() as smtp:
        _begin(smtp)
        for name in dict.fromkeys(("jürgen", local_part)):
            replies = [mail_alone(smtp, "SMTPUTF8", sender=f"{name}@client.example")]
            smtp.rset()
            smtp.begin(to=[], parameters=["SMTPUTF8"])
            replies.append(smtp.rcpt(f"{name}@{dial.domain}"))
            wrong = [reply.raw for reply in replies if not reply.raw.isascii() and reply.code not in {251, 551}]
            expect(not wrong, "replies in ASCII", wrong)


@must("rfc6531/3.2/12", "rfc6531/3.3/5")
def check_dsn_knows_internationalized_addresses(dial: Dial) -> None:
    """Where DSN is on offer too, ORCPT takes an address of the type utf-8 (RFC 6533 §3), escaped or as it is."""
    with dial() as smtp:
        _begin(smtp)
        if "DSN" not in smtp.capabilities:
            raise not_applicable("the server does not offer DSN")
        smtp.begin(parameters=["SMTPUTF8"])
        for original in ("utf-8;j\\x{FC}rgen@client.example", "utf-8;jürgen@client.example"):
            reply = smtp.rcpt(smtp.recipient, f"ORCPT={original}")
            expect(reply.code not in SYNTAX_ERRORS, f"ORCPT={original} to be understood", reply)
