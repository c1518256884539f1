"""The first reply of a connection: RFC 5321 §3.1, §4.2, §4.3.1."""

from __future__ import annotations

from conformance.checks import must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.syntax import HOST
from conformance.wire.smtp import Reply


def _greeting(dial: Dial) -> Reply:
    with dial() as smtp:
        greeting = smtp.greeting
    assert greeting is not None, "a session has its greeting once it is open"
    return greeting


@must("rfc5321/4.2/8", "rfc5321/4.2/9", "rfc5321/4.3.1/5", "rfc5321/4.2.2/8", "rfc5321/4.2/3")
def check_names_the_server_first(dial: Dial) -> None:
    """The first word after 220 is the server's domain or address literal.

    Clients log it and compare it; firewalls that overwrite the line with asterisks break both.
    """
    greeting = _greeting(dial)
    if greeting.code != 220:
        raise not_applicable("the server does not greet with 220")
    first = greeting.lines[0].split(b" ")[0]
    expect(HOST.fullmatch(first), "a domain or an address literal straight after 220", greeting)


@should("rfc5321/4.3.1/3", "rfc5321/4.3.2/10", "rfc5321/3.1/1")
def check_is_220(dial: Dial) -> None:
    """A server that gives service greets with 220, and with no other code."""
    expect_code(_greeting(dial), {220}, because="the service is ready")
