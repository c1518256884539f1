"""What of a store made of files has yet to reach the disk: one flush of each for all changes of a turn."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reference_server.stores import MailboxError, OverQuotaError, StoreFailedError
from reference_server.stores.committing import Committing


class Flushing(Committing):
    """Files and directories that are to be flushed. Safe to use from several threads."""

    def __init__(self) -> None:
        super().__init__()
        self._paths: dict[Path, None] = {}
        self._failure: OSError | None = None

    @property
    def pending(self) -> bool:
        """Whether there are changes that `commit` would make durable."""
        return bool(self._paths)

    def note(self, *paths: Path) -> None:
        """These have changed, and a commit is to flush them."""
        with self._guard:
            self._paths.update(dict.fromkeys(paths))

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change files; flushed at the end unless that is deferred in this thread, or inside another such block.

        Raises:
            OverQuotaError: the disk is full.
            MailboxError: a name is too long for the file system.
            StoreFailedError: anything else that the file system does not do; or it has failed to flush before.
        """
        with self._guard:
            if self._failure is not None:
                raise StoreFailedError("the store has failed") from self._failure
            with self._one_change():
                try:
                    yield
                except OSError as error:
                    raise refusal(error) from error

    def commit(self) -> None:
        """Make all changes durable.

        Raises:
            StoreFailedError: the disk refuses.
        """
        with self._guard:
            paths, self._paths = self._paths, {}
            for path in paths:
                # A folder that was removed meanwhile needs no flush.
                with suppress(FileNotFoundError):
                    try:
                        _flush(path)
                    except FileNotFoundError:
                        raise
                    except OSError as error:
                        self._failure = error
                        raise StoreFailedError(f"the store has failed: {error}") from error


def refusal(error: OSError) -> MailboxError:
    """What a session is to hear of a file system that does not do what it should."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OverQuotaError("the disk is full")
    if error.errno == errno.ENAMETOOLONG:
        return MailboxError("the mailbox name is too long")
    return StoreFailedError(f"the file system refuses: {error.strerror}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
