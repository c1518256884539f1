"""VRFY: RFC 5321 §3.5, §4.1.1.6, §7.3."""

from __future__ import annotations

from conformance.checks import must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.syntax import MAILBOX


@must("rfc5321/3.5.3/5", "rfc5321/4.5.1/2", "rfc5321/7.3/2")
def check_is_implemented(dial: Dial) -> None:
    """VRFY is not answered 500 or 502: where a site has switched it off the answer is 252."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command(f"VRFY {smtp.recipient}")
        expect(reply.code not in {500, 502}, "VRFY to be implemented", reply)


@must("rfc5321/3.5.3/1", "rfc5321/3.5.3/2", "rfc5321/7.3/1", "rfc5321/7.3/3", "rfc5321/3.5.2/4")
def check_verifies_nobody_whom_rcpt_refuses(dial: Dial) -> None:
    """VRFY answers 250 only for an address that was really verified, so never for one that RCPT refuses for good."""
    with dial() as smtp:
        smtp.greet()
        nobody = f"mailspec-nobody@{dial.domain}"
        smtp.begin(to=[])
        if not smtp.rcpt(nobody).permanent:
            raise not_applicable("the server does not refuse unknown recipients")
        smtp.rset()
        reply = smtp.command(f"VRFY {nobody}")
        expect(reply.code not in {250, 251}, f"anything but a verification of {nobody}, whom RCPT refuses", reply)


@must("rfc5321/7.3/4", "rfc5321/4.1.1.6/1", "rfc5321/3.5.1/11")
def check_does_not_deny_everybody(dial: Dial) -> None:
    """VRFY does not answer 550 to every address, valid or not."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        smtp.rset()
        known = smtp.command(f"VRFY {smtp.recipient}")
        unknown = smtp.command(f"VRFY mailspec-nobody@{dial.domain}")
        denied = known.code == 550 and unknown.code == 550
        expect(not denied, f"another reply for {smtp.recipient}, whom RCPT accepts, than for nobody", known)


@must("rfc5321/3.5.1/2", "rfc5321/3.5.1/3", "rfc5321/3.5.2/1", "rfc5321/4.1.1.6/2")
def check_names_the_mailbox_it_verified(dial: Dial) -> None:
    """A 250 to VRFY gives the mailbox as local-part@domain, on each line where there are several.

    §3.5.2 has it in angle brackets, first as a MUST and then as a SHOULD, and §3.5.1 without them as well.
    """
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command(f"VRFY {smtp.recipient}")
        # 252 says that nothing was verified, and §4.2.2 gives it a text without any mailbox.
        if reply.code not in {250, 251, 551}:
            raise not_applicable(f"the server verifies nobody: {reply}")
        wrong = [line for line in reply.lines if not MAILBOX.search(line)]
        expect(not wrong, "local-part@domain in the reply", reply)


@must("rfc5321/4.1.1.6/3", "rfc5321/4.1.4/11", "rfc5321/4.1.1.7/4", "rfc5321/4.1.1.8/3")
def check_leaves_the_transaction_alone(dial: Dial) -> None:
    """VRFY, EXPN and HELP in a mail transaction change nothing about its sender and recipients."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        for line in (f"VRFY {smtp.recipient}", "VRFY mailspec-nobody", "EXPN mailspec-nobody", "HELP"):
            smtp.command(line)
            reply = smtp.rcpt(smtp.recipient)
            if reply.transient:
                raise InconclusiveError(f"the recipient is put off: {reply}")
            expect(reply.code != 503, f"the transaction to be open after {line}", reply)
