"""Servers that fail one message in so many, as those do that lose a race now and then (RFC 5321 §6.1, §4.2.5).

A check hands in a few messages and sees nothing of it; the ledger of a load run is there to tell. The first message to
suffer is the one in the middle of the first so many, and then one in each so many, whoever hands them in: two runs
against two fresh servers lose the same ones.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar
from weakref import WeakKeyDictionary

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.stores import Store

_IN_TEN = "one message in ten suffers, and most checks hand in fewer: the ledger of a load run convicts it"
_IN_A_THOUSAND = (
    "one message in a thousand suffers, and no check hands in as many: the ledger of a load run convicts it"
)


class _FailsNowAndThen(SmtpCore):
    """Counts the messages that are delivered to a store, over all sessions."""

    every: ClassVar[int]
    _delivered: ClassVar[WeakKeyDictionary[Store, Counter[type]]] = WeakKeyDictionary()

    def fails(self, kind: type) -> bool:
        """Whether this message is one that suffers; `kind` keeps the counts of several such faults apart."""
        counts = self._delivered.setdefault(self.store, Counter())
        counts[kind] += 1
        return counts[kind] % self.every == self.every // 2


class _Loses(_FailsNowAndThen):
    def deliver(self, text: bytes) -> None:
        """Forgets it, and answers 250."""
        if self.fails(_Loses):
            self.undelivered = {}
        else:
            super().deliver(text)


class _Doubles(_FailsNowAndThen):
    def deliver(self, text: bytes) -> None:
        """Does it again, as after a time-out of its own."""
        super().deliver(text)
        if self.fails(_Doubles):
            super().deliver(text)


class _Damages(_FailsNowAndThen):
    def deliver(self, text: bytes) -> None:
        """Changes one letter or digit in the middle of the body."""
        super().deliver(damaged(text) if self.fails(_Damages) else text)


def damaged(text: bytes) -> bytes:
    """The text with the lowest bit of one letter or digit of its body turned over: the nearest to its middle."""
    body_at = text.find(b"\r\n\r\n") + 4
    middle = (body_at + len(text)) // 2
    alphanumeric = [at for at in range(body_at, len(text)) if text[at : at + 1].isalnum()]
    if not alphanumeric:
        return text + b"?\r\n"
    at = min(alphanumeric, key=lambda place: abs(place - middle))
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


_LOSING = ("rfc5321/6.1/1", "rfc5321/6.1/2", "rfc5321/4.2.5/1", "rfc5321/4.2.5/2")
_DOUBLING = ("rfc5321/6.1/1", "rfc5321/4.2.5/2")
_DAMAGING = ("rfc5321/4.5.2/4",)


@fault("loses-one-message-in-ten", breaks=_LOSING, rare=_IN_TEN)
class LosesOneMessageInTen(_Loses):
    """Answers 250 to every message, and delivers nine in ten."""

    every = 10


@fault("loses-one-message-in-a-thousand", breaks=_LOSING, rare=_IN_A_THOUSAND)
class LosesOneMessageInAThousand(_Loses):
    """Answers 250 to every message, and delivers 999 in a thousand."""

    every = 1000


@fault("doubles-one-message-in-ten", breaks=_DOUBLING, rare=_IN_TEN)
class DoublesOneMessageInTen(_Doubles):
    """Puts one message in ten into its mailboxes twice."""

    every = 10


@fault("doubles-one-message-in-a-thousand", breaks=_DOUBLING, rare=_IN_A_THOUSAND)
class DoublesOneMessageInAThousand(_Doubles):
    """Puts one message in a thousand into its mailboxes twice."""

    every = 1000


@fault("damages-one-message-in-ten", breaks=_DAMAGING, rare=_IN_TEN)
class DamagesOneMessageInTen(_Damages):
    """Changes one octet in the body of one message in ten."""

    every = 10


@fault("damages-one-message-in-a-thousand", breaks=_DAMAGING, rare=_IN_A_THOUSAND)
class DamagesOneMessageInAThousand(_Damages):
    """Changes one octet in the body of one message in a thousand."""

    every = 1000
