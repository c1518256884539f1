"""Servers that get AUTH wrong (RFC 4954)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from reference_server import sasl
from reference_server.registry import fault
from reference_server.sasl import Exchange, Failure, Kind, Step
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.session import ON_ACCEPT, State, Transitions, Verb
from reference_server.stores import Account


@fault(
    "lists-mechanisms-two-spaces-apart",
    breaks="rfc4954/3/2",
    also={"smtp/ehlo/extensions_are_listed_in_the_grammar": "the grammar of EHLO's lines has one space there too"},
)
class ListsMechanismsTwoSpacesApart(SmtpCore):
    """Writes two spaces before each mechanism on the AUTH line of EHLO."""

    def extensions(self) -> list[str]:
        """The AUTH line alone."""
        return [line.replace(" ", "  ") if line.startswith("AUTH ") else line for line in super().extensions()]


@fault("offers-cleartext-passwords-without-tls", breaks=("rfc4954/4/46", "rfc4616/5/2"))
class OffersCleartextPasswordsWithoutTls(SmtpCore):
    """Offers and takes PLAIN and LOGIN before TLS though nobody configured that."""

    def plaintext_allowed(self) -> bool:
        """Always."""
        return True


@fault("refuses-initial-responses", breaks="rfc4954/4/33")
class RefusesInitialResponses(SmtpCore):
    """Takes a response only in answer to a challenge."""

    def on_auth(self, argument: bytes) -> bytes:
        """A second argument is one too many; mechanisms it does not have are none all the same."""
        name, _, response = argument.partition(b" ")
        known = name.upper().decode("ascii", "replace") in self.sasl_mechanisms
        return self.bad_argument("AUTH mechanism") if known and response else super().on_auth(argument)


@fault("wants-an-initial-response", breaks="rfc4954/4/15")
class WantsAnInitialResponse(SmtpCore):
    """Refuses AUTH PLAIN without an initial response."""

    def on_auth(self, argument: bytes) -> bytes:
        """Does not ask."""
        if argument.upper() == b"PLAIN" and self.account is None:
            return self.bad_argument("response missing")
        return super().on_auth(argument)


@fault("drops-the-space-of-an-empty-challenge", breaks=("rfc4954/4/17", "rfc4954/8/3"))
class DropsTheSpaceOfAnEmptyChallenge(SmtpCore):
    """Sends 334 without the space where the challenge is empty."""

    def challenge(self, encoded: bytes) -> bytes:
        """Trimmed."""
        return super().challenge(encoded).replace(b"334 \r\n", b"334\r\n")


@fault("explains-its-challenges", breaks="rfc4954/4/11")
class ExplainsItsChallenges(SmtpCore):
    """Writes words for people where the challenge is empty."""

    def challenge(self, encoded: bytes) -> bytes:
        """Means well."""
        return super().challenge(encoded) if encoded else self.reply(334, "go ahead, please")


@fault("answers-a-cancelled-exchange-with-535", breaks="rfc4954/4/14")
class AnswersACancelledExchangeWith535(SmtpCore):
    """Takes an asterisk for a wrong password."""

    def auth_failed(self, failure: Failure) -> bytes:
        """One kind of failure for another."""
        return super().auth_failed(Failure(Kind.WRONG_CREDENTIALS) if failure.kind is Kind.CANCELLED else failure)


@fault("takes-auth-again", breaks="rfc4954/4/3")
class TakesAuthAgain(SmtpCore):
    """Lets a client that is logged in log in again."""

    def on_auth(self, argument: bytes) -> bytes:
        """Logs out first."""
        self.account = None
        return super().on_auth(argument)


@fault("takes-auth-in-a-transaction", breaks="rfc4954/4/5")
class TakesAuthInATransaction(SmtpCore):
    """Begins an exchange between MAIL and RCPT."""

    transitions: ClassVar[Transitions] = MappingProxyType(
        {**ON_ACCEPT, (State.SENDER_GIVEN, Verb.AUTH): State.AUTHENTICATING}
    )


@fault("answers-an-unknown-mechanism-with-535", breaks="rfc4954/4/8")
class AnswersAnUnknownMechanismWith535(SmtpCore):
    """Takes a mechanism that it does not have for wrong credentials."""

    def on_auth(self, argument: bytes) -> bytes:
        """One code for another."""
        reply = super().on_auth(argument)
        return self.auth_failed(Failure(Kind.WRONG_CREDENTIALS)) if reply.startswith(b"504") else reply


@fault("takes-auth-without-a-mechanism", breaks="rfc4954/4/6")
class TakesAuthWithoutAMechanism(SmtpCore):
    """Takes AUTH without an argument for AUTH PLAIN."""

    def on_auth(self, argument: bytes) -> bytes:
        """Has a favourite."""
        return super().on_auth(argument or b"PLAIN")


@fault("reads-mechanism-names-in-capitals-only", breaks="rfc4954/8/1")
class ReadsMechanismNamesInCapitalsOnly(SmtpCore):
    """Knows PLAIN and not plain."""

    def on_auth(self, argument: bytes) -> bytes:
        """Compares octets."""
        name = argument.partition(b" ")[0]
        if name != name.upper():
            return self.reply(504, "mechanism not supported", enhanced="5.5.4")
        return super().on_auth(argument)


class LoginByNameAlone(sasl.Login):
    """LOGIN that ends after the name."""

    def respond(self, octets: bytes) -> Step:
        """Tries the name without a password."""
        return self.log_in(octets.decode("utf-8", "replace"), "")


@fault("never-asks-for-the-password", breaks="rfc4954/4/7")
class NeverAsksForThePassword(SmtpCore):
    """Offers LOGIN, and fails it as soon as the name is there."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MappingProxyType(
        {**sasl.MECHANISMS, "LOGIN": LoginByNameAlone}
    )


