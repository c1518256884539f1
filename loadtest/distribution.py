"""Load from several processes, on one machine or many: locust's master and workers, our plan and findings.

The master gives every worker the whole plan and its part in it, starts and stops them by locust's own messages, and
adds up what they found: the outcome is what one process would have found that did it all.
"""

from __future__ import annotations

# isort: off
# First, because it patches what the others import.
from loadtest.generators import Generator, GeneratorError, Glimpse, LocalGenerator, environment_for, glimpse_of
# isort: on

import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from typing import Any

import gevent  # type: ignore[import-untyped]
import msgspec
from gevent.event import Event  # type: ignore[import-untyped]

from loadtest.desk import Desk, Findings, Opening, Part
from loadtest.generators import DRAIN_S, OPEN_LEAD_S, load_user_class
from loadtest.plan import LoadPlan, decode_plan
from loadtest.users import user_class_for

ASSEMBLE_S = 30.0
"""How long workers may take to come."""

GATHER_S = 60.0
"""How long the master waits for its workers' findings, which may hold a million messages; `HURRY_S` if interrupted."""

HURRY_S = 1.0

LEAVE_S = 0.3
"""How long workers may take to leave once they are told to."""

LEAD_S = 0.05
"""The start is set so far into the future that every worker has heard of it."""

KEY_VARIABLE = "MAILSPEC_LOAD_KEY"
"""A secret that master and workers share: the plan has passwords in it, and is given to nobody else."""

TIED_VARIABLE = "MAILSPEC_LOAD_TIED"
"""Set for workers that the master itself started: they end when their standard input does, whatever became of it."""


