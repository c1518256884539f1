"""EHLO and HELO: RFC 5321 §3.2, §4.1.1.1, §4.1.4, and what extensions say of their keywords."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code, expect_done
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, early_session, expect_no_recipients, settled
from conformance.smtp.session import CLIENT_NAME, SmtpSession
from conformance.smtp.strategies_commands import address_literals
from conformance.smtp.syntax import EHLO_LINE, HOST

SYNTAX_ERRORS = frozenset({500, 501, 502, 504})
"""What says that the server does not understand; a refusal by policy has other codes."""


def _require_ehlo(smtp: SmtpSession) -> list[bytes]:
    """The lines of a positive reply to EHLO."""
    reply = smtp.ehlo()
    if not reply.positive:
        raise not_applicable(f"the server does not accept EHLO: {reply}")
    return list(reply.lines)


@must("rfc5321/2.2.1/2", "rfc5321/4.1.1.1/6", "rfc5321/4.3.2/12")
def check_ehlo_is_understood(dial: Dial) -> None:
    """EHLO is supported even by a server without a single extension."""
    with dial() as smtp:
        reply = smtp.ehlo()
        expect(reply.code not in SYNTAX_ERRORS, f"250 to EHLO {CLIENT_NAME}", reply)


@must("rfc5321/4.1.1.1/15", "rfc5321/4.1.1.1/14", "rfc5321/4.1.1.1/4", "rfc5321/2.3.5/1")
def check_reply_begins_with_the_servers_name(dial: Dial) -> None:
    """The first line of the reply to EHLO has the server's domain, and then perhaps a space and text."""
    with dial() as smtp:
        first = _require_ehlo(smtp)[0]
        expect(HOST.fullmatch(first.split(b" ")[0]), "a domain as the first word after 250", first)


@must(
    "rfc5321/4.1.1.1/20",
    "rfc5321/4.1.1.1/19",
    "rfc5321/4.1.1.1/21",
    "rfc5321/4.1.1.1/12",
    "rfc5321/4.1.1.1/16",
    "rfc5321/4.1.1.1/17",
)
def check_extensions_are_listed_in_the_grammar(dial: Dial) -> None:
    """Each further line of the reply to EHLO is a keyword of letters, digits and hyphens, then parameters.

    The line `AUTH=LOGIN`, once needed by old clients, has an equals sign in its keyword and breaks the grammar.
    """
    with dial() as smtp:
        wrong = [line for line in _require_ehlo(smtp)[1:] if not EHLO_LINE.fullmatch(line)]
        expect(not wrong, "keywords with a single space before each parameter", wrong)


@must("rfc2920/2/2", "rfc2034/3/2", "rfc6152/2/2")
def check_keywords_without_parameters_stand_alone(dial: Dial) -> None:
    """Nothing follows PIPELINING, ENHANCEDSTATUSCODES and 8BITMIME on their lines."""
    with dial() as smtp:
        bare = (b"PIPELINING", b"ENHANCEDSTATUSCODES", b"8BITMIME")
        listed = [line for line in _require_ehlo(smtp)[1:] if line.upper().split(b" ")[0] in bare]
        if not listed:
            raise not_applicable("none of them is offered")
        wrong = [line for line in listed if line.upper() not in bare]
        expect(not wrong, "the keyword alone", wrong)


@must("rfc5321/4.2.4/4", "rfc5321/4.1.1.1/23")
def check_what_is_listed_is_known(dial: Dial) -> None:
    """A command that the reply to EHLO lists is not answered 500 or 502."""
    probes = {
        "VRFY": "VRFY mailspec",
        "EXPN": "EXPN mailspec",
        "HELP": "HELP",
        "ETRN": "ETRN client.example",
        "STARTTLS": "STARTTLS now",
    }
    with dial() as smtp:
        smtp.greet(clear=True)
        listed = [name for name in probes if name in smtp.capabilities]
        if not listed:
            raise not_applicable("the server lists no such command")
        for name in listed:
            reply = smtp.command(probes[name])
            if name == "STARTTLS" and reply.positive:
                smtp.abandon()  # it begins TLS in spite of the argument, which check_starttls judges
            expect(reply.code not in {500, 502}, f"{name} to be known, as the server lists it", reply)


@must("rfc5321/4.1.4/4", "rfc5321/4.1.1.1/9", "rfc5321/4.1.4/15")
@given(again=st.sampled_from(["EHLO", "HELO"]))
def check_in_mid_session_discards_the_transaction(dial: Dial, again: str) -> None:
    """EHLO (or HELO) in a mail transaction clears all buffers, as RSET does."""
    with dial() as smtp:
        smtp.greet()
        for verb in dict.fromkeys(("EHLO", again)):
            smtp.begin()
            if not smtp.command(f"{verb} {CLIENT_NAME}").positive:
                smtp.rset()
                continue
            expect_no_recipients(smtp, because=f"{verb} discarded sender and recipients")


