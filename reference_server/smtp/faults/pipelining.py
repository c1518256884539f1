"""Servers that cannot do what PIPELINING promises (RFC 2920)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


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
