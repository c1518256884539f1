"""The `slow-clients` scenario: clients that dawdle on purpose, beside normal ones that want to be served."""

from __future__ import annotations

import socket
import time
from typing import Any

import gevent  # type: ignore[import-untyped]

from loadtest.session import LoadError, kind_of
from loadtest.smtp_client import SmtpSession
from loadtest.submitting import TransmittingUser

NORMAL_ONE_IN = 10
OCTET_EVERY_S = 1.0
LONGEST_S = 3600.0
"""Whoever is borne for an hour has shown enough."""


class SlowOrNormalUser(TransmittingUser):
    """Nine of ten users dawdle; the tenth hands in a message for each connection, and is what is timed."""

    abstract = False
    role = "inbound"

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._turn_began = 0.0

    def on_start(self) -> None:
        """Slow ones dawdle for the whole run; no arrivals are for them."""
        # The first user is a normal one, however few there are.
        while self.number % NORMAL_ONE_IN:
            self._dawdle()
            gevent.sleep(self.wait_time())

    def turn(self, due: float) -> None:
        """Hand in a message."""
        self._turn_began = time.perf_counter()
        super().turn(due)

    def accepted(self, due: float, number: int, *, octets: int, submit_s: float, now: float) -> None:
        """The operation of a normal user ends; it began with its connection."""
        self.desk.books.latency("submit", submit_s)
        self.done(due, took_s=now - self._turn_began, octets=octets, messages=1)

    def _dawdle(self) -> None:
        """Of the slow ones a half sends a command octet by octet, the other falls silent within a text."""
        began = time.perf_counter()
        try:
            if self.number % 2:
                self._say_slowly(b"EHLO " + b"x" * 400 + b".example\r\n")
            else:
                self._fall_silent()
        except (LoadError, OSError) as error:
            what = kind_of(error) if isinstance(error, OSError) else error.what
            after_s = time.perf_counter() - began
            self.desk.books.remark(phase="slow client", kind=f"{what[:60]}, after {_about(after_s)}")
            self.had_trouble()

    def _say_slowly(self, command: bytes) -> None:
        with socket.socket(self._route.address.family, socket.SOCK_STREAM) as sock:
            sock.settimeout(self._route.patience.connect_s)
            sock.connect(self._route.address.sockaddr)
            sock.setblocking(True)  # noqa: FBT003 - socket's own signature
            listener = gevent.spawn(_listen, sock)
            try:
                for octet in command:
                    if listener.ready():
                        raise ConnectionResetError
                    sock.sendall(bytes((octet,)))
                    gevent.sleep(OCTET_EVERY_S)
            finally:
                listener.kill()

    def _fall_silent(self) -> None:
        session = SmtpSession.open(self._route, lambda phase, seconds: None)
        session.fall_silent(self._envelope, b"Subject: wait\r\n\r\nI shall be", within_s=LONGEST_S)


def _listen(sock: socket.socket) -> None:
    """Until the server closes."""
    try:
        while sock.recv(4096):
            pass
    except OSError:
        return


def _about(seconds: float) -> str:
    """The time in words, coarse enough to be counted: `1 to 10 s`."""
    edges = (1, 10, 30, 60, 120, 300, 600)
    lower = max((edge for edge in edges if edge <= seconds), default=0)
    upper = next((edge for edge in edges if edge > seconds), None)
    return f"{lower} to {upper} s" if upper else f"more than {lower} s"
