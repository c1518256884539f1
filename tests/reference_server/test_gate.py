"""Nothing is written to anybody while a change that it may tell of is not yet durable."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import pytest

from reference_server.gate import Gate, GatedTransport
from reference_server.running import Host, running_server
from reference_server.stores import Durable, StoreFailedError


class Ledger:
    """A durable store that notes what it is asked."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.pending = False
        self.fails = False

    def commit(self) -> None:
        self.pending = False
        if self.fails:
            raise StoreFailedError("broken")
        self.log.append("commit")

    def defer_commits(self) -> Callable[[], None]:
        self.log.append("deferred")
        return lambda: self.log.append("no longer deferred")

    def close(self) -> None:
        self.log.append("closed")


class Wire(asyncio.Transport):
    """A transport that notes what is done to it."""

    def __init__(self, log: list[str]) -> None:
        super().__init__({"peername": "peer"})
        self.log = log
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.log.append(bytes(data).decode())

    def write_eof(self) -> None:
        self.log.append("eof")

    def close(self) -> None:
        self.log.append("close")

    def abort(self) -> None:
        self.closing = True
        self.log.append("abort")

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 7

    def pause_reading(self) -> None:
        self.log.append("pause")

    def resume_reading(self) -> None:
        self.log.append("resume")


def play(scene: Callable[[Ledger, Gate, Callable[[], GatedTransport]], None]) -> tuple[list[str], list[str]]:
    """What was done within the turn of the scene, and what in all, once the loop went on and the gate was closed."""
    log: list[str] = []
    ledger = Ledger(log)
    errors: list[BaseException] = []

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
        gate = Gate(cast("Durable", ledger), loop)
        scene(ledger, gate, lambda: GatedTransport(Wire(log), gate))
        at_once = list(log)
        await asyncio.sleep(0)
        await gate.close()
        return at_once

    at_once = asyncio.run(run())
    log += [str(error) for error in errors]
    return at_once[1:], log[1:]


def test_what_is_written_while_nothing_is_pending_goes_out_at_once() -> None:
    def scene(ledger: Ledger, gate: Gate, peer: Callable[[], GatedTransport]) -> None:
        peer().write(b"a")

    assert play(scene) == (["a"], ["a", "commit", "no longer deferred"])


def test_everything_after_a_change_waits_for_the_commit_and_goes_out_in_order() -> None:
    def scene(ledger: Ledger, gate: Gate, peer: Callable[[], GatedTransport]) -> None:
        one, other = peer(), peer()
        one.write(b"before")
        ledger.pending = True
        one.write(b"a")
        other.write(b"b")
        ledger.pending = False  # somebody else committed: the order has to stay
        one.write(b"c")
        one.write_eof()
        one.close()

    at_once, all_in_all = play(scene)
    assert at_once == ["before"]
    assert all_in_all == ["before", "commit", "a", "b", "c", "eof", "close", "commit", "no longer deferred"]


def test_a_peer_that_is_gone_by_then_is_passed_over() -> None:
    def scene(ledger: Ledger, gate: Gate, peer: Callable[[], GatedTransport]) -> None:
        gone = peer()
        ledger.pending = True
        gone.write(b"a")
        gone.abort()
        assert gone.is_closing()

    assert play(scene)[1] == ["abort", "commit", "commit", "no longer deferred"]


def test_whoever_would_have_heard_of_a_change_that_could_not_be_kept_is_hung_up_on() -> None:
    def scene(ledger: Ledger, gate: Gate, peer: Callable[[], GatedTransport]) -> None:
        ledger.pending = ledger.fails = True
        peer().write(b"250 accepted")

        def heal() -> None:
            ledger.fails = False

        asyncio.get_running_loop().call_soon(heal)

    assert play(scene)[1] == ["abort", "commit", "no longer deferred", "broken"]


def test_a_gated_transport_is_otherwise_the_one_behind_it() -> None:
    def scene(ledger: Ledger, gate: Gate, peer: Callable[[], GatedTransport]) -> None:
        wire = peer()
        wire.pause_reading()
        wire.resume_reading()
        assert wire.get_write_buffer_size() == 7
        assert wire.get_extra_info("peername") == "peer"
        assert wire.get_extra_info("absent", 1) == 1

    assert play(scene)[0] == ["pause", "resume"]


def test_a_server_that_cannot_start_defers_no_commits(tmp_path: object) -> None:
    from reference_server.stores.sqlite import SqliteStore

    with socket.socket() as taken, Host() as host:
        taken.bind(("127.0.0.1", 0))
        store = SqliteStore(f"{tmp_path}/mail.sqlite")
        with pytest.raises(OSError, match="in use"):
            host.start(store=store, services=["smtp"], ports={"smtp": taken.getsockname()[1]})
        assert not store._database._deferring
        with running_server(store=store, protocols=["smtp"], on=host):
            assert len(store._database._deferring) == 1
        assert not store._database._deferring
        store.close()
