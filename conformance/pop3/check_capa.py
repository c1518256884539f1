"""CAPA and what it announces: RFC 2449 §3, §5, §6, §8."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance.checks import must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.session import Pop3Session
from conformance.session import setting_up

# capability = 1*cchar *(SP param) CRLF; cchar = %x21-2D / %x2F-7F; param = 1*VCHAR        (RFC 2449 §3)
_CAPABILITY = re.compile(rb"[\x21-\x2d\x2f-\x7f]+(?: [\x21-\x7e]+)*\r\n")
MOST_CAPABILITY_OCTETS = 512
"""Octets of one line of the list, CRLF included (RFC 2449 §3, §5)."""

_REGISTERED_CODES = (b"IN-USE", b"LOGIN-DELAY", b"SYS", b"AUTH", b"UTF8")
"""First levels of the response codes that there are (RFC 2449 §8.1, RFC 3206 §4, RFC 6856 §5)."""

# resp-code = "[" resp-level *("/" resp-level) "]"; rchar excludes "/" and "]"              (RFC 2449 §3)
_RESPONSE_CODE = re.compile(rb"\[[\x21-\x2e\x30-\x5c\x5e-\x7f]+(?:/[\x21-\x2e\x30-\x5c\x5e-\x7f]+)*\]")

# What each capability has for arguments (RFC 2449 §6, RFC 2595 §8). USER comes before the log-in only.
_ARGUMENTS: Mapping[str, str] = {
    "TOP": "",
    "USER": "",
    "UIDL": "",
    "RESP-CODES": "",
    "PIPELINING": "",
    "STLS": "",
    "EXPIRE": r"(?:[0-9]+|NEVER)(?: USER)?",
    "LOGIN-DELAY": r"[0-9]+(?: USER)?",
    "IMPLEMENTATION": r"[!-~]+(?: [!-~]+)*",
    # sasl-mech = 1*20mech-char                          (RFC 4422 §3.1)
    # There may be none before STLS: the list may be another one inside TLS (RFC 5034 §3).
    "SASL": r"(?:[A-Z0-9_-]{1,20}(?: [A-Z0-9_-]{1,20})*)?",
}
# "Announced states / possible differences: both / no" (RFC 2449 §6.1 to §6.8).
_THE_SAME_IN_BOTH_STATES = ("TOP", "USER", "SASL", "RESP-CODES", "PIPELINING", "UIDL")
_IN_BOTH_STATES = ("EXPIRE", "LOGIN-DELAY")


def _capabilities(pop3: Pop3Session) -> Mapping[str, str]:
    found = pop3.capa()
    if found is None:
        raise not_applicable("the server has no CAPA")
    return found


def _alike(name: str, arguments: str | None) -> object:
    """What is compared of a capability: the mechanisms of SASL are a set, and in whichever case the same."""
    return arguments if arguments is None or name != "SASL" else set(arguments.upper().split())


def _known(dial: Dial, maildrop: Maildrop) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The capabilities before and after the log-in, with TLS on in both or in neither."""
    with dial() as pop3:
        pop3.make_ready()
        before = _capabilities(pop3)
    with maildrop.opened() as pop3:
        after = pop3.capa()
    if after is None:
        raise not_applicable("the server has no CAPA after the log-in")
    return before, after


@must("rfc2449/3/4", "rfc2449/3/3", "rfc2449/3/5", "rfc2449/5/11", "rfc2449/5/13")
def check_lists_one_capability_a_line(dial: Dial, maildrop: Maildrop) -> None:
    """CAPA lists one capability a line: a tag, then each parameter behind one space, 512 octets at most."""
    for open_session in (dial, maildrop.opened):
        with open_session() as pop3:
            response = pop3.command("CAPA", multi_line=True)
            if not response.ok:
                raise not_applicable("the server has no CAPA")
            for line in response.stuffed:
                expect(_CAPABILITY.fullmatch(line), "a tag and its parameters, one space before each", line)
                length = len(line)
                expect(length <= MOST_CAPABILITY_OCTETS, "a line of 512 octets at most", f"{length} octets: {line!r}")


@must("rfc2449/5/1", "rfc2449/5/9", "rfc2449/5/10")
def check_is_there_in_both_states(dial: Dial, maildrop: Maildrop) -> None:
    """CAPA is answered before the log-in and after it, as often as it is asked."""
    with dial() as pop3:
        _capabilities(pop3)
    for open_session in (dial, maildrop.opened):
        with open_session() as pop3:
            for _ in range(3):
                response = pop3.command("CAPA", multi_line=True)
                expect(response.ok, "+OK to CAPA", response)