@fault("knows-no-auth-parameter", breaks=("rfc4954/5/3", "rfc4954/15/1"))
class KnowsNoAuthParameter(SmtpCore):
    """Offers AUTH and refuses AUTH= in MAIL."""

    def take_auth_identity(self, value: bytes | None) -> None:
        """Knows no such parameter."""
        raise RefusedError(self.unknown_parameter())


@fault(
    "forgets-that-it-said-235",
    breaks="rfc4954/6/3",
    also={"smtp/auth/answers_a_second_auth_with_503": "having forgotten the first one it takes a second AUTH"},
)
class ForgetsThatItSaid235(SmtpCore):
    """Says 235 and goes on asking for a log-in."""

    def after_step(self, step: Step) -> bytes:
        """The reply is all that there is to it."""
        reply = super().after_step(step)
        self.account = None
        return reply


@fault("lets-the-failed-in", breaks="rfc4954/6/11")
class LetsTheFailedIn(SmtpCore):
    """Asks nobody for a log-in who has tried one."""

    _tried = False

    def auth_failed(self, failure: Failure) -> bytes:
        """Refuses, and remembers only that there was something."""
        self._tried = True
        return super().auth_failed(failure)

    def needs_auth(self, verb: Verb) -> bool:
        """Not any more."""
        return not self._tried and super().needs_auth(verb)


@fault("drops-what-follows-auth", breaks="rfc4954/4/50")
class DropsWhatFollowsAuth(SmtpCore):
    """Throws away commands that came in one group with an AUTH that succeeded."""

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """The rest of what was read is gone."""
        end, reply = super().read_line(pending, at)
        return (len(pending) if reply is not None and reply.startswith(b"235") else end), reply


@fault(
    "takes-any-password",
    breaks="rfc4616/2/13",
    also={"smtp/plain/answers_wrong_credentials_with_535": "what should be answered 535 is answered 235"},
)
class TakesAnyPassword(SmtpCore):
    """Logs in whoever gives a name that exists."""

    def verify(self, name: str, password: str) -> Account | None:
        """The password is not looked at."""
        return self.store.account(name)


