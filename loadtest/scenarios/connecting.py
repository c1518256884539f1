"""The `connections` scenario: storms of sessions that do nothing but come and go, in any of the protocols.

What limits the machine that makes them: a client takes one port for each connection, of which Linux has 28,232 for one
server's address and port (`net.ipv4.ip_local_port_range`), and a port rests for a minute after a connection that the
client was first to close (TIME-WAIT, RFC 9293 §3.6.1). That is 470 sessions a second for hours, unless the server
closes first, which most do after their farewell, or `net.ipv4.tcp_tw_reuse` lets ports be taken again after a second,
as Linux does on loopback. A connection for which there was no port is told of as `connect: EADDRNOTAVAIL`, one beyond
the open files that a process may have (`ulimit -Hn`) as `connect: EMFILE`: both are this machine's limits and not the
server's, and are told of as such (see `loadtest.machine`).
"""

from __future__ import annotations

import time
from typing import Any

from loadtest.clients.schemes import open_session, take_leave
from loadtest.clients.session import LoadError
from loadtest.users import MailUser


class ConnectingUser(MailUser):
    """Connects, is greeted, secures the session where asked, logs in where it has an account, and takes its leave.

    Every session is a new one in all respects: none resumes an earlier one's TLS.
    """

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._scheme = self.desk.endpoint("any").target.scheme
        self._route = self.desk.route("any", self.persona.account)

    def turn(self, due: float) -> None:
        """Open a session and end it."""
        books = self.desk.books
        books.attempt()
        session = None
        try:
            session = open_session(self._scheme, self._route, books.latency, judge=self.desk.judge)
            take_leave(session)
        except LoadError as error:
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - due)
        finally:
            if session is not None:
                session.close()
