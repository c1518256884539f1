"""LMTP servers that forget what sets LMTP apart from SMTP (RFC 2033)."""

from __future__ import annotations

from typing import ClassVar

from reference_server.registry import fault
from reference_server.smtp.chunking import Chunk
from reference_server.smtp.envelope import RefusedError
from reference_server.smtp.grammar import Address
from reference_server.smtp.lmtp import LmtpCore
from reference_server.smtp.session import ON_ACCEPT, State, Transitions, Verb
from reference_server.stores import Account


@fault("lmtp-answers-once-for-all", breaks=("rfc2033/4.2/2", "rfc2033/4.3/1"))
class AnswersOnceForAll(LmtpCore):
    """Says once after the text what it should say for each recipient, and leaves its client waiting."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """As in SMTP."""
        return refusal or self.accepted()


@fault("lmtp-answers-in-one-reply", breaks=("rfc2033/4.2/6", "rfc2033/4.2/2"))
class AnswersInOneReply(LmtpCore):
    """Gives one reply of several lines after the text, a line for each recipient."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """All but the last line go on."""
        lines = super().final_reply(refusal).splitlines(keepends=True)
        return b"".join([*(line[:3] + b"-" + line[4:] for line in lines[:-1]), *lines[-1:]])


@fault("lmtp-answers-in-reverse", breaks=("rfc2033/4.2/2", "rfc2033/4.3/1"))
class AnswersInReverse(LmtpCore):
    """Answers for the last recipient first, each by name."""

    def accepted_for(self, recipient: Address) -> bytes:
        """So that it can be seen."""
        return self.reply(250, f"{recipient.written.decode('utf-8')} has it", enhanced="2.0.0")

    def final_reply(self, refusal: bytes | None) -> bytes:
        """As a stack would."""
        self.transaction.recipients.reverse()
        return super().final_reply(refusal)


@fault("lmtp-answers-for-refused-recipients", breaks=("rfc2033/4.2/2", "rfc2033/4.3/1"))
class AnswersForRefusedRecipients(LmtpCore):
    """Gives a reply after the text for each RCPT, those that it has refused among them."""

    _refused = 0

    def on_rcpt(self, argument: bytes) -> bytes:
        """Counts them."""
        reply = super().on_rcpt(argument)
        self._refused += reply[:1] == b"5"
        return reply

    def final_reply(self, refusal: bytes | None) -> bytes:
        """One more for each."""
        count, self._refused = self._refused, 0
        return super().final_reply(refusal) + self.reply(550, "no such user here", enhanced="5.1.1") * count


@fault("lmtp-answers-once-for-each-mailbox", breaks=("rfc2033/4.2/3", "rfc2033/4.3/2"))
class AnswersOnceForEachMailbox(LmtpCore):
    """Gives one reply after the text for a recipient that was given twice."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """Without doubles."""
        self.transaction.recipients = list(
            {str(recipient): recipient for recipient in self.transaction.recipients}.values()
        )
        return super().final_reply(refusal)


@fault("lmtp-says-yes-for-all", breaks=("rfc2033/4.2/4", "rfc2033/4.3/4"))
class SaysYesForAll(LmtpCore):
    """Answers 250 also for those whose mailbox has no room for the message, which is all but the first."""

    def refusal_of_room(self, account: Account, octets: int) -> bytes | None:
        """Only the first one has any left when the text is there."""
        first = self.account_of(self.transaction.recipients[0]) if self.transaction.recipients else None
        return self.mailbox_full() if first and first.name != account.name else None

    def refusal_of_size_for(self, recipient: Address) -> bytes | None:
        """RCPT tells nothing of it yet."""
        return None

    def reply_for_recipient(self, recipient: Address, refusal: bytes | None) -> bytes:
        """What became of the copy is not looked at."""
        return refusal or self.accepted()


@fault("lmtp-delivers-to-the-first-alone", breaks=("rfc2033/4.2/5", "rfc2033/4.3/5"))
class DeliversToTheFirstAlone(LmtpCore):
    """Answers 250 for every recipient and stores the copy of the first."""

    def receivers(self) -> list[Account]:
        """One is enough."""
        return super().receivers()[:1]


@fault("lmtp-takes-ehlo", breaks=("rfc2033/4.1/3", "rfc2033/4.1/4"))
class TakesEhlo(LmtpCore):
    """Is an SMTP server that knows LHLO too."""

    greeting_verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.HELO, Verb.EHLO, Verb.LHLO})


@fault("lmtp-answers-ehlo-with-503", breaks="rfc2033/4.1/5")
class AnswersEhloWith503(LmtpCore):
    """Takes EHLO for a command out of order."""

    def on_command(self, line: bytes) -> bytes:
        """The code is about something else."""
        return self.bad_sequence() if line[:4].upper() in {b"EHLO", b"HELO"} else super().on_command(line)


@fault("lmtp-lists-nothing-after-lhlo", breaks=("rfc2033/4.1/2", "rfc2033/5/2"))
class ListsNothingAfterLhlo(LmtpCore):
    """Answers LHLO with its name alone."""

    def extensions(self) -> list[str]:
        """As HELO would be answered."""
        return []


@fault("lmtp-offers-no-pipelining", breaks="rfc2033/5/2")
class OffersNoPipelining(LmtpCore):
    """Does not offer PIPELINING, without which LMTP is slower than SMTP."""

    def extensions(self) -> list[str]:
        """All but one."""
        return [word for word in super().extensions() if word != "PIPELINING"]


@fault("lmtp-offers-no-status-codes", breaks="rfc2033/5/2")
class OffersNoStatusCodes(LmtpCore):
    """Has neither ENHANCEDSTATUSCODES nor the codes."""

    def extensions(self) -> list[str]:
        """All but one."""
        return [word for word in super().extensions() if word != "ENHANCEDSTATUSCODES"]

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Plain replies."""
        return super().reply(code, text, *more)


@fault("lmtp-offers-no-8bitmime", breaks="rfc2033/5/3")
class OffersNo8bitmime(LmtpCore):
    """Does not offer 8BITMIME."""

    def extensions(self) -> list[str]:
        """All but one."""
        return [word for word in super().extensions() if word != "8BITMIME"]


@fault("lmtp-takes-data-without-recipients", breaks="rfc2033/4.2/1")
class TakesDataWithoutRecipients(LmtpCore):
    """Answers DATA 354 where no RCPT has succeeded, and the text with nothing."""

    transitions: ClassVar[Transitions] = {**ON_ACCEPT, (State.SENDER_GIVEN, Verb.DATA): State.RECEIVING}


@fault("lmtp-answers-data-without-recipients-with-554", breaks="rfc2033/4.2/1")
class AnswersDataWithoutRecipientsWith554(LmtpCore):
    """Refuses DATA where no RCPT has succeeded with the code that SMTP allows there."""

    def refusal_of_command(self, line: bytes, verb: Verb | None, argument: bytes) -> bytes | None:
        """The wrong code."""
        refusal = super().refusal_of_command(line, verb, argument)
        if refusal is not None and verb is Verb.DATA and self.state is State.SENDER_GIVEN:
            return self.reply(554, "no valid recipients", enhanced="5.5.1")
        return refusal


@fault("lmtp-answers-the-last-chunk-once", breaks="rfc2033/4.3/1")
class AnswersTheLastChunkOnce(LmtpCore):
    """Answers for each recipient after DATA, and once for all after BDAT LAST."""

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """The first will do."""
        return super().on_end_of_chunk(chunk).partition(b"\r\n")[0] + b"\r\n"


@fault("lmtp-answers-every-chunk-for-all", breaks="rfc2033/4.3/7")
class AnswersEveryChunkForAll(LmtpCore):
    """Answers each BDAT, and not only the last one, once for each recipient."""

    def chunk_taken(self, chunk: Chunk) -> bytes:
        """As often as there are recipients."""
        return super().chunk_taken(chunk) * len(self.transaction.recipients)


@fault("lmtp-answers-the-last-chunk-for-nobody", breaks="rfc2033/4.3/3")
class AnswersTheLastChunkForNobody(LmtpCore):
    """Answers BDAT LAST 503 where no RCPT has succeeded, as SMTP would have it."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """Silence would be right."""
        return super().final_reply(refusal) or refusal or self.bad_sequence()


@fault("lmtp-knows-no-rset", breaks="rfc2033/4/1")
class KnowsNoRset(LmtpCore):
    """Has no RSET: its clients are trusted to need none."""

    def on_rset(self) -> bytes:
        """Not there."""
        return self.unknown_command()


@fault("lmtp-does-not-know-lhlo", breaks="rfc2033/4.1/1")
class DoesNotKnowLhlo(LmtpCore):
    """Has forgotten its own greeting."""

    greeting_verbs: ClassVar[frozenset[Verb]] = frozenset()


@fault("lmtp-refuses-wishes-for-notifications", breaks=("rfc3461/5.1/1", "rfc3461/5.1/2"))
class RefusesWishesForNotifications(LmtpCore):
    """Lists DSN and refuses RET, since who speaks LMTP makes the notifications himself."""

    def take_ret(self, value: bytes | None) -> str:
        """There is nothing to return."""
        raise RefusedError(self.reply(550, "no notifications from here", enhanced="5.7.1"))


@fault("lmtp-takes-any-ret", breaks="rfc3461/5.1/3")
class TakesAnyRet(LmtpCore):
    """Does not look at RET."""

    def take_ret(self, value: bytes | None) -> str:
        """It will not be used."""
        return "HDRS"
