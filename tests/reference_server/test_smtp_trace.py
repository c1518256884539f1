"""The fields that a delivering server adds, by themselves; what a session makes of them is in `test_smtp_text`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from reference_server.smtp import trace

HALF_PAST_FIVE_EAST = timezone(timedelta(hours=5, minutes=30))


def received_at(date: datetime) -> bytes:
    return trace.received(
        client="client.example",
        peer="127.0.0.1",
        hostname="mail.example.test",
        protocol="ESMTP",
        token="t1",
        recipient=None,
        date=date,
    )


@pytest.mark.parametrize(
    ("zone", "written"),
    [(UTC, b"+0000"), (HALF_PAST_FIVE_EAST, b"+0530"), (None, b"-0000")],
)
def test_the_date_of_received_is_the_local_time_of_its_zone(zone: tzinfo | None, written: bytes) -> None:
    last_moment_of_a_second = datetime(2026, 2, 3, 12, 0, 59, 999_999, tzinfo=zone)
    assert received_at(last_moment_of_a_second).endswith(b";\r\n\tTue, 03 Feb 2026 12:00:59 " + written + b"\r\n")


def test_one_moment_is_written_in_each_zone_as_it_is_there() -> None:
    moment = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
    assert received_at(moment).endswith(b"12:00:00 +0000\r\n")
    assert received_at(moment.astimezone(HALF_PAST_FIVE_EAST)).endswith(b"17:30:00 +0530\r\n")
