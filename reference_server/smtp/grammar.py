"""Arguments of SMTP commands: domains, address literals, paths and parameters (RFC 5321 §4.1.2, §4.1.3).

Each expression stands under the ABNF it implements. Patterns are over octets; `UTF8` variants take what RFC 6531 §3.3
adds. Nothing here repairs or guesses: what does not match is a `SyntaxProblem`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from reference_server.smtp.limits import MINIMUM, SmtpLimits


class SyntaxProblem(Exception):  # noqa: N818  (a peer's mistake, not an error of ours)
    """The argument does not follow the grammar; the text is fit for a reply."""


# Let-dig     = ALPHA / DIGIT
# Ldh-str     = *( ALPHA / DIGIT / "-" ) Let-dig
# sub-domain  = Let-dig [Ldh-str]
# Domain      = sub-domain *("." sub-domain)
# RFC 6531 §3.3: sub-domain =/ U-label
_SUB_DOMAIN = rb"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_UTF8_SUB_DOMAIN = rb"(?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]*[A-Za-z0-9\x80-\xff])?)"
_DOMAIN = _SUB_DOMAIN + rb"(?:\." + _SUB_DOMAIN + rb")*"
_UTF8_DOMAIN = _UTF8_SUB_DOMAIN + rb"(?:\." + _UTF8_SUB_DOMAIN + rb")*"

# address-literal         = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
# General-address-literal = Standardized-tag ":" 1*dcontent
# dcontent                = %d33-90 / %d94-126
# IPv4 and IPv6 are looked at by `_is_address`; no other tag is registered, so that none is taken.
_ADDRESS_LITERAL = rb"\[[\x21-\x5a\x5e-\x7e]+\]"

# Atom            = 1*atext                         (atext: RFC 5322 §3.2.3)
# Dot-string      = Atom *("." Atom)
# QcontentSMTP    = qtextSMTP / quoted-pairSMTP
# qtextSMTP       = %d32-33 / %d35-91 / %d93-126
# quoted-pairSMTP = %d92 %d32-126
# Quoted-string   = DQUOTE *QcontentSMTP DQUOTE
# RFC 6531 §3.3: atext =/ UTF8-non-ascii; qtextSMTP =/ UTF8-non-ascii
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_UTF8_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_QUOTED = rb'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_UTF8_QUOTED = rb'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"'
_LOCAL_PART = rb"(?:" + _ATOM + rb"(?:\." + _ATOM + rb")*|" + _QUOTED + rb")"
_UTF8_LOCAL_PART = rb"(?:" + _UTF8_ATOM + rb"(?:\." + _UTF8_ATOM + rb")*|" + _UTF8_QUOTED + rb")"

# Path            = "<" [ A-d-l ":" ] Mailbox ">"
# A-d-l           = At-domain *( "," At-domain )
# Mailbox         = Local-part "@" ( Domain / address-literal )


def _path_pattern(local_part: bytes, domain: bytes) -> re.Pattern[bytes]:
    route = rb"(?:@" + domain + rb"(?:,@" + domain + rb")*:)?"
    mailbox = rb"(?P<local>" + local_part + rb")@(?P<domain>" + domain + rb"|" + _ADDRESS_LITERAL + rb")"
    return re.compile(rb"<" + route + mailbox + rb">")


_PATH = _path_pattern(_LOCAL_PART, _DOMAIN)
_UTF8_PATH = _path_pattern(_UTF8_LOCAL_PART, _UTF8_DOMAIN)
_MAILBOX = re.compile(rb"(?P<local>" + _UTF8_LOCAL_PART + rb")(?:@(?P<domain>" + _UTF8_DOMAIN + rb"))?")
_GREETING = re.compile(rb"(?P<domain>" + _DOMAIN + rb"|" + _ADDRESS_LITERAL + rb")")

# esmtp-param   = esmtp-keyword ["=" esmtp-value]
# esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
# esmtp-value   = 1*(%d33-60 / %d62-126)
# RFC 6531 §3.3: esmtp-value =/ UTF8-non-ascii
_PARAMETER = re.compile(rb"(?P<keyword>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[\x21-\x3c\x3e-\x7e\x80-\xff]+))?")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox by its meaning: quoting removed, the case of the local part kept, the domain in lower case.

    `domain` is empty only for the bare `<Postmaster>` (RFC 5321 §4.1.1.3). `written` is the path without its source
    route, as it goes into Return-Path.
    """

    local_part: str
    domain: str
    written: bytes

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}" if self.domain else self.local_part


NOBODY = Address("", "", b"<>")
"""The null reverse-path (RFC 5321 §4.5.5)."""


def parse_greeting(argument: bytes, limits: SmtpLimits = MINIMUM) -> str:
    """The domain or address literal of HELO, EHLO or LHLO (RFC 5321 §4.1.1.1).

    Raises:
        SyntaxProblem: it is neither, or too long.
    """
    match = _GREETING.fullmatch(argument)
    if match is None or not _is_domain(argument, limits):
        raise SyntaxProblem("a domain or an address literal is needed")
    return argument.decode("ascii")


