"""Exim with Dovecot as one mail system, for the tests and, by `python -m tests.interop.exim`, by hand.

Started by hand it prints one URL a line, then keeps running until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.private_server import MailSystem, ServerUnavailableError, running_server

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

RECIPE = Path(__file__).with_suffix(".sh")
SERVICES = ("smtp", "smtps", "submission", "pop3", "pop3s", "imap", "imaps")
ACCOUNTS = {"alice@example.test": "secret", "bob@example.test": "secret"}


def running_exim() -> AbstractContextManager[MailSystem]:
    """Exim and Dovecot on ports of their own for the length of a `with` block; see `running_server`."""
    return running_server(RECIPE, services=SERVICES, accounts=ACCOUNTS)


def main() -> int:
    """Run until told to stop. Exit status 3 where the server cannot be had."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the block below just as Ctrl-C does
    try:
        with running_exim() as server:
            sys.stdout.write("".join(f"{url}\n" for url in server.urls.values()))
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        pass
    except ServerUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
