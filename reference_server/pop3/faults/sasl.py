"""Planted faults in AUTH (RFC 5034 §4), PLAIN (RFC 4616 §2) and base64 (RFC 4648)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import ClassVar

from reference_server import sasl
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.registry import fault
from reference_server.sasl import Exchange, Failure, Kind, Step

_ASKS_WITH_IT = "logs in with an initial response"


@fault(
    "pop3-auth-without-initial-responses",
    breaks=("rfc5034/4/6", "rfc5034/3/4"),
    also={"pop3/auth/can_be_tried_again": _ASKS_WITH_IT, "pop3/auth/knows_names_in_any_case": _ASKS_WITH_IT},
)
class AuthWithoutInitialResponses(Pop3Core):
    """Refuses AUTH with an initial response, as servers did before there was one (RFC 1734)."""

    def on_auth(self, argument: bytes) -> bytes:
        """Wants one argument."""
        return self.err("AUTH takes one argument") if b" " in argument else super().on_auth(argument)


@fault("pop3-challenge-without-a-space", breaks=("rfc5034/4/14", "rfc5034/4/13"))
class ChallengeWithoutASpace(Pop3Core):
    """Sends a bare plus sign for an empty challenge."""

    def challenge(self, encoded: bytes) -> bytes:
        """Leaves the space out where nothing follows."""
        return super().challenge(encoded).replace(b"+ \r\n", b"+\r\n")


@fault("pop3-challenge-with-a-word", breaks=("rfc5034/4/15",))
class ChallengeWithAWord(Pop3Core):
    """Sends a friendly word for an empty challenge."""

    def challenge(self, encoded: bytes) -> bytes:
        """Text where base64 belongs."""
        return super().challenge(encoded or b"go ahead")


@fault("pop3-cannot-be-called-off", breaks="rfc5034/4/12")
class CannotBeCalledOff(Pop3Core):
    """Answers +OK to an asterisk."""

    def auth_failed(self, failure: Failure) -> bytes:
        """A kind word."""
        refusal = super().auth_failed(failure)
        return self.ok("as you like") if failure.kind is Kind.CANCELLED else refusal


@fault("pop3-one-auth-only", breaks="rfc5034/4/38")
class OneAuthOnly(Pop3Core):
    """Refuses AUTH on a connection on which one was taken back."""

    _had_its_chance = False

    def on_auth(self, argument: bytes) -> bytes:
        """Does not begin another exchange."""
        return self.err("only once") if self._had_its_chance else super().on_auth(argument)

    def auth_failed(self, failure: Failure) -> bytes:
        """Remembers."""
        self._had_its_chance = True
        return super().auth_failed(failure)


@fault("pop3-skips-what-is-not-base64", breaks=("rfc5034/4/22", "rfc5034/4/20", "rfc4648/3.3/1"))
class SkipsWhatIsNotBase64(Pop3Core):
    """Decodes base64 as many libraries do by default: what does not belong is skipped."""

    def decode_base64(self, line: bytes) -> bytes:
        """Lenient."""
        return base64.b64decode(line, validate=False)


@fault("pop3-padding-anywhere", breaks=("rfc5034/4/22",))
class PaddingAnywhere(Pop3Core):
    """Takes equals signs anywhere in base64."""

    def decode_base64(self, line: bytes) -> bytes:
        """Puts them where they belong first."""
        line = line.replace(b"=", b"")
        return super().decode_base64(line + b"=" * (-len(line) % 4))


class _LoosePlain(sasl.Plain):
    """Takes what stands between the NULs, however many there are."""

    def respond(self, octets: bytes) -> Step:
        parts = [part for part in octets.split(b"\0") if part]
        if len(parts) < 2:
            return Failure(Kind.MALFORMED)
        return self.log_in(parts[0].decode("latin-1"), parts[1].decode("latin-1"))


@fault("pop3-plain-with-any-number-of-nuls", breaks=("rfc4616/2/4", "rfc4616/2/11"))
class PlainWithAnyNumberOfNuls(Pop3Core):
    """Does not count the NULs of a PLAIN message."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = {"PLAIN": _LoosePlain}


class _CarelessPlain(sasl.Plain):
    """Lets in anybody whose name exists."""

    def respond(self, octets: bytes) -> Step:
        step = super().respond(octets)
        if isinstance(step, Failure) and step.kind is Kind.WRONG_CREDENTIALS:
            name, password = octets.split(b"\0")[1:]
            return self.log_in(name.decode("utf-8"), password[:-1].decode("utf-8"))
        return step


@fault("pop3-auth-compares-passwords-in-part", breaks=("rfc5034/4/25", "rfc4616/2/13"))
class AuthComparesPasswordsInPart(Pop3Core):
    """Takes a password in PLAIN that only begins with the right one."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = {"PLAIN": _CarelessPlain}


@fault("pop3-takes-unknown-mechanisms", breaks=("rfc5034/4/7",))
class TakesUnknownMechanisms(Pop3Core):
    """Sends a challenge for a mechanism that it does not have."""

    def on_auth(self, argument: bytes) -> bytes:
        """Takes the name for PLAIN."""
        word, space, rest = argument.partition(b" ")
        known = word.upper().decode("ascii") in self.sasl_mechanisms
        return super().on_auth(argument if known or not word else b"PLAIN" + space + rest)


@fault("pop3-mechanisms-in-capitals-only", breaks=("rfc4616/1/1",))
class MechanismsInCapitalsOnly(Pop3Core):
    """Knows the names of mechanisms in capitals only."""

    def on_auth(self, argument: bytes) -> bytes:
        """Refuses a small letter."""
        word = argument.partition(b" ")[0]
        return super().on_auth(argument) if word == word.upper() else self.err("mechanism not supported")


@fault("pop3-auth-at-any-time", breaks=("rfc5034/4/3", "rfc5034/4/4"))
class AuthAtAnyTime(Pop3Core):
    """Answers +OK to AUTH after the log-in."""

    def on_command(self, line: bytes) -> bytes:
        """Takes no offence."""
        if self.state is State.TRANSACTION and line[:5].upper() == b"AUTH ":
            return self.ok("you are in already")
        return super().on_command(line)


@fault("pop3-responses-of-255-octets", breaks=("rfc5034/4/23", "rfc5034/4/24"))
class ResponsesOf255Octets(Pop3Core):
    """Reads 255 octets of a response and takes the rest for a command."""

    def on_auth_line(self, line: bytes) -> bytes:
        """One answer for each part."""
        answer = super().on_auth_line(line)
        return answer + b"".join(self.err("unknown command") for _ in range(255, len(line), 255))
