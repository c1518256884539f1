"""Which store a word such as `sqlite:mail.sqlite` names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from reference_server.accounts import DEFAULT_USERS, Directory
from reference_server.stores.maildir import MaildirStore
from reference_server.stores.memory import MemoryStore
from reference_server.stores.sqlite import SqliteStore

FORMS = "memory, sqlite:PATH, maildir:PATH"


@contextmanager
def opened_store(name: str, users: Mapping[str, str] | Directory = DEFAULT_USERS) -> Iterator[MemoryStore]:
    """The store of that name for the length of a `with` block; what has a path is made there if it is not there yet.

    Raises:
        ValueError: there is no such kind of store, or what lies there is none of ours; see `Directory.add` for users.
        OSError: it cannot be opened, or another process has it open.
    """
    kind, _, path = name.partition(":")
    if name == "memory":
        yield MemoryStore(users)
    elif kind == "sqlite" and path:
        with closing(SqliteStore(Path(path), users)) as store:
            yield store
    elif kind == "maildir" and path:
        with closing(MaildirStore(Path(path), users)) as maildirs:
            yield maildirs
    else:
        raise ValueError(f"there is no store {name}; there are {FORMS}")
