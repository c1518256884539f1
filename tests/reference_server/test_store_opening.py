"""A store is opened by its name, and closed at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_server.stores.maildir import MaildirStore
from reference_server.stores.memory import MemoryStore
from reference_server.stores.opening import opened_store
from reference_server.stores.sqlite import SqliteStore


def test_a_store_is_what_its_name_says(tmp_path: Path) -> None:
    with opened_store("memory", {"carol@example.test": "x"}) as store:
        assert type(store) is MemoryStore
        assert [account.name for account in store.accounts] == ["carol@example.test"]
    for _ in range(2):
        with opened_store(f"sqlite:{tmp_path}/a:b.sqlite") as store:
            assert type(store) is SqliteStore
    assert (tmp_path / "a:b.sqlite").exists()
    with opened_store(f"maildir:{tmp_path}/mail") as store:
        assert type(store) is MaildirStore


@pytest.mark.parametrize("name", ["", "sqlite", "sqlite:", "maildir:", "memory:x", "postgres:x", "SQLITE:x"])
def test_any_other_name_is_an_error_that_says_what_there_is(name: str) -> None:
    with pytest.raises(ValueError, match="sqlite:PATH"), opened_store(name):
        pass