REFUSABLE = ("", "-", "[", "[127.0.0.1", "client..example", "client_example", "\\", "client example", "[300.1.1.1]")
"""Arguments that no server need accept; most accept some of them."""


@must("rfc5321/4.1.4/6")
def check_refused_ehlo_changes_nothing(dial: Dial) -> None:
    """After an EHLO that was refused the session is in the state in which it was before."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        for name in REFUSABLE:
            reply = ask(smtp, f"EHLO {name}".rstrip())
            if reply is None:
                return
            if reply.positive:
                smtp.begin()
                continue
            if reply.transient:
                continue  # the rule names 5yz alone
            after = smtp.rcpt(smtp.recipient)
            expect(after.code != 503, f"RCPT in its place, since EHLO {name!r} was refused", after)
            return
    raise not_applicable("the server refuses no EHLO")


@must("rfc5321/4.1.4/5")
def check_is_refused_with_the_codes_meant_for_it(dial: Dial) -> None:
    """An EHLO that is not acceptable is answered 501, 500, 502 or 550."""
    refused = False
    with dial() as smtp:
        for name in REFUSABLE:
            reply = ask(smtp, f"EHLO {name}".rstrip())
            if reply is None:
                break
            # What is put off for now, for want of DNS for example, is not what "not acceptable" means (§4.2.1).
            if reply.permanent:
                refused = True
                # §4.3.2 has 504 too, for obscure cases.
                expect_code(reply, {500, 501, 502, 504, 550}, because=f"EHLO {name!r} is not acceptable")
    if not refused:
        raise not_applicable("the server refuses no EHLO")


@must(
    "rfc5321/4.1.1.1/10",
    "rfc5321/4.1.3/2",
    "rfc5321/4.1.3/4",
    "rfc5321/4.1.3/1",
    "rfc5321/4.1.2/16",
    "rfc5321/4.1.3/3",
    "rfc5321/4.1.3/8",
    "rfc5321/4.1.3/10",
    "rfc5321/4.1.3/11",
    "rfc5321/4.1.3/12",
    "rfc5321/4.1.3/13",
    "rfc5321/4.1.3/14",
    "rfc5321/4.1.3/15",
    "rfc5321/4.1.3/16",
    "rfc5321/4.1.3/17",
)
@given(literal=address_literals())
def check_takes_address_literals(dial: Dial, literal: str) -> None:
    """EHLO takes an address literal, of IPv4 and of IPv6, where the client has no name.

    A server that answers 501 locks out every client in a home network.
    """
    with dial() as smtp:
        _require_ehlo(smtp)
        in_full = ("[IPv6:2001:db8:1:2:3:4:5:6]", "[IPv6:2001:db8:0:0:0:0:192.0.2.33]")
        for name in ("[192.0.2.1]", "[IPv6:2001:db8::1]", *in_full, literal):
            reply = smtp.ehlo(name)
            expect(reply.code not in SYNTAX_ERRORS, f"EHLO {name} to be understood", reply)


@must("rfc5321/4.1.1.1/7", "rfc5321/2.2.1/3", "rfc5321/F.3/2", "rfc5321/4.1.1.1/11")
def check_helo_works(dial: Dial) -> None:
    """HELO is answered 250, and mail may follow."""
    with early_session(dial) as smtp:
        reply = settled(smtp.helo())
        if reply.permanent and reply.code not in SYNTAX_ERRORS | {503}:
            # A name may be refused by policy (§7.9); but then it is refused in EHLO too.
            with early_session(dial) as other:
                if not other.ehlo().positive:
                    raise not_applicable(f"the judge's name is refused in EHLO and HELO: {reply}")
        expect_done(reply, because="HELO is supported by every server")
        if smtp.setting.endpoint.means.submission:
            return
        reply = smtp.mail(smtp.setting.sender)
        expect(reply.code not in SYNTAX_ERRORS | {503}, "MAIL in its place after HELO", reply)


@must("rfc5321/3.2/2")
def check_helo_lists_no_extensions(dial: Dial) -> None:
    """The reply to HELO is not the list of extensions that EHLO gets."""
    with dial() as smtp:
        extensions = set(_require_ehlo(smtp)[1:])
    if not extensions:
        raise not_applicable("the server has no extensions")
    with dial() as smtp:
        reply = smtp.helo()
        expect(not extensions & set(reply.lines[1:]), "250 without the list of extensions", reply)
