"""Postmaster: RFC 5321 §2.3.5, §4.1.1.3, §4.5.1."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.strategies_commands import case_patterns, in_case


@must("rfc5321/4.5.1/4", "rfc5321/4.1.1.3/11", "rfc5321/2.3.5/6")
def check_is_taken_with_and_without_a_domain(dial: Dial) -> None:
    """RCPT takes postmaster at the server's domain, and Postmaster without any domain.

    That address is how people tell an operator that mail does not work; it must work when others do not.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[])
        for address in ("Postmaster", f"postmaster@{dial.domain}"):
            reply = smtp.rcpt(address)
            expect(not reply.permanent, f"<{address}> to be accepted", reply)


@must("rfc5321/4.1.1.3/13", "rfc5321/4.5.1/3")
@given(pattern=case_patterns())
def check_is_recognised_in_any_case(dial: Dial, pattern: list[bool]) -> None:
    """Whether postmaster is accepted does not hang on upper and lower case."""
    with dial() as smtp:
        smtp.greet()
        for suffix in ("", f"@{dial.domain}"):
            smtp.begin(to=[])
            if not smtp.rcpt(f"postmaster{suffix}").positive:
                smtp.rset()
                continue
            for case in ([True], [True, False], pattern):
                name = in_case("postmaster", case) + suffix
                reply = smtp.rcpt(name)
                expect(not reply.permanent, f"<{name}> to be accepted as <postmaster{suffix}> was", reply)
            smtp.rset()