@must(
    "rfc2449/5/3",
    "rfc2449/6.1/2",
    "rfc2449/6.2/2",
    "rfc2449/6.3/2",
    "rfc2449/6.4/2",
    "rfc2449/6.5/2",
    "rfc2449/6.6/2",
    "rfc2449/6.7/2",
    "rfc2449/6.8/2",
    "rfc5034/3/2",
    "rfc5034/3/9",
)
def check_announces_the_same_after_the_log_in(dial: Dial, maildrop: Maildrop) -> None:
    """What CAPA announces before the log-in it announces after it too, and the other way round.

    Clients ask once. A server that shows TOP or UIDL only to those who are logged in loses them, and so does one that
    shows them only before.
    """
    before, after = _known(dial, maildrop)
    for name in _THE_SAME_IN_BOTH_STATES:
        told = f"before the log-in {before.get(name)!r}, after it {after.get(name)!r}"
        same = _alike(name, before.get(name)) == _alike(name, after.get(name))
        expect(same, f"{name} announced alike in both states", told)
    for name in _IN_BOTH_STATES:
        told = f"before the log-in {before.get(name)!r}, after it {after.get(name)!r}"
        expect((name in before) == (name in after), f"{name} announced in both states", told)


@must("rfc2449/6.9/2")
def check_names_one_implementation(dial: Dial, maildrop: Maildrop) -> None:
    """IMPLEMENTATION is announced in both states or after the log-in only, with the same value."""
    before, after = _known(dial, maildrop)
    if "IMPLEMENTATION" not in before:
        if "IMPLEMENTATION" not in after:
            raise not_applicable("the server does not announce IMPLEMENTATION")
        return
    name, again = before["IMPLEMENTATION"], after.get("IMPLEMENTATION")
    expect(name == again, f"IMPLEMENTATION {name} after the log-in too", again)


@must(
    "rfc2449/6.7/1",
    "rfc2449/6.5/1",
    "rfc2449/6.9/1",
    "rfc2449/6.9/3",
    "rfc2449/6.1/1",
    "rfc2449/6.2/1",
    "rfc2449/6.3/1",
    "rfc2449/6.3/5",
    "rfc2449/6.4/1",
    "rfc2449/6.6/1",
    "rfc2449/6.8/1",
    "rfc2595/8/1",
    "rfc5034/3/1",
    "rfc5034/3/5",
)
def check_gives_each_capability_its_arguments(dial: Dial, maildrop: Maildrop) -> None:
    """Each capability has the arguments that it is defined with: days, seconds, mechanisms, a name, or none."""
    before, after = _known(dial, maildrop)
    for capabilities in (before, after):
        for name, arguments in capabilities.items():
            form = _ARGUMENTS.get(name)
            if form is not None:
                told = f"{name} {arguments}".strip()
                expect(re.fullmatch(form, arguments), f"{name} followed by {form or 'nothing'}", told)


@must("rfc2449/6.1/4", "rfc2449/6.8/4")
def check_announces_commands_that_are_there(maildrop: Maildrop) -> None:
    """TOP and UIDL work where CAPA announces them."""
    maildrop.fill([b"one\r\n"])
    with maildrop.opened() as pop3:
        capabilities = _capabilities(pop3)
        for name, arguments in (("TOP", " 1 0"), ("UIDL", "")):
            if name in capabilities:
                response = pop3.command(name + arguments, multi_line=True)
                expect(response.ok, f"+OK to {name}, which is announced", response)


@must("rfc2449/6.4/3", "rfc2449/8/1", "rfc2449/8/3", "rfc2449/8/4", "rfc2449/3/9", "rfc2449/8/6")
def check_brackets_hold_response_codes(dial: Dial, maildrop: Maildrop) -> None:
    """A response text that opens with a bracket opens with a response code, where RESP-CODES is announced.

    And a server that sends response codes announces RESP-CODES, if it has CAPA at all. Without the capability brackets
    are text like any other (§6.4), unless a registered code is in them.
    """
    with dial() as pop3:
        pop3.make_ready()
        capabilities = _capabilities(pop3)
        responses = [pop3.greeting, pop3.command("ZJXZ"), pop3.user(pop3.account.name)]
        if responses[-1] is not None and responses[-1].ok:
            responses.append(pop3.pass_("not-the-password"))
    with maildrop.opened() as pop3:
        responses += [pop3.stat(), pop3.retr(9999), pop3.dele(9999), pop3.noop(), pop3.rset()]
        with dial() as second, setting_up("a log-in while the maildrop is locked"):
            second.make_ready()
            responses.append(second.user(second.account.name))
            if responses[-1] is not None and responses[-1].ok:
                responses.append(second.pass_(second.account.password))
    for response in responses:
        if response is None or not response.text.startswith(b"["):
            continue
        if "RESP-CODES" in capabilities:
            expect(_RESPONSE_CODE.match(response.text), "[code] or [code/detail] behind the opening bracket", response)
        else:
            level = re.match(rb"\[([^]/]*)[]/]", response.text)
            found = level is not None and level[1].upper() in _REGISTERED_CODES
            expect(not found, "RESP-CODES announced by a server that sends a response code", response)
