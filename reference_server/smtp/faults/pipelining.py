"""Servers that cannot do what PIPELINING promises (RFC 2920)."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import ON_ACCEPT, State, Transitions, Verb


@fault(
    "answers-groups-in-reverse",
    breaks="rfc2920/3.2/1",
    also={"smtp/nvt_commands/waits_for_crlf": "the LF of one command and all of the next come in one segment"},
)
class AnswersGroupsInReverse(SmtpCore):
    """Answers the last command of a group first."""

    def collected(self, replies: list[bytes]) -> bytes:
        """As a stack would."""
        return b"".join(reversed(replies))


@fault("loses-what-follows-a-refusal", breaks="rfc2920/3.2/9")
class LosesWhatFollowsARefusal(SmtpCore):
    """Throws away what has come behind a RCPT that it refuses."""

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Flushes its input after an error."""
        end, reply = super().read_line(pending, at)
        return (len(pending), reply) if reply is not None and reply[:3] == b"550" else (end, reply)


@fault("loses-what-follows-a-message", breaks="rfc2920/3.2/9")
class LosesWhatFollowsAMessage(SmtpCore):
    """Throws away what has come behind the end of the data."""

    def read_text(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Flushes its input after a message."""
        end, reply = super().read_text(pending, at)
        return (end, reply) if reply is None else (len(pending), reply)


@fault("accepts-data-without-recipients", breaks="rfc2920/3.2/3")
class AcceptsDataWithoutRecipients(SmtpCore):
    """Answers DATA 354 after MAIL alone, and refuses the message."""

    transitions: ClassVar[Transitions] = MappingProxyType(
        {**ON_ACCEPT, (State.SENDER_GIVEN, Verb.DATA): State.RECEIVING}
    )

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Only now."""
        if not self.transaction.recipients:
            return self.reply(554, "no valid recipients", enhanced="5.5.1")
        return super().refusal_of_message(text)


@fault(
    "tells-the-sender-of-an-empty-message",
    breaks="rfc2920/3.2/4",
    also={"smtp/pipelining/data_waits_for_a_recipient": "DATA is accepted without one"},
)
class TellsTheSenderOfAnEmptyMessage(AcceptsDataWithoutRecipients):
    """Accepts DATA without recipients, and bounces the empty message."""

    _wanted = b""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Whom it was meant for stands in the bounce."""
        self._wanted = argument
        return super().on_rcpt(argument)

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Nobody could take it."""
        refusal = super().refusal_of_message(text)
        account = self.account_of(self.transaction.sender)
        if account is not None and not self.transaction.recipients:
            self.put(account, b"Subject: undeliverable\r\n\r\n" + self._wanted + b"\r\n")
        return refusal


@fault(
    "withholds-the-reply-to-expn",
    breaks=("rfc2920/3.2/5", "rfc2920/3.2/7"),
    also={
        "smtp/commands/other_commands_need_no_ehlo": "EXPN is asked there, and nothing behind it",
        "smtp/ehlo/what_is_listed_is_known": "EXPN is asked there, and nothing behind it",
        "smtp/line_limits/replies_in_lines_of_512_octets": "EXPN is asked there, and nothing behind it",
        "smtp/replies/codes_are_those_of_the_table": "EXPN is asked there, and nothing behind it",
        "smtp/smtputf8/vrfy_without_the_parameter_gets_ascii": "EXPN is asked there, and nothing behind it",
        "smtp/vrfy/leaves_the_transaction_alone": "EXPN is asked there, and nothing behind it",
        "smtp/directory/expands_to_one_mailbox_a_line": "EXPN is asked there, and nothing behind it",
        "smtp/directory/lists_expn_where_it_works": "EXPN is asked there, and nothing behind it",
        "smtp/grammar/understands_every_string": "EXPN is asked there, and nothing behind it",
        "smtp/sequence_model/goes_through_a_whole_session": "EXPN is asked there, and nothing behind it",
        "smtp/sequence_model/is_where_accepted_commands_have_put_it": "EXPN is asked there, and nothing behind it",
    },
)
class WithholdsTheReplyToExpn(SmtpCore):
    """Keeps the reply to EXPN until there is another one to send with it."""

    _expn: bytes | None = None
    _withheld = b""

    def on_expn(self, argument: bytes) -> bytes:
        """Remembered."""
        self._expn = super().on_expn(argument)
        return self._expn

    def collected(self, replies: list[bytes]) -> bytes:
        """What was kept goes first."""
        kept, self._withheld = self._withheld, b""
        if replies[-1] is self._expn:
            self._withheld = replies.pop()
        return kept + b"".join(replies)
