"""A reference server in a process of its own, which ends with the one that started it.

For whoever measures or judges the server and must not share an interpreter lock with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from reference_server.running import allow_many_descriptors, running_server
from reference_server.serving import cores_with

STOP_LIMIT_S = 10.0


@contextmanager
def server_process(
    *, services: Iterable[str], faults: Iterable[str] = (), variants: Iterable[str] = (), store: str = "memory"
) -> Iterator[dict[str, str]]:
    """Start a server with the default accounts on loopback ports that the kernel chooses; its URLs by service.

    `store` is as `opened_store` reads it.

    Raises:
        ValueError: a fault or variant is unknown, or they cannot be in one server.
        OSError: the process did not come up.
    """
    cores_with(faults, variants)
    # A session of its own: Ctrl-C is for the one who asked for the server, who may still want to ask it something.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "reference_server.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        wanted = {"services": list(services), "faults": list(faults), "variants": list(variants), "store": store}
        process.stdin.write(json.dumps(wanted).encode() + b"\n")
        process.stdin.flush()
        said = process.stdout.readline()
        if not said:
            raise OSError(f"the reference server's process ended with status {process.wait()}")
        urls: dict[str, str] = json.loads(said)
        yield urls
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """The process: read what is wanted, say the URLs, serve until standard input ends."""
    allow_many_descriptors()
    wanted = json.loads(sys.stdin.readline())
    cores = cores_with(wanted["faults"], wanted["variants"])
    with running_server(store=wanted["store"], protocols=wanted["services"], cores=cores) as server:
        sys.stdout.write(json.dumps(server.urls) + "\n")
        sys.stdout.flush()
        while sys.stdin.readline():
            pass


if __name__ == "__main__":
    main()