@fault(
    "hangs-up-on-what-is-no-base64",
    breaks="rfc4954/4/22",
    also={"smtp/plain/skips_no_wrong_character": "wrong characters, too, make what is no base64"},
)
class HangsUpOnWhatIsNoBase64(SmtpCore):
    """Falls over a response that it cannot decode, and the connection with it."""

    def auth_failed(self, failure: Failure) -> bytes:
        """Nothing is said."""
        reply = super().auth_failed(failure)
        if failure.kind is not Kind.NOT_BASE64:
            return reply
        self.state = State.CLOSED
        return b""


class HastyCramMd5(sasl.CramMd5):
    """CRAM-MD5 that passes over an initial response."""

    def take_initial(self, line: bytes) -> Step:
        """Begins as if there were none."""
        return self.first_challenge()


@fault("passes-over-a-premature-response", breaks="rfc4954/4/20")
class PassesOverAPrematureResponse(SmtpCore):
    """Sends its challenge in answer to a response that came before it."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MappingProxyType(
        {**sasl.MECHANISMS, "CRAM-MD5": HastyCramMd5}
    )


def _one_over(text: str) -> str:
    """The text and what it takes to leave one octet over when it is cut into threes."""
    return text + ">" * ((1 - len(text)) % 3)


@fault("leaves-padding-out", breaks=("rfc4648/3.2/1", "rfc4648/4/4", "rfc4648/4/6"))
class LeavesPaddingOut(SmtpCore):
    """Writes its challenges without equals signs at their end."""

    def message_id(self) -> str:
        """Of a length that needs padding."""
        return _one_over(super().message_id())

    def challenge(self, encoded: bytes) -> bytes:
        """They carry nothing."""
        return super().challenge(encoded.rstrip(b"="))


@fault("leaves-spare-bits-set", breaks="rfc4648/3.5/1")
class LeavesSpareBitsSet(SmtpCore):
    """Fills the last character of a challenge with what was in its buffer."""

    def message_id(self) -> str:
        """Of a length that leaves spare bits."""
        return _one_over(super().message_id())

    def challenge(self, encoded: bytes) -> bytes:
        """One bit more than there should be."""
        if encoded.endswith(b"=="):
            encoded = encoded[:-3] + bytes([encoded[-3] + 1]) + b"=="
        return super().challenge(encoded)


@fault("hangs-up-after-the-second-failure", breaks="rfc4954/9/3")
class HangsUpAfterTheSecondFailure(SmtpCore):
    """Takes two wrong passwords for an attack."""

    def has_guessed_enough(self) -> bool:
        """Sooner than it may."""
        return self.failed_log_ins >= 2


@fault("answers-what-waits-for-a-log-in-with-550", breaks="rfc4954/6/16")
class AnswersWhatWaitsForALogInWith550(SmtpCore):
    """Refuses mail before a log-in as if nobody could send it."""

    def auth_required(self) -> bytes:
        """A matter of policy."""
        return self.reply(550, "not allowed", enhanced="5.7.1")


@fault("takes-no-long-auth-parameter", breaks="rfc4954/3/4")
class TakesNoLongAuthParameter(SmtpCore):
    """Keeps AUTH= in a buffer of 256 octets."""

    def take_auth_identity(self, value: bytes | None) -> None:
        """No more than fits."""
        if value is not None and len(value) > 256:
            raise RefusedError(self.bad_argument("parameter too long"))
        super().take_auth_identity(value)


@fault("compares-names-as-they-come", breaks=("rfc4954/4/28", "rfc4616/2/16"))
class ComparesNamesAsTheyCome(SmtpCore):
    """Knows a name only in the very characters in which it was registered."""

    def verify(self, name: str, password: str) -> Account | None:
        """What is not ASCII is nobody here."""
        return super().verify(name, password) if name.isascii() else None


@fault("drops-what-cannot-be-in-a-name", breaks=("rfc4954/4/29", "rfc4616/2/18"))
class DropsWhatCannotBeInAName(SmtpCore):
    """Passes over characters that cannot be in a name."""

    def verify(self, name: str, password: str) -> Account | None:
        """What can be printed is left."""
        return super().verify("".join(each for each in name if each.isprintable() or each == "\u00ad"), password)
