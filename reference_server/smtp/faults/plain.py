"""Servers that get PLAIN (RFC 4616) or its base64 (RFC 4648, RFC 4954 §4) wrong."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from reference_server import sasl
from reference_server.registry import fault
from reference_server.sasl import Exchange, Failure, Kind, Step
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State


def _with_plain(mechanism: type[Exchange]) -> Mapping[str, type[Exchange]]:
    """The mechanisms of the core with another PLAIN among them."""
    return MappingProxyType({**sasl.MECHANISMS, "PLAIN": mechanism})


@fault("answers-what-is-no-base64-with-535", breaks="rfc4954/4/22")
class AnswersWhatIsNoBase64With535(SmtpCore):
    """Takes a response that it cannot decode for wrong credentials."""

    def auth_failed(self, failure: Failure) -> bytes:
        """One kind of failure for another."""
        return super().auth_failed(Failure(Kind.WRONG_CREDENTIALS) if failure.kind is Kind.NOT_BASE64 else failure)


@fault("skips-wrong-characters-in-base64", breaks=("rfc4954/4/24", "rfc4648/3.3/1", "rfc4954/4/22"))
class SkipsWrongCharactersInBase64(SmtpCore):
    """Decodes base64 after it has thrown out whatever does not belong."""

    def decode_base64(self, line: bytes) -> bytes:
        """As most libraries do unless told otherwise."""
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", line)
        return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


@fault("answers-wrong-credentials-with-550", breaks="rfc4954/4/32")
class AnswersWrongCredentialsWith550(SmtpCore):
    """Has one code for everything that is refused."""

    def auth_failed(self, failure: Failure) -> bytes:
        """That of mailboxes."""
        if failure.kind is Kind.WRONG_CREDENTIALS:
            return self.reply(550, "authentication failed", enhanced="5.7.8")
        return super().auth_failed(failure)


class PlainUpToTheThirdNul(sasl.Plain):
    """PLAIN that takes the password to end at a NUL."""

    def respond(self, octets: bytes) -> Step:
        """What stands behind it is passed over."""
        return super().respond(b"\0".join(octets.split(b"\0")[:3]))


@fault("passes-over-what-follows-a-third-nul", breaks=("rfc4616/2/11", "rfc4616/2/4"))
class PassesOverWhatFollowsAThirdNul(SmtpCore):
    """Logs in with a message that goes on behind the password."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = _with_plain(PlainUpToTheThirdNul)


class PlainWithOneNul(sasl.Plain):
    """PLAIN that fills in what is missing."""

    def respond(self, octets: bytes) -> Step:
        """Puts a NUL in front of a message with only one."""
        return super().respond(b"\0" + octets if octets.count(b"\0") == 1 else octets)


@fault("takes-messages-with-one-nul", breaks="rfc4616/2/4")
class TakesMessagesWithOneNul(SmtpCore):
    """Logs in with name and password alone."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = _with_plain(PlainWithOneNul)


@fault("takes-an-empty-initial-response-for-none", breaks="rfc4616/2/4")
class TakesAnEmptyInitialResponseForNone(SmtpCore):
    """Answers `AUTH PLAIN =` by a challenge."""

    def on_auth(self, argument: bytes) -> bytes:
        """Nothing is nothing."""
        return super().on_auth(argument.removesuffix(b" ="))


class PlainForAnybody(sasl.Plain):
    """PLAIN without the identity to act as."""

    def respond(self, octets: bytes) -> Step:
        """Whatever was there is passed over."""
        return super().respond(b"\0" + octets.partition(b"\0")[2])


@fault("passes-over-the-identity-to-act-as", breaks="rfc4616/2/13")
class PassesOverTheIdentityToActAs(SmtpCore):
    """Logs a client in as itself that asked to act for somebody else."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = _with_plain(PlainForAnybody)


class PlainForNobody(sasl.Plain):
    """PLAIN that knows no identity to act as."""

    def respond(self, octets: bytes) -> Step:
        """Refuses a message that has one."""
        return super().respond(octets) if octets[:1] in (b"", b"\0") else Failure(Kind.NOT_AUTHORIZED)


@fault("refuses-ones-own-name-to-act-as", breaks="rfc4616/2/14")
class RefusesOnesOwnNameToActAs(SmtpCore):
    """Refuses right credentials because the user's own name stands there twice."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = _with_plain(PlainForNobody)


class PlainOfShortNames(sasl.Plain):
    """PLAIN with fields of 64 octets."""

    def respond(self, octets: bytes) -> Step:
        """Longer ones do not fit."""
        if any(len(part) > 64 for part in octets.split(b"\0")):
            return Failure(Kind.MALFORMED)
        return super().respond(octets)


@fault("takes-short-names-and-passwords-only", breaks=("rfc4616/2/12", "rfc4616/2/6", "rfc4616/2/9"))
class TakesShortNamesAndPasswordsOnly(SmtpCore):
    """Refuses names and passwords of more than 64 octets as malformed."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = _with_plain(PlainOfShortNames)


@fault("takes-the-rest-of-a-response-for-commands", breaks=("rfc4954/4/26", "rfc4954/6/14"))
class TakesTheRestOfAResponseForCommands(SmtpCore):
    """Fails an exchange where its buffer ends, and reads on from there as if a command began."""

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Takes one buffer full."""
        if self.state is State.AUTHENTICATING and len(pending) - at > self.auth_line_limit():
            return at + self.auth_line_limit(), self.auth_line_too_long()
        return super().read_line(pending, at)
