"""`mailspec load` as a process of its own, for tests that run it as a person does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.load import LoadResult, decode_load

ROOT = Path(__file__).parents[2]
LONGEST_S = 180


@contextmanager
def started(*arguments: str, files: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """`mailspec load` with these arguments; gone afterwards whatever happens. `files` is how many it may have open."""
    command = [sys.executable, "-m", "mailspec", "load", *arguments]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *command]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finished(*arguments: str, files: int | None = None) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    with started(*arguments, files=files) as process:
        out, err = process.communicate(timeout=LONGEST_S)
        return process.returncode, out, err


def read(path: Path) -> LoadResult:
    """The result that `--json` wrote."""
    return decode_load(path.read_bytes())


def as_user(url: str, name: str, password: str = "secret") -> str:
    """The URL with an account in it."""
    return url.replace("://", f"://{name.replace('@', '%40')}:{password}@")
