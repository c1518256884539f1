"""`dovecot-uidlist` and `dovecot-keywords`: which UID a message file has, and which keyword a letter means.

Both are the files that Dovecot keeps in each folder of a Maildir, written so that it can go on with them and read as it
writes them (version 3 of the UID list; version 1 is read too). They are changed under Dovecot's own locks alone.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from reference_server.stores import StoreFailedError
from reference_server.stores.maildirnames import base_of

LOCK_PATIENCE_S = 2.0
"""How long another program may hold a lock before we give up; Dovecot holds them for milliseconds."""

STALE_AFTER_S = 120.0
"""Age from which on a lock of unknown origin is taken to be left over, as Dovecot does."""

# uidlist = "3" *(SP letter value) LF *(uid *(SP letter value) SP ":" file-name LF)
_HEADER = re.compile(r"3((?: [A-Z]\S*)+)")
_OLD_HEADER = re.compile(r"1 (\d+) (\d+)")
_RECORD = re.compile(r"(\d+)(?: [^:\s]\S*)* :(\S+)|(\d+) (\S+)")
_KEYWORD = re.compile(r"(\d{1,2}) (\S+)")

Signature = tuple[int, int, int]

_held: set[Path] = set()


class UidList:
    """The UID list of one folder, as it was when last read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """The folder's directory; it changes when the folder is renamed."""
        self.uid_validity = 0
        self.uid_next = 1
        self.guid = ""
        self.uids: dict[str, int] = {}
        """UID by base name; of files that are no more as well, until the list is written anew."""
        self._signature: Signature | None = None
        self._locks = 0

    @property
    def _file(self) -> Path:
        return self.path / "dovecot-uidlist"

    def refresh(self) -> bool:
        """Read the list if it is not as it was; whether there is one with a proper head."""
        try:
            signature = _signature_of(self._file.stat())
            if signature == self._signature:
                return True
            lines = self._file.read_text("utf-8", "surrogateescape").split("\n")
        except FileNotFoundError:
            return False
        if not self._read_header(lines[0]):
            return False
        self._signature = signature
        self.uids = {}
        # What follows the last line end was being written when somebody was stopped.
        for line in lines[1:-1]:
            if found := _RECORD.fullmatch(line):
                uid = int(found[1] or found[3])
                self.uids[base_of(found[2] or found[4])] = uid
                self.uid_next = max(self.uid_next, uid + 1)
        return True

    def _read_header(self, line: str) -> bool:
        if old := _OLD_HEADER.fullmatch(line):
            self.uid_validity, self.uid_next = int(old[1]), int(old[2])
            return True
        if not (found := _HEADER.fullmatch(line)):
            return False
        fields = {field[0]: field[1:] for field in found[1].split()}
        validity, uid_next = fields.get("V", ""), fields.get("N", "")
        if not (validity.isdecimal() and uid_next.isdecimal()):
            return False
        self.uid_validity, self.uid_next = int(validity), int(uid_next)
        self.guid = fields.get("G", self.guid)
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which anybody gives out UIDs; again and again in one thread.

        Raises:
            StoreFailedError: somebody else does not let go of it.
        """
        with nullcontext() if self._locks else dotlock(self.path / "dovecot-uidlist.lock"):
            self._locks += 1
            try:
                yield
            finally:
                self._locks -= 1

    def add(self, uids: Mapping[str, int]) -> None:
        """Give files UIDs, ascending and none less than `uid_next`. Only under the lock, after `refresh`."""
        lines = "".join(f"{uid} :{base}\n" for base, uid in uids.items())
        with self._file.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            # A line that somebody was stopped in must not become the beginning of ours.
            file.seek(max(end - 1, 0))
            unfinished = b"" if file.read() == b"\n" else b"\n"
            file.seek(end)
            file.write(unfinished + lines.encode("utf-8", "surrogateescape"))
            file.flush()
            self._signature = _signature_of(os.fstat(file.fileno()))
        self.uids.update(uids)
        self.uid_next = max(self.uid_next, *(uid + 1 for uid in uids.values()))

    def write(self) -> None:
        """Write the list anew. Only under the lock."""
        head = f"3 V{self.uid_validity} N{self.uid_next} G{self.guid}\n"
        ordered = sorted(self.uids.items(), key=lambda item: item[1])
        text = head + "".join(f"{uid} :{base}\n" for base, uid in ordered)
        replace_file(self._file, text.encode("utf-8", "surrogateescape"))
        self._signature = _signature_of(self._file.stat())


class Keywords:
    """The keywords of one folder, as they were when last read: at most 26 of them have a letter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_number: dict[int, str] = {}
        self.numbers: dict[str, int] = {}
        self._signature: Signature | None = None

    @property
    def _file(self) -> Path:
        return self.path / "dovecot-keywords"

    def refresh(self) -> None:
        """Read the file if it is not as it was."""
        try:
            signature = _signature_of(self._file.stat())
            if signature == self._signature:
                return
            lines = self._file.read_text("utf-8", "surrogateescape").splitlines()
        except FileNotFoundError:
            return
        self._signature = signature
        self.by_number = {int(found[1]): found[2] for line in lines if (found := _KEYWORD.fullmatch(line))}
        self.numbers = {keyword: number for number, keyword in self.by_number.items()}

    def require(self, keywords: Sequence[str], limit: int) -> None:
        """See that these have numbers, as far as there are any below the limit."""
        if all(keyword in self.numbers for keyword in keywords):
            return
        # The lock's file becomes the list, as Dovecot does it.
        with dotlock(self.path / "dovecot-keywords.lock"):
            self.refresh()
            for keyword in keywords:
                free = next((number for number in range(limit) if number not in self.by_number), None)
                if keyword not in self.numbers and free is not None:
                    self.by_number[free] = keyword
                    self.numbers[keyword] = free
            text = "".join(f"{number} {keyword}\n" for number, keyword in sorted(self.by_number.items()))
            replace_file(self._file, text.encode("utf-8", "surrogateescape"))
            self._signature = _signature_of(self._file.stat())


@contextmanager
def dotlock(path: Path) -> Iterator[None]:
    """Hold a lock that is a file with the holder's process number and host in it.

    A lock whose holder is gone is taken over.

    Raises:
        StoreFailedError: its holder keeps it.
        OSError: it cannot be made.
    """
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while not _taken(path):
        if _is_stale(path):
            with suppress(FileNotFoundError):
                path.unlink()
        elif time.monotonic() > give_up_at:
            raise StoreFailedError("another program keeps the folder locked")
        else:
            time.sleep(0.002)
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        with suppress(FileNotFoundError):
            path.unlink()


def _taken(path: Path) -> bool:
    # A link is made with all that is in the file, or not at all: nobody ever finds a lock without its owner.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_bytes(f"{os.getpid()}:{socket.gethostname()}".encode())
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def replace_file(path: Path, octets: bytes) -> None:
    """Put a file in place of another in one step, on the disk before it is seen."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fdatasync(file.fileno())
    draft.replace(path)


def _is_stale(path: Path) -> bool:
    try:
        age_s = time.time() - path.stat().st_mtime
        pid, _, host = path.read_text("ascii", "replace").strip().partition(":")
    except FileNotFoundError:
        return False
    if host != socket.gethostname() or not pid.isdecimal():
        return age_s > STALE_AFTER_S
    if int(pid) == os.getpid():
        # Left by an earlier process that had our number, unless we do hold it.
        return path not in _held
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _signature_of(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns
