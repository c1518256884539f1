"""IDLE: RFC 2177."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.checks import must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.answers import expect_ok, need, set_up, uids
from conformance.imap.numbering import Numbering
from conformance.imap.session import Answer, ImapSession
from conformance.imap.strategies_messages import plain
from conformance.wire.errors import SilenceError
from conformance.wire.imap import Response

POLL_S = 0.02


@contextmanager
def _idling(imap: ImapSession) -> Iterator[bytes]:
    """IDLE with its continuation request read; the tag. The caller ends it by DONE.

    Raises:
        ViolationError: the command is completed instead.
    """
    tag = imap.next_tag()
    imap.send(tag + b" IDLE\r\n")
    answer = imap.read_continuation(tag)
    if isinstance(answer, Answer):
        raise ViolationError("a continuation request in answer to IDLE", str(answer))
    yield tag


def _done(imap: ImapSession, tag: bytes) -> Answer:
    imap.send(b"DONE\r\n")
    return expect_ok(imap.read_answer(tag), "IDLE, ended by DONE")


@must("rfc2177/3/5", "rfc2177/3/2")
def check_is_answered_by_a_continuation_request(folder: Folder) -> None:
    """IDLE is answered by `+`, with a mailbox selected and without.

    The client may not send DONE before it: without the `+` it waits for ever.
    """
    with folder.log_in() as imap:
        need(imap, "IDLE")
        with _idling(imap) as tag:
            _done(imap, tag)
        imap.select(folder.name)
        with _idling(imap) as tag:
            _done(imap, tag)


@must("rfc2177/3/7", "rfc2177/3/8", "rfc2177/4/2")
def check_ends_with_done(folder: Folder) -> None:
    """DONE, in either case, completes IDLE with its tag, and the session goes on as before."""
    with folder.opened([plain()]) as imap:
        need(imap, "IDLE")
        for word in (b"DONE", b"done", b"DONE"):
            with _idling(imap) as tag:
                imap.send(word + b"\r\n")
                expect_ok(imap.read_answer(tag), f"IDLE, ended by {word.decode()}")
        found = uids(imap)
        expect(len(found) == 1, "one message still", found)


@must("rfc2177/4/1")
def check_is_refused_before_log_in(dial: Dial, folder: Folder) -> None:
    """IDLE belongs to the states after log-in: before it is refused."""
    with folder.log_in() as imap:
        need(imap, "IDLE")
    with dial() as imap:
        if imap.greeting is not None and imap.greeting.name == b"PREAUTH":
            return
        tag = imap.next_tag()
        imap.send(tag + b" IDLE\r\n")
        answer = imap.read_continuation(tag)
        if not isinstance(answer, Answer):
            imap.abandon()
            raise ViolationError("a refusal: nobody is logged in", str(answer))
        expect(not answer.ok, "a refusal: nobody is logged in", answer)


def _hear_within(imap: ImapSession, numbering: Numbering, wanted: int, within_s: float) -> None:
    """Take in what is said without being asked until there are as many messages, or until the time is over."""
    deadline = time.monotonic() + within_s
    while len(numbering.uids) != wanted and (left_s := deadline - time.monotonic()) > 0:
        try:
            response: Response = imap.read_response(within_s=left_s)
        except SilenceError:
            return
        numbering.hear([response])


def _expect_news(imap: ImapSession, folder: Folder, numbering: Numbering, change: str, wanted: int) -> None:
    """Let another session change the folder while this one idles, and hear of it at the latest by the NOOP after it.

    Raises:
        ViolationError: it is not told.
    """
    with _idling(imap) as tag:
        with folder.opened_again() as other:
            if change == "APPEND":
                other.append(folder.name, plain())
            else:
                set_up(other, "STORE 2 +FLAGS.SILENT (\\Deleted)")
                set_up(other, "EXPUNGE")
        # When it is told is the server's choice: while IDLE runs, with its completion, or with a later command (§3).
        _hear_within(imap, numbering, wanted, min(2.0, imap.connection.patience.reply_s))
        numbering.hear(_done(imap, tag).untagged)
    deadline = time.monotonic() + imap.connection.patience.reply_s
    while len(numbering.uids) != wanted and time.monotonic() < deadline:
        numbering.hear(expect_ok(imap.command("NOOP"), "NOOP").untagged)
        time.sleep(POLL_S)
    expect(len(numbering.uids) == wanted, f"{wanted} messages after {change} in another session", len(numbering.uids))
    known, now = list(numbering.uids), uids(imap)
    told = [uid if uid is not None else real for uid, real in zip(known, now, strict=False)]
    expect(told == now, f"the UIDs {told}, by the numbers told", now)


@must("rfc2177/3/6")
def check_loses_no_news_while_it_runs(folder: Folder) -> None:
    """What other sessions add and remove while IDLE runs is told, in numbers that are right.

    A client in IDLE asks for nothing: what is not told then, or when IDLE ends, stays unknown for as long as it idles.
    """
    with folder.opened([plain()] * 3) as imap:
        need(imap, "IDLE")
        numbering = Numbering(uids(imap))
        _expect_news(imap, folder, numbering, "APPEND", 4)
        _expect_news(imap, folder, numbering, "EXPUNGE", 3)
        _expect_news(imap, folder, numbering, "APPEND", 4)
