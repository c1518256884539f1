"""Waking a greenlet on time: gevent's own timers are good to a millisecond, which a fast server's latency is less than.

libev waits in whole milliseconds (epoll_wait). A timerfd (Linux, timerfd_create(2)) makes the kernel itself say when
the time has come, to some tens of microseconds; where there is none, gevent's timers have to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent  # type: ignore[import-untyped]

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_READ = 1
_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_NS = 1_000_000_000


class _TimeSpec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("it_interval", _TimeSpec), ("it_value", _TimeSpec))


class Alarm:
    """Wakes one greenlet at times on `time.perf_counter`'s clock, which is CLOCK_MONOTONIC where there is a timerfd."""

    def __init__(self, *, precise: bool = True) -> None:
        """Args: precise: use a timerfd where there is one."""
        self._fd: int | None = None
        if not (precise and sys.platform == "linux"):
            return
        libc = ctypes.CDLL(None, use_errno=True)
        # os.timerfd_create does the same from Python 3.13 on.
        fd = libc.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if fd < 0:
            return
        self._fd = fd
        self._settime: Callable[..., int] = libc.timerfd_settime
        self._watcher: Any = gevent.get_hub().loop.io(fd, _READ)

    def wait_until(self, at: float) -> None:
        """Let others run until then; if it is past, for one round of the event loop."""
        if self._fd is None:
            gevent.sleep(max(at - time.perf_counter(), 0.0))
            return
        # A time of 0 would disarm it.
        at_ns = max(int(at * _NS), 1)
        spec = _TimerSpec(_TimeSpec(0, 0), _TimeSpec(at_ns // _NS, at_ns % _NS))
        if self._settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        gevent.get_hub().wait(self._watcher)
        # Nothing to be read is no matter: the time is looked at again by whoever waited.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)

    def close(self) -> None:
        """Give the timer back; nobody may be waiting."""
        if self._fd is not None:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = None
