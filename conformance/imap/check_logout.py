"""LOGOUT: RFC 3501 §3.4, §6.1.3, §7.1.5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.checks import must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_done
from conformance.imap.session import ImapSession
from conformance.wire.errors import ClosedError, SilenceError


@contextmanager
def _each_state(dial: Dial, folder: Folder) -> Iterator[list[tuple[str, ImapSession]]]:
    """One session in each state, in words."""
    with dial() as fresh, dial() as logged_in, dial() as selected:
        logged_in.log_in()
        selected.log_in()
        selected.select(folder.name)
        yield [("before log-in", fresh), ("after log-in", logged_in), ("with a mailbox selected", selected)]
        for session in (fresh, logged_in, selected):
            session.drop()


@must("rfc3501/6.1.3/1", "rfc3501/6.1.3/2", "rfc3501/3.4/1")
def check_says_bye_and_then_ok_in_every_state(dial: Dial, folder: Folder) -> None:
    """LOGOUT brings an untagged BYE, and after it the tagged OK, in every state."""
    with _each_state(dial, folder) as sessions:
        for when, imap in sessions:
            answer = imap.command("LOGOUT")
            expect(answer.named("BYE"), f"an untagged BYE before LOGOUT is completed {when}", answer)
            expect_done(answer, because=f"LOGOUT works {when}")


@must("rfc3501/7.1.5/4", "rfc3501/6.1.3/2", "rfc3501/3.4/1")
def check_closes_the_connection_after_logout(dial: Dial, folder: Folder) -> None:
    """Once LOGOUT is completed the server closes the connection and says no more."""
    with _each_state(dial, folder) as sessions:
        for when, imap in sessions:
            imap.command("LOGOUT")
            try:
                response = imap.read_response()
            except ClosedError:
                continue
            except SilenceError as error:
                raise ViolationError(f"the connection closed after LOGOUT {when}", error.what) from error
            raise ViolationError(f"nothing after LOGOUT is completed {when}", str(response))