def parse_reverse_path(octets: bytes, *, utf8: bool = False, limits: SmtpLimits = MINIMUM) -> Address:
    """The path of MAIL, `<>` included.

    Raises:
        SyntaxProblem: it breaks the grammar or a limit of §4.5.3.1.
    """
    return NOBODY if octets == b"<>" else _parse_path(octets, utf8=utf8, limits=limits)


def parse_forward_path(octets: bytes, *, utf8: bool = False, limits: SmtpLimits = MINIMUM) -> Address:
    """The path of RCPT, `<Postmaster>` in any case included.

    Raises:
        SyntaxProblem: it breaks the grammar or a limit of §4.5.3.1.
    """
    if octets.lower() == b"<postmaster>":
        return Address("postmaster", "", octets)
    return _parse_path(octets, utf8=utf8, limits=limits)


@lru_cache(maxsize=512)  # a sender or recipient seldom comes once
def _parse_path(octets: bytes, *, utf8: bool, limits: SmtpLimits) -> Address:
    if len(octets) > limits.path_octets:
        raise SyntaxProblem("path too long")
    match = (_UTF8_PATH if utf8 else _PATH).fullmatch(octets)
    if match is None:
        raise SyntaxProblem("not a path: <local-part@domain>")
    local, domain = match["local"], match["domain"]
    if len(local) > limits.local_part_octets:
        raise SyntaxProblem("local part too long")
    if not _is_domain(domain, limits):
        raise SyntaxProblem("not a domain, or too long")
    try:
        return Address(_unquoted(local), domain.decode("utf-8").lower(), b"<" + local + b"@" + domain + b">")
    except UnicodeDecodeError:
        raise SyntaxProblem("not UTF-8") from None


def parse_mailbox(octets: bytes) -> Address | None:
    """The argument of VRFY or EXPN as a mailbox, domain and angle brackets optional; None if it is something else.

    It may be of UTF-8 (RFC 6531 §3.7.4.2).
    """
    if octets[:1] == b"<" and octets[-1:] == b">":
        octets = octets[1:-1]
    match = _MAILBOX.fullmatch(octets)
    if match is None:
        return None
    try:
        return Address(
            _unquoted(match["local"]), (match["domain"] or b"").decode("utf-8").lower(), b"<" + octets + b">"
        )
    except UnicodeDecodeError:
        return None


def _unquoted(local_part: bytes) -> str:
    """All spellings of one local part come out the same (RFC 5321 §4.1.2)."""
    if local_part[:1] == b'"':
        local_part = re.sub(rb"\\(.)", rb"\1", local_part[1:-1])
    return local_part.decode("utf-8")


def _is_domain(domain: bytes, limits: SmtpLimits) -> bool:
    if len(domain) > limits.domain_octets:
        return False
    return _is_address(domain[1:-1]) if domain[:1] == b"[" else True


def _is_address(literal: bytes) -> bool:
    # IPv4-address-literal = Snum 3("." Snum); Snum = 1*3DIGIT, 0 to 255: leading zeros are within the grammar.
    if re.fullmatch(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", literal):
        return all(int(part) <= 255 for part in literal.split(b"."))
    # IPv6-address-literal = "IPv6:" IPv6-addr; ABNF strings are case-insensitive. No zone: "%" is not in the grammar.
    if literal[:5].lower() != b"ipv6:" or b"%" in literal:
        return False
    try:
        ipaddress.IPv6Address(literal[5:].decode("ascii"))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=512)
def parse_parameters(octets: bytes) -> Mapping[str, bytes | None]:
    """`keyword=value` pairs after a path, keywords in capitals; a keyword without `=` has None.

    Raises:
        SyntaxProblem: one breaks the grammar, or comes twice.
    """
    parameters: dict[str, bytes | None] = {}
    for word in octets.split(b" ") if octets else ():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise SyntaxProblem("bad parameter")
        keyword = match["keyword"].decode("ascii").upper()
        if keyword in parameters:
            raise SyntaxProblem("a parameter comes twice")
        parameters[keyword] = match["value"]
    return MappingProxyType(parameters)


@lru_cache(maxsize=512)
def split_path(argument: bytes, prefix: bytes) -> tuple[bytes, bytes]:
    """Path and parameters of `FROM:<…> …` or `TO:<…> …`; no space around the colon (RFC 5321 §3.3).

    Raises:
        SyntaxProblem: the prefix or the angle brackets are missing.
    """
    if argument[: len(prefix)].upper() != prefix:
        raise SyntaxProblem(f"{prefix.decode('ascii')}<path> is needed")
    rest = argument[len(prefix) :]
    end = _end_of_path(rest)
    path, after = rest[:end], rest[end:]
    if after and after[:1] != b" ":
        raise SyntaxProblem("a space is needed after the path")
    return path, after[1:]


def _end_of_path(octets: bytes) -> int:
    """Where the closing bracket is: a bracket or space inside a quoted local part does not count."""
    if b'"' not in octets:
        if (end := octets.find(b">")) < 0:
            raise SyntaxProblem("not a path: <local-part@domain>")
        return end + 1
    quoted = escaped = False
    for at, octet in enumerate(octets):
        if escaped:
            escaped = False
        elif quoted and octet == 0x5C:
            escaped = True
        elif octet == 0x22:
            quoted = not quoted
        elif octet == 0x3E and not quoted:
            return at + 1
    raise SyntaxProblem("not a path: <local-part@domain>")
