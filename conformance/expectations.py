"""Sets of acceptable outcomes as named verbs. Each raises ViolationError with what was expected and what came."""

from __future__ import annotations

from collections.abc import Collection

from conformance.errors import ViolationError
from conformance.wire.smtp import Reply


def expect(condition: object, expected: str, got: object) -> None:
    """The general form: `expect(size == 12, "12 octets", f"{size} octets")`."""
    if not condition:
        raise ViolationError(expected, str(got))


def expect_code(reply: Reply, codes: Collection[int], *, because: str) -> None:
    """The reply has one of these codes."""
    if reply.code not in codes:
        wanted = " or ".join(str(code) for code in sorted(codes))
        raise ViolationError(f"{wanted}: {because}", str(reply))


def expect_done(reply: Reply, *, because: str) -> None:
    """The command was done: 2yz."""
    if not reply.positive:
        raise ViolationError(f"a positive reply: {because}", str(reply))


def expect_refused(reply: Reply, *, because: str) -> None:
    """The command was refused, for now or for good: 4yz or 5yz."""
    if not (reply.transient or reply.permanent):
        raise ViolationError(f"a refusal: {because}", str(reply))


def expect_bad_sequence(reply: Reply, *, because: str) -> None:
    """Refused because of what came before: 503 is the code meant (RFC 5321 §4.1.4), any 5yz will do."""
    if not reply.permanent:
        raise ViolationError(f"503 (or another 5yz): {because}", str(reply))


def assert_same_octets(got: bytes, expected: bytes, *, what: str = "octets") -> None:
    """Both are the same octet for octet; the message shows where they part."""
    if got == expected:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected)))
    start = max(0, at - 24)
    raise ViolationError(
        f"{len(expected)} {what}, at {at}: {expected[start : at + 40]!r}",
        f"{len(got)} {what}, at {at}: {got[start : at + 40]!r}",
    )
