"""Writing a run's report to a folder; the only module of the reports that touches files of the user's."""

from __future__ import annotations

import os
from pathlib import Path

from reports.html import render_html
from reports.records import RunResult, encode_run
from reports.terminal import render_text

RUN_FILE = "run.json"
PAGE_FILE = "index.html"
TEXT_FILE = "report.txt"


def write_report(run: RunResult, folder: Path, *, strict: bool = False) -> Path:
    """Write `run.json`, `index.html` and `report.txt` into the folder, which is made if need be; gives the page.

    Each file is replaced as a whole: an interrupted write leaves the former one, never half a report.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / RUN_FILE, encode_run(run))
    _replace(folder / TEXT_FILE, render_text(run, strict=strict, run_file=RUN_FILE).encode())
    page = folder / PAGE_FILE
    _replace(page, render_html(run, strict=strict, run_file=RUN_FILE).encode())
    return page


def _replace(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
