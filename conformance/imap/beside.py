"""A second folder of the judge's own, for what needs two (COPY, SELECT of another)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.errors import InconclusiveError
from conformance.fixtures import Folder
from conformance.imap.session import quoted
from conformance.wire.errors import NoReplyError


@contextmanager
def folder_beside(folder: Folder) -> Iterator[str]:
    """The name of a new, empty folder that is gone afterwards.

    Raises:
        InconclusiveError: it cannot be made.
    """
    name = folder.name + "-beside"
    _delete(folder, name)
    with folder.log_in() as imap:
        answer = imap.command(b"CREATE " + quoted(name))
        if not answer.ok:
            raise InconclusiveError(f"no second folder could be made: {answer.tagged}")
    try:
        yield name
    finally:
        _delete(folder, name)


def _delete(folder: Folder, name: str) -> None:
    with contextlib.suppress(InconclusiveError, NoReplyError), folder.log_in() as imap:
        imap.command(b"DELETE " + quoted(name))
