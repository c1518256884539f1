"""Planted faults in the greeting, USER and PASS, and APOP (RFC 1939 §4, §7)."""

from __future__ import annotations

from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.registry import fault
from reference_server.stores import Account

_TAKEN_FOR_AN_ANSWER = "the second line is taken for the answer to the first command, and so on"


@fault(
    "pop3-greets-in-two-lines",
    breaks="rfc1939/4/1",
    also={
        "pop3/synchrony/one_answer_to_each_command": _TAKEN_FOR_AN_ANSWER,
        "pop3/credentials/an_unknown_name_is_refused": _TAKEN_FOR_AN_ANSWER,
        "pop3/credentials/can_be_given_again": _TAKEN_FOR_AN_ANSWER,
        "pop3/lock/is_gone_after_quit": _TAKEN_FOR_AN_ANSWER,
        "pop3/lock/is_gone_with_the_connection": _TAKEN_FOR_AN_ANSWER,
        "pop3/lock/is_not_left_by_a_refused_log_in": _TAKEN_FOR_AN_ANSWER,
        "pop3/states/after_user_no_mail_is_shown": _TAKEN_FOR_AN_ANSWER,
        "pop3/update/quit_before_the_log_in_removes_nothing": _TAKEN_FOR_AN_ANSWER,
    },
)
class GreetsInTwoLines(Pop3Core):
    """Sends a second line after the greeting."""

    def greeting(self) -> bytes:
        """A warning on top."""
        return super().greeting() + self.err("authorized users only")


@fault("pop3-one-timestamp-for-all", breaks="rfc1939/7/40")
class OneTimestampForAll(Pop3Core):
    """Sends the same APOP timestamp in every session."""

    def timestamp(self) -> bytes:
        """Never changes."""
        return f"<1@{self.settings.hostname}>".encode("ascii")


@fault("pop3-timestamp-without-a-domain", breaks="rfc2449/3/13")
class TimestampWithoutADomain(Pop3Core):
    """Sends an APOP timestamp that is no message identifier."""

    def timestamp(self) -> bytes:
        """Leaves the domain out."""
        return f"<{self.settings.unique()}>".encode("ascii")


@fault("pop3-apop-opens-nothing", breaks="rfc1939/7/47")
class ApopOpensNothing(Pop3Core):
    """Answers APOP with +OK and stays in the AUTHORIZATION state."""

    def on_apop(self, argument: bytes) -> bytes:
        """Lets go of the maildrop again."""
        answer = super().on_apop(argument)
        if answer.startswith(b"+OK"):
            self.release()
            self.state = type(self.state).AUTHORIZATION
        return answer


@fault("pop3-apop-takes-any-digest", breaks=("rfc1939/7/46", "rfc1939/7/48"))
class ApopTakesAnyDigest(Pop3Core):
    """Lets in with any APOP digest."""

    def verify_digest(self, name: str, timestamp: bytes, digest: str) -> Account | None:
        """Looks at the name only."""
        return self.store.account(name)


@fault("pop3-no-quit-after-user", breaks="rfc1939/7/27")
class NoQuitAfterUser(Pop3Core):
    """Wants nothing but PASS after USER."""

    def on_command(self, line: bytes) -> bytes:
        """Refuses to say goodbye."""
        if self.state is State.USER_GIVEN and line.upper() == b"QUIT":
            return self.err("PASS expected")
        return super().on_command(line)


@fault("pop3-compares-passwords-in-part", breaks=("rfc1939/7/35", "rfc1939/7/33"))
class ComparesPasswordsInPart(Pop3Core):
    """Takes a password that only begins with the right one."""

    def on_pass(self, argument: bytes) -> bytes:
        """Tries without the last character too."""
        name = self.user_name
        if name is not None and self.verify(name, argument[:-1].decode("ascii")):
            argument = argument[:-1]
        return super().on_pass(argument)


@fault("pop3-takes-unknown-names", breaks="rfc1939/7/33")
class TakesUnknownNames(Pop3Core):
    """Lets a name that it does not know into the postmaster's maildrop."""

    def on_pass(self, argument: bytes) -> bytes:
        """Falls back on another account."""
        name, postmaster = self.user_name, self.store.postmaster()
        known = name is None or self.store.account(name) or self.store.account(f"{name}@example.test")
        if not known and postmaster is not None:
            self.user_name = postmaster.name
        return super().on_pass(argument)


@fault("pop3-one-attempt-only", breaks=("rfc1939/4/12",))
class OneAttemptOnly(Pop3Core):
    """Refuses every log-in on a connection on which USER and PASS were wrong once."""

    _had_its_chance = False

    def on_pass(self, argument: bytes) -> bytes:
        """Does not look at the password any more."""
        if self._had_its_chance:
            return self.wrong_credentials()
        answer = super().on_pass(argument)
        self._had_its_chance = not answer.startswith(b"+OK")
        return answer


@fault("pop3-user-without-a-name", breaks=("rfc1939/7/24",))
class UserWithoutAName(Pop3Core):
    """Answers +OK to USER without a name."""

    def on_user(self, argument: bytes) -> bytes:
        """Waits for a password of nobody."""
        return super().on_user(argument or b"nobody")

    def plaintext_allowed(self) -> bool:
        """Listens in clear too, or nobody would notice before TLS."""
        return True
