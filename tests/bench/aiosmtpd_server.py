"""aiosmtpd as a peer: one process, one event loop, messages kept in a list; says its port and serves until ended."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any


class Keeping:
    """A handler that keeps what comes."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append(envelope.content)
        return "250 OK"


async def main() -> None:
    smtp = importlib.import_module("aiosmtpd.smtp")
    handler = Keeping()
    server = await asyncio.get_running_loop().create_server(
        lambda: smtp.SMTP(handler, hostname="mail.example.test"), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