class Master:
    """Tells workers what to do. It makes no load itself."""

    def __init__(self, plan: LoadPlan, *, host: str = "127.0.0.1", port: int = 0, own_workers: bool = True) -> None:
        """Listen for workers; with `own_workers` start as many as the plan's `processes` on this machine.

        Raises:
            GeneratorError: the port is taken.
        """
        self._plan = plan
        self._began = 0.0
        self._key = os.environ.get(KEY_VARIABLE) or (os.urandom(16).hex() if own_workers else "")
        self._children: list[subprocess.Popen[bytes]] = []
        self._parts: dict[str, Part] = {}
        self._ready: set[str] = set()
        self._glimpses: dict[str, Glimpse] = {}
        self._gathered: dict[str, dict[str, Any]] = {}
        self._changed = Event()
        self.environment = environment_for(plan)
        # A master hands out users by the name of their class, and never makes one.
        self.environment.user_classes = [load_user_class(plan, self.environment)]
        try:
            self._runner = self.environment.create_master_runner(host, port)
        except SystemExit as error:
            raise GeneratorError(f"{host}:{port} is taken") from error
        self.port: int = self._runner.server.port
        self._runner.register_message("mailspec hello", self._on_hello)
        self._runner.register_message("mailspec ready", self._on_ready)
        self._runner.register_message("mailspec glimpse", self._on_glimpse)
        self._runner.register_message("mailspec findings", self._on_findings)
        if own_workers:
            self._start_workers(host)

    def _start_workers(self, host: str) -> None:
        environ = {**os.environ, KEY_VARIABLE: self._key, TIED_VARIABLE: "1"}
        command = [sys.executable, "-m", "mailspec", "load", "--worker", "--master-host", host]
        command += ["--master-port", str(self.port)]
        for _ in range(self._plan.processes):
            # A session of its own: Ctrl-C is for the master, which ends its workers in order.
            self._children.append(
                subprocess.Popen(  # noqa: S603 - our own command
                    command, env=environ, stdin=subprocess.PIPE, start_new_session=True
                )
            )

    # -- what a run asks of it ---------------------------------------------------------------------------------------

    def start(self, opening: Opening) -> float:
        """Wait for all workers, give them the plan, and begin.

        Raises:
            GeneratorError: they do not come, or one of them has gone.
        """
        wanted = self._plan.processes
        self._until(lambda: len(self._parts) >= wanted, ASSEMBLE_S, f"fewer than {wanted} workers came")
        began_at_s = time.time() + (OPEN_LEAD_S if self._plan.arrivals else LEAD_S)
        for client_id, part in self._parts.items():
            data = {
                "plan": self._plan.encode().decode(),
                "opening": msgspec.json.encode(replace(opening, began_at_s=began_at_s)).decode(),
                "part": [part.index, part.of],
            }
            self._runner.send_message("mailspec plan", data, client_id)
        self._until(lambda: len(self._ready) >= wanted, ASSEMBLE_S, "a worker did not take its part")
        self._began = time.perf_counter() + (began_at_s - time.time())
        self._runner.start(self._plan.users, self._plan.spawn_rate_per_s)
        return self._began

    def glimpse(self) -> Glimpse:
        """How far they are, as of the last word of each. The percentile is that of the slowest."""
        told = list(self._glimpses.values())
        return Glimpse(
            elapsed_s=time.perf_counter() - self._began - self._plan.warm_up_s,
            users=sum(glimpse.users for glimpse in told),
            done=sum(glimpse.done for glimpse in told),
            refused=sum(glimpse.refused for glimpse in told),
            failed=sum(glimpse.failed for glimpse in told),
            p99_us=max((glimpse.p99_us for glimpse in told), default=0),
        )

    def stop(self, *, hurry: bool) -> Findings:
        """End all workers, and add up what they found.

        Raises:
            GeneratorError: one of them is gone, and its books with it.
        """
        self._runner.send_message("mailspec end", {})
        wait_s = DRAIN_S + (HURRY_S if hurry else GATHER_S)
        deadline = time.perf_counter() + wait_s
        while time.perf_counter() < deadline:
            # One that has died with an error will say nothing more; whoever else there is has the time it needs.
            dead = sum(1 for child in self._children if child.poll())
            if len(self._gathered) >= len(self._parts) - dead:
                break
            self._changed.clear()
            self._changed.wait(0.2)
        if missing := len(self._parts) - len(self._gathered):
            raise GeneratorError(f"{missing} of {len(self._parts)} workers are gone, and their books with them")
        findings = Findings.blank(self._plan, began=self._began, part=Part())
        for client_id in sorted(self._gathered, key=lambda client_id: self._parts[client_id].index):
            findings.merge(self._gathered[client_id])
        return findings

    def close(self) -> None:
        """End the workers that this started, and locust's runner."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
        self._runner.send_message("quit", None)
        # Their users have gone and their findings are here: there is nothing that they could still do.
        with gevent.Timeout(LEAVE_S, exception=False):
            for child in self._children:
                child.wait()
        for child in self._children:
            if child.poll() is None:
                child.kill()
                child.wait()
        self._runner.greenlet.kill(block=True)

    def _until(self, met: Any, wait_s: float, else_say: str) -> None:
        deadline = time.perf_counter() + wait_s
        while not met():
            gone = [child for child in self._children if child.poll() is not None]
            if gone or time.perf_counter() > deadline:
                raise GeneratorError(f"a worker ended with status {gone[0].returncode}" if gone else else_say)
            self._changed.clear()
            self._changed.wait(0.1)

    # -- what workers say --------------------------------------------------------------------------------------------

    def _on_hello(self, msg: Any, **_: Any) -> None:
        if msg.data["key"] == self._key and msg.node_id not in self._parts and len(self._parts) < self._plan.processes:
            self._parts[msg.node_id] = Part(index=len(self._parts), of=self._plan.processes)
            self._changed.set()

    def _on_ready(self, msg: Any, **_: Any) -> None:
        if msg.node_id in self._parts:
            self._ready.add(msg.node_id)
            self._changed.set()

    def _on_glimpse(self, msg: Any, **_: Any) -> None:
        if msg.node_id in self._parts:
            self._glimpses[msg.node_id] = Glimpse(**msg.data)

    def _on_findings(self, msg: Any, **_: Any) -> None:
        if msg.node_id in self._parts:
            self._gathered[msg.node_id] = msg.data
            self._changed.set()


def generator_for(plan: LoadPlan) -> Generator:
    """The generator that a plan asks for."""
    return LocalGenerator(plan) if plan.processes == 1 else Master(plan)


def work(*, host: str, port: int) -> None:
    """Be a worker until the master says that it is over, or is gone.

    Raises:
        GeneratorError: there is no master.
    """
    _Worker(host, port).wait()


class _Worker:
    def __init__(self, host: str, port: int) -> None:
        self._desk: Desk | None = None
        self._over = Event()
        self.environment = environment_for(None)
        try:
            self._runner = self.environment.create_worker_runner(host, port)
        except ConnectionError as error:
            raise GeneratorError(f"no master at {host}:{port}") from error
        self._runner.register_message("mailspec plan", self._on_plan)
        self._runner.register_message("mailspec end", self._on_end, concurrent=True)
        self.environment.events.quit.add_listener(lambda **_: self._over.set())  # type: ignore[no-untyped-call]
        self._runner.send_message("mailspec hello", {"key": os.environ.get(KEY_VARIABLE, "")})

    def wait(self) -> None:
        if os.environ.get(TIED_VARIABLE):
            gevent.spawn(self._end_with_standard_input)
        while not self._over.wait(0.5):
            if self._runner.greenlet.greenlets:
                self._tell()
            else:
                self._over.set()  # locust's runner has quit: the master said so, or has not been heard of for long

    def _on_plan(self, msg: Any, **_: Any) -> None:
        plan = decode_plan(msg.data["plan"].encode())
        opening = msgspec.json.decode(msg.data["opening"].encode(), type=Opening)
        index, of = msg.data["part"]
        self._desk = Desk(plan, opening, Part(index=index, of=of))
        self.environment.user_classes = [user_class_for(load_user_class(plan, self.environment), self._desk)]
        self._desk.books.timeline.users = lambda: self._runner.user_count
        self._desk.start()
        self._runner.send_message("mailspec ready", {})

    def _on_end(self, **_: Any) -> None:
        if self._desk is None:
            return
        self._desk.stop()
        self._runner.stop()
        findings = self._desk.close(f"worker {self._desk.part.index + 1}")
        self._runner.send_message("mailspec findings", findings.encode(now=time.perf_counter()))

    def _tell(self) -> None:
        if self._desk is not None:
            glimpse = glimpse_of(self._desk, self._runner.user_count)
            self._runner.send_message("mailspec glimpse", asdict(glimpse))

    def _end_with_standard_input(self) -> None:
        watcher = gevent.get_hub().loop.io(0, 1)
        try:
            while True:
                gevent.get_hub().wait(watcher)
                if not os.read(0, 4096):
                    self._over.set()
                    return
        finally:
            watcher.close()
