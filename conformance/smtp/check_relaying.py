"""Mail for other domains: RFC 5321 §3.6.2, §7.9. Nothing is ever sent: the checks stop at RCPT.

All foreign domains end in `.invalid` or `.test` (RFC 2606), so that even an open relay has nowhere to send.
"""

from __future__ import annotations

from conformance.checks import should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.session import SmtpSession

FOREIGN = ("relay.mailspec.invalid", "relay-mailspec.test")


def _greet_as_a_stranger(smtp: SmtpSession) -> None:
    if smtp.setting.endpoint.means.submission:
        raise not_applicable("a submission service sends mail anywhere for those who log in")
    smtp.greet()
    smtp.begin(to=[])


@should("rfc5321/7.9/2")
def check_is_done_for_no_stranger(dial: Dial) -> None:
    """A client that is not known gets no mail passed on to other domains, however the address is dressed up.

    An open relay sends the world's spam until its owner's mail is refused everywhere. If the server trusts the judge's
    own network address, run the check from another one.
    """
    with dial() as smtp:
        _greet_as_a_stranger(smtp)
        catches_all = smtp.rcpt(f"mailspec-nobody@{dial.domain}").positive
    for foreign in FOREIGN:
        plain = [f"mailspec@{foreign}", f"@{dial.domain}:mailspec@{foreign}", f'"mailspec"@{foreign}']
        dressed = [
            f"mailspec%{foreign}@{dial.domain}",
            f"{foreign}!mailspec@{dial.domain}",
            f'"mailspec@{foreign}"@{dial.domain}',
        ]
        # Where every local-part is accepted, these are names like any others.
        for address in plain if catches_all else plain + dressed:
            # A session for each, as servers count refusals and lose patience.
            with dial() as smtp:
                _greet_as_a_stranger(smtp)
                reply = smtp.rcpt(address)
                expect(not reply.positive, f"<{address}> to be refused to a stranger", reply)


@should("rfc5321/3.6.2/3", "rfc5321/7.9/3")
def check_is_refused_with_550(dial: Dial) -> None:
    """Relaying that is refused as a matter of policy is refused with 550."""
    with dial() as smtp:
        _greet_as_a_stranger(smtp)
        reply = smtp.rcpt(f"mailspec@{FOREIGN[0]}")
        if not reply.permanent:
            raise not_applicable(f"the server does not refuse relaying for good: {reply}")
        expect_code(reply, {550}, because="that is the code for refusals by policy")
