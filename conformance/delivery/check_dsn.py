"""Notifications that were asked for by DSN: when they come, and what they say (RFC 3461 §5.2, §6).

A server that hands the message on to one without DSN reports it as relayed instead of delivered, so that the action is
not judged here.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.delivery.notices import BODY, about, asked_for, send
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial

_STATUS = re.compile(r"2\.[0-9]{1,3}\.[0-9]{1,3}(?:[ (].*)?", re.DOTALL)
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9.]+\]")


@must("rfc3461/5.2.3/1", "rfc3461/4.1/7", "rfc3461/3/3", "rfc3461/6.1/2")
@given(notify=st.sampled_from(("SUCCESS", "success,failure", "DELAY,SUCCESS")), at_most=3)
def check_success_is_reported_where_it_was_asked_for(dial: Dial, mailbox: Mailbox, notify: str) -> None:
    """A message that asks for it by NOTIFY=SUCCESS is reported to its sender once it is delivered.

    The sender was promised that by the 250 to RCPT, and waits.
    """
    token = send(dial, mailbox, rcpt=(f"NOTIFY={notify}",))
    found = mailbox.wait_until(lambda message: about(token, message))
    expect(found, f"a report to {mailbox.address}, who sent the message", "none in its mailbox")


@must("rfc3461/5.2.3/2", "rfc3461/5.2.3/3", "rfc3461/4.1/6")
@given(notify=st.sampled_from(("NOTIFY=NEVER", "NOTIFY=FAILURE", "NOTIFY=FAILURE,DELAY")), at_most=3)
def check_success_is_not_reported_otherwise(dial: Dial, mailbox: Mailbox, notify: str) -> None:
    """Without SUCCESS in NOTIFY, or without NOTIFY, a delivery is not reported.

    The judge waits until a later message has been reported.
    """
    quiet = [send(dial, mailbox, rcpt=parameters) for parameters in ((notify,), ())]
    asked_for(dial, mailbox)
    for token, parameters in zip(quiet, (notify, "no NOTIFY"), strict=True):
        found = [message for message in mailbox.with_token(token) if about(token, message)]
        expect(not found, f"no report, since there was {parameters}", repr(found[:1]))


@must("rfc3461/5.2/1")
def check_nothing_is_reported_to_the_null_path(dial: Dial, mailbox: Mailbox) -> None:
    """A message from the null path is never reported, though its header names somebody who could be told.

    Reports of reports would never end.
    """
    token = send(dial, mailbox, sender="", rcpt=("NOTIFY=SUCCESS",))
    asked_for(dial, mailbox)
    found = [message for message in mailbox.with_token(token) if about(token, message)]
    expect(not found, "no report of a message from <>", repr(found[:1]))


@must(
    *("rfc3461/6.2/1", "rfc3461/6.2/2", "rfc3461/6.2/3", "rfc3461/6.2/4", "rfc3461/6.2/5", "rfc3461/6.2/9"),
    "rfc3461/6.1/1",
)
def check_reports_have_their_form(dial: Dial, mailbox: Mailbox) -> None:
    """A report is a multipart/report of delivery-status: text, the fields, then the message or its header.

    It comes from the null path.
    """
    notice = asked_for(dial, mailbox)
    kind = str(notice.whole.get_param("report-type"))
    expect(kind.lower() == "delivery-status", "report-type=delivery-status", kind)
    kinds = [part.get_content_type() for part in notice.parts]
    expect(len(kinds) >= 2, "a part for people and one of fields", kinds)
    expect(kinds[0].startswith(("text/", "multipart/")), "text for people as the first part", kinds)
    wanted = {"message/delivery-status", "message/global-delivery-status"}
    expect(kinds[1] in wanted, "message/delivery-status as the second part", kinds)
    fitting = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
    expect(set(kinds[2:]) <= fitting, "the message, or its header, as the third part", kinds)
    path = notice.whole.get("Return-Path", "<>")
    expect(path.strip() == "<>", "the null path as the sender of a report", path)


@must(
    *("rfc3461/6.3/4", "rfc3461/6.3/10", "rfc3461/6.3/11", "rfc3461/6.3/12", "rfc3461/6.3/13", "rfc3461/6.3/14"),
)
def check_reports_have_their_fields(dial: Dial, mailbox: Mailbox) -> None:
    """A report names the reporting server, the recipient as in the envelope, what became of the mail, and a status."""
    notice = asked_for(dial, mailbox)
    expect(notice.of_message("Reporting-MTA"), "a Reporting-MTA", notice.blocks[0])
    kind, _, address = (notice.of_recipient("Final-Recipient") or "").partition(";")
    expect(kind.strip().lower() == "rfc822", "a Final-Recipient of the type rfc822", notice.blocks[1])
    expect("@" in address, f"{mailbox.address}, the recipient of the envelope", address)
    action = (notice.of_recipient("Action") or "").partition("(")[0].strip().lower()
    expect(action in {"delivered", "relayed", "expanded"}, "an Action of success", notice.blocks[1])
    status = notice.of_recipient("Status") or ""
    expect(_STATUS.fullmatch(status), "a Status of success", notice.blocks[1])
    if not _is_same(address, mailbox.address):
        # RFC 3461 §5.2.7.2: an alias puts another recipient into the envelope, whose delivery is then reported.
        raise InconclusiveError(f"the report is about {address.strip()}, to whom {mailbox.address} may be an alias")


@should("rfc3461/9.3/3")
def check_the_reporting_server_has_a_domain_name(dial: Dial, mailbox: Mailbox) -> None:
    """A Reporting-MTA of the type dns has a domain name."""
    kind, _, name = (asked_for(dial, mailbox).of_message("Reporting-MTA") or "").partition(";")
    if kind.strip().lower() != "dns":
        raise not_applicable(f"its type is {kind!r}")
    expect(_DOMAIN.fullmatch(name.partition("(")[0].strip()), "a domain name", name)


def _is_same(one: str, other: str) -> bool:
    """Whether two addresses are alike but for the case of their domains (RFC 5321 §2.4)."""
    parts = [address.strip().rpartition("@") for address in (one, other)]
    return len({(local_part, domain.lower()) for local_part, _, domain in parts}) == 1


def _printable() -> st.SearchStrategy[str]:
    """Text with no blank at its ends, which the field would lose, nor two in a row, where it may be folded."""
    return st.text(st.sampled_from("aZ09+=(;,<>@. "), max_size=20).map(lambda text: f"m+{' '.join(text.split())}=x")


def _xtext(text: str) -> str:
    return "".join(each if each.isalnum() else f"+{ord(each):02X}" for each in text)


@must("rfc3461/6.3/1", "rfc3461/6.3/3", "rfc3461/6.3/8", "rfc3461/9.1/1")
@given(envid=_printable(), original=_printable(), at_most=4)
def check_what_the_sender_named_comes_back(dial: Dial, mailbox: Mailbox, envid: str, original: str) -> None:
    """ENVID and ORCPT come back in a report, decoded and otherwise unchanged, be the address of whatever form.

    By these the sender's program finds the message that the report is about.
    """
    envelope, recipient = f"ENVID={_xtext(envid)}", f"ORCPT=rfc822;{_xtext(original)}"
    notice = asked_for(dial, mailbox, mail=(envelope,), rcpt=(recipient,))
    said = notice.of_message("Original-Envelope-Id")
    expect(said == envid, f"Original-Envelope-Id: {envid}", said)
    kind, _, address = (notice.of_recipient("Original-Recipient") or "").partition(";")
    expect(kind.strip().lower() == "rfc822", "an Original-Recipient of the type rfc822", notice.blocks[1])
    # The type may be followed by a blank (RFC 3464 §2.1.2), and either form of the address is met with.
    expect(address.strip() in {original, _xtext(original)}, f"Original-Recipient: rfc822;{original}", address)


@must("rfc3461/6.3/2", "rfc3461/6.3/9")
def check_nothing_comes_back_that_the_sender_did_not_name(dial: Dial, mailbox: Mailbox) -> None:
    """Without ENVID a report has no Original-Envelope-Id, and without ORCPT no Original-Recipient.

    A hop may have put in an ORCPT with the recipient of the envelope (RFC 3461 §5.2.1), so that this one is no fault.
    """
    notice = asked_for(dial, mailbox, named=False)
    said = notice.of_message("Original-Envelope-Id")
    expect(said is None, "no Original-Envelope-Id", said)
    address = (notice.of_recipient("Original-Recipient") or f";{mailbox.address}").partition(";")[2].strip()
    expect(_is_same(address, mailbox.address), f"no Original-Recipient, or {mailbox.address}", address)


@should("rfc3461/6.2/8", "rfc3461/4.3/6")
@given(ret=st.sampled_from(("RET=FULL", "RET=HDRS", None)), at_most=3)
def check_only_the_header_of_a_delivered_message_comes_back(dial: Dial, mailbox: Mailbox, ret: str | None) -> None:
    """A report without any failure has the header of the message and not its body, even with RET=FULL.

    RET is about failures; the recipient has this message.
    """
    notice = asked_for(dial, mailbox, mail=(ret,) if ret else ())
    expect(BODY.strip() not in notice.delivered.octets, "no body of the message", repr(notice.delivered.octets[-300:]))


@should("rfc3461/5.2.8/2")
def check_a_report_names_those_who_are_to_be_reported(dial: Dial, mailbox: Mailbox) -> None:
    """A report of one recipient's delivery does not tell of another, for whom NOTIFY=NEVER was said."""
    others = [account.address(dial.domain) for account in dial.accounts[1:]]
    other = next((address for address in others if address and address != mailbox.address), None)
    if other is None:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    notice = asked_for(dial, mailbox, beside=[(other, "NOTIFY=NEVER")])
    named = [str(block.get("Final-Recipient")) for block in notice.blocks[1:]]
    expect(len(named) == 1 and other not in named[0], f"{mailbox.address} alone", named)
