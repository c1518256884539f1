"""Servers that lose count of the mail transaction (RFC 5321 §3.3, §4.1.4)."""

from __future__ import annotations

from typing import ClassVar

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.session import ON_ACCEPT, State, Transitions, Verb

_MODEL = "smtp/sequence/commands_out_of_order_change_nothing"


@fault("takes-rcpt-without-mail", breaks="rfc5321/3.3/17")
class TakesRcptWithoutMail(SmtpCore):
    """Accepts RCPT first, and takes the message to have no sender."""

    transitions: ClassVar[Transitions] = {**ON_ACCEPT, (State.IDLE, Verb.RCPT): State.RECIPIENT_GIVEN}


@fault("answers-early-rcpt-with-550", breaks="rfc5321/3.3/17")
class AnswersEarlyRcptWith550(SmtpCore):
    """Refuses RCPT without MAIL as if it were for the recipient."""

    def on_command(self, line: bytes) -> bytes:
        """A code that bounces the message."""
        reply = super().on_command(line)
        if line[:4].upper() == b"RCPT" and reply[:3] == b"503":
            return self.reply(550, "no sender", enhanced="5.5.1")
        return reply


@fault(
    "takes-data-without-recipients",
    breaks="rfc5321/4.1.4/14",
    also={"smtp/recipients/a_refused_recipient_is_none": "there it is DATA without recipients that is accepted"},
)
class TakesDataWithoutRecipients(SmtpCore):
    """Goes from MAIL to DATA, and accepts a message for nobody."""

    transitions: ClassVar[Transitions] = {**ON_ACCEPT, (State.SENDER_GIVEN, Verb.DATA): State.RECEIVING}


@fault("keeps-recipients-over-a-second-mail", breaks="rfc5321/4.1.1.2/3")
class KeepsRecipientsOverASecondMail(SmtpCore):
    """Accepts MAIL in an open transaction and sends the new message to the old recipients too."""

    transitions: ClassVar[Transitions] = {
        **ON_ACCEPT,
        (State.SENDER_GIVEN, Verb.MAIL): State.SENDER_GIVEN,
        (State.RECIPIENT_GIVEN, Verb.MAIL): State.RECIPIENT_GIVEN,
    }

    def on_mail(self, argument: bytes) -> bytes:
        """Only the sender is new."""
        recipients = self.transaction.recipients
        reply = super().on_mail(argument)
        self.transaction.recipients = recipients
        return reply


@fault("forgets-transaction-on-bad-sequence", breaks="rfc5321/4.1.4/19")
class ForgetsTransactionOnBadSequence(SmtpCore):
    """Drops the mail transaction when a command comes out of order."""

    def bad_sequence(self, text: str = "bad sequence of commands") -> bytes:
        """Back to the beginning."""
        self.forget_transaction()
        if self.state is not State.FRESH:
            self.state = State.IDLE
        return super().bad_sequence(text)


@fault(
    "opens-a-transaction-by-a-bad-mail",
    breaks="rfc5321/4.1.4/18",
    also={
        "smtp/sequence_model/goes_through_a_whole_session": "RCPT is accepted after a MAIL that was refused",
        "smtp/sequence_model/is_where_accepted_commands_have_put_it": "RCPT is accepted after a MAIL that was refused",
        "smtp/sequence/refuses_rcpt_without_mail_with_503": "RCPT is accepted after a MAIL that was refused",
        _MODEL: "RCPT is accepted after a MAIL that was refused",
    },
)
class OpensATransactionByABadMail(SmtpCore):
    """Answers MAIL without a path 501, and takes the transaction to be open."""

    def on_mail(self, argument: bytes) -> bytes:
        """The state moves on although the answer is no."""
        reply = super().on_mail(argument)
        if reply[:3] == b"501" and self.state is State.IDLE:
            self.advance(Verb.MAIL)
        return reply


@fault("remembers-a-refused-size", breaks="rfc5321/4.1.4/18")
class RemembersARefusedSize(SmtpCore):
    """Refuses every MAIL after one whose SIZE was too big, until RSET."""

    _size_refused = False

    def take_size(self, value: bytes | None) -> None:
        """Once too big, always too big."""
        try:
            super().take_size(value)
        except RefusedError:
            self._size_refused = True
            raise

    def on_mail(self, argument: bytes) -> bytes:
        """Looks back before it looks at the command."""
        return self.too_big() if self._size_refused else super().on_mail(argument)

    def on_rset(self) -> bytes:
        """Only this helps."""
        self._size_refused = False
        return super().on_rset()


@fault("answers-mail-without-a-path-with-550", breaks="rfc5321/4.3.2/7")
class AnswersMailWithoutAPathWith550(SmtpCore):
    """Answers a MAIL that has no address in it as if the address were not wanted."""

    def on_mail(self, argument: bytes) -> bytes:
        """A code that bounces the message."""
        return super().on_mail(argument) if b"<" in argument else self.reply(550, "no sender", enhanced="5.1.7")


@fault("forgets-transaction-on-vrfy", breaks="rfc5321/4.1.1.6/3")
class ForgetsTransactionOnVrfy(SmtpCore):
    """Drops the mail transaction when somebody is looked up."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """One buffer for both."""
        self.forget_transaction()
        if self.state is not State.FRESH:
            self.state = State.IDLE
        return super().on_vrfy(argument)
