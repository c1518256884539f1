"""Servers that go on otherwise after a message, or whose codes mean something else (RFC 5321 §3.3, §4.2.1)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State

_TABLE = {"smtp/replies/codes_are_those_of_the_table": "the code is not in the table either"}


@fault(
    "keeps-the-envelope-after-the-message",
    breaks="rfc5321/4.1.1.4/10",
    also={
        "smtp/bdat/each_chunk_is_answered_250": "the last chunk ends a message too",
        "smtp/bdat/after_the_last_chunk_another_is_answered_503": "the last chunk ends a message too",
    },
)
class KeepsTheEnvelopeAfterTheMessage(SmtpCore):
    """Goes on with the old sender and recipients after a message: another DATA sends another message to them."""

    def on_end_of_data(self) -> bytes:
        """The envelope is put back."""
        transaction = self.transaction
        reply = super().on_end_of_data()
        if reply[:3] == b"250":
            self.transaction, self.state = transaction, State.RECIPIENT_GIVEN
        return reply


@fault("takes-one-message-a-session", breaks="rfc5321/4.1.4/16")
class TakesOneMessageASession(SmtpCore):
    """Answers MAIL 503 once a message was accepted."""

    _done = False

    def on_end_of_data(self) -> bytes:
        """Notes the first."""
        reply = super().on_end_of_data()
        self._done = self._done or reply[:3] == b"250"
        return reply

    def on_mail(self, argument: bytes) -> bytes:
        """No second."""
        return self.bad_sequence() if self._done else super().on_mail(argument)


@fault(
    "answers-mail-with-220",
    breaks=("rfc5321/3.3/4", "rfc5321/4.2.2/11"),
    also={
        **_TABLE,
        "smtp/dsn/mail_is_accepted_with_any_valid_parameters": "250 is the code that it waits for",
        "smtp/dsn/takes_parameters_of_full_length": "250 is the code that it waits for",
    },
)
class AnswersMailWith220(SmtpCore):
    """Says of an accepted sender that the service is ready."""

    def on_mail(self, argument: bytes) -> bytes:
        """Another code of success."""
        return super().on_mail(argument).replace(b"250", b"220", 1)


@fault("answers-expn-with-354", breaks="rfc5321/4.2.1/4", also=_TABLE)
class AnswersExpnWith354(SmtpCore):
    """Answers EXPN as if more were to follow."""

    def on_expn(self, argument: bytes) -> bytes:
        """Not a word follows."""
        return self.reply(354, "go on")
