"""CAPABILITY: RFC 3501 §6.1.1, §7.2.1."""

from __future__ import annotations

from conformance.checks import must
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_done
from conformance.imap.session import Answer, ImapSession

CLIENT_CAN_BEGIN = ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=DIGEST-MD5", "AUTH=SCRAM-")
"""Mechanisms that need nothing but the exchange itself, so that a server which has them can begin one with anybody.

GSSAPI, EXTERNAL and OAUTHBEARER may fail at once for want of a ticket, a certificate or an issuer.
"""


def _expect_one_list(imap: ImapSession, *, when: str) -> None:
    answer = imap.command("CAPABILITY")
    expect_done(answer, because=f"CAPABILITY works {when}")
    lists = answer.named("CAPABILITY")
    if len(lists) != 1:
        raise ViolationError(f"one untagged CAPABILITY response {when}", f"{len(lists)}: {answer}")
    names = {bytes(value).upper() for value in lists[0].values if isinstance(value, bytes)}
    # A server of RFC 9051 alone lists IMAP4rev2 instead.
    expect(names & {b"IMAP4REV1", b"IMAP4REV2"}, f"IMAP4rev1 among the capabilities {when}", lists[0])


@must("rfc3501/6.1.1/2", "rfc3501/6.1.1/1", "rfc3501/7.2.1/2", "rfc3501/6.1/1")
def check_gives_one_list_with_imap4rev1_in_every_state(dial: Dial, folder: Folder) -> None:
    """CAPABILITY brings exactly one untagged CAPABILITY with IMAP4rev1 in it, then OK, in every state."""
    with dial() as imap:
        _expect_one_list(imap, when="before log-in")
        imap.log_in()
        _expect_one_list(imap, when="after log-in")
        imap.select(folder.name)
        _expect_one_list(imap, when="with a mailbox selected")


@must("rfc3501/7.2.1/2")
def check_has_imap4rev1_in_the_response_code_too(dial: Dial) -> None:
    """A CAPABILITY response code in the greeting or after log-in has IMAP4rev1 in it like the response.

    Clients that find the code do not ask again, and take a server without the name for another protocol.
    """
    with dial() as imap:
        greeting = imap.greeting
        assert greeting is not None
        codes = [Answer((), greeting).code("CAPABILITY")]
        if imap.setting.facts.log_in == "" and imap.setting.account is not None:
            if imap.setting.facts.demands_tls:
                imap.start_tls()
            logged_in = imap.authenticate_plain(imap.setting.account.name, imap.setting.account.password)
            codes.append(logged_in.code("CAPABILITY"))
    given = [code for code in codes if code is not None]
    if not given:
        raise not_applicable("the server sends no CAPABILITY response code")
    for code in given:
        names = set(code.upper().split())
        expect(names & {"IMAP4REV1", "IMAP4REV2"}, "IMAP4rev1 in the CAPABILITY response code", code)


@must("rfc3501/6.1.1/3", "rfc3501/7.2.1/4")
def check_lists_only_mechanisms_that_it_can_begin(dial: Dial) -> None:
    """AUTHENTICATE with a mechanism that is listed as AUTH= begins the exchange.

    Without an initial response the server has to send a challenge first; the judge then cancels it.
    """
    with dial() as imap:
        if dial.facts.demands_tls:
            imap.start_tls()
        listed = sorted(name for name in imap.capabilities() if name.startswith(CLIENT_CAN_BEGIN))
        # SCRAM-…-PLUS wants channel binding, which not every TLS session can give.
        listed = [name for name in listed if not name.endswith("-PLUS")]
        if not listed:
            raise not_applicable("no mechanism is listed that could be tried without credentials")
    for name in listed:
        # One session each: a server may hang up after log-ins that came to nothing.
        with dial() as imap:
            if dial.facts.demands_tls:
                imap.start_tls()
            mechanism = name.removeprefix("AUTH=")
            tag = imap.next_tag()
            imap.send(tag + b" AUTHENTICATE " + mechanism.encode() + b"\r\n")
            challenge = imap.read_continuation(tag)
            if isinstance(challenge, Answer):
                raise ViolationError(f"a challenge of the mechanism {mechanism}, which is listed", str(challenge))
            imap.send(b"*\r\n")
            imap.read_answer(tag)
