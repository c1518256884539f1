"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# No test depends on speed; a busy machine must not turn a slow example into a failure.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Have SIGINT mean something in the programs that tests start, even where these tests run in the background.

    A shell starts background jobs with SIGINT ignored, and that is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
