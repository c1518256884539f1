"""What can go wrong in a check, and whose fault it is.

`ViolationError` is evidence about the server. Everything under `HarnessError` is not.
"""

from __future__ import annotations

import unittest


class HarnessError(Exception):
    """The harness cannot go on. Never evidence about the server."""


class UsageError(HarnessError):
    """What the user asked for cannot be done; the text says what to do instead. Exit status 2."""


# The following derive from SkipTest so that Hypothesis passes them on at once instead of shrinking them.


class InconclusiveError(unittest.SkipTest, HarnessError):
    """The question was not put to the server, so there is no verdict.

    Raised for refused connections, failed log-ins and time-outs while *setting up* a check. A time-out while *waiting
    for the judged reply* is a ViolationError.
    """


class RefusedError(InconclusiveError):
    """The server answers and refuses service: 421, -ERR or BYE in its proper form. No verdict, but a sign of life."""


class NotApplicableError(unittest.SkipTest, HarnessError):
    """The server does not offer what the requirement is about, so nothing binds it."""


class ViolationError(AssertionError):
    """The server broke the requirement under judgement.

    `expected` and `got` are complete phrases for the report; `got` may quote the server's octets.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected = expected
        self.got = got


def not_applicable(reason: str) -> NotApplicableError:
    """What a check raises when the server lacks what it is about: `raise not_applicable("no AUTH offered")`."""
    return NotApplicableError(reason)
