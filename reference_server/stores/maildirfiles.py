"""One message of a Maildir: where its file is, whatever other programs do to its name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from reference_server.stores import maildirnames as names


class Place:
    """The directory of a folder; it changes when the folder is renamed."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path


class MaildirFile:
    """Where a message lies now; shared by all its states.

    After its removal by a session of ours it stays below `tmp` until no session can ask for it any more.
    """

    __slots__ = ("base", "folder", "is_removed", "is_verbatim", "place")

    def __init__(self, folder: Place, base: str, place: str, *, is_verbatim: bool) -> None:
        self.folder = folder
        self.base = base
        self.place = place
        """Path below the folder's directory."""
        self.is_verbatim = is_verbatim
        self.is_removed = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder.path / self.place

    def octets(self) -> bytes:
        """The message. Nothing if another program has removed it (RFC 2180 §4.1.3 lets a server say so)."""
        for _ in range(3):
            try:
                octets = self.path.read_bytes()
            except FileNotFoundError:
                if not self.find():
                    break
            else:
                return octets if self.is_verbatim else names.to_wire(octets)
        return b""

    def find(self) -> bool:
        """Look where the file is now that another program has given it other flags; False if it is nowhere."""
        for directory in ("cur", "new"):
            with suppress(FileNotFoundError):
                for entry in (self.folder.path / directory).iterdir():
                    if names.base_of(entry.name) == self.base:
                        self.place = f"{directory}/{entry.name}"
                        return True
        return False

    def move(self, place: str) -> bool:
        """Give it another place in the folder; False if another program has removed it."""
        for _ in range(3):
            try:
                self.path.rename(self.folder.path / place)
            except FileNotFoundError:
                if not self.find():
                    return False
            else:
                self.place = place
                return True
        return False

    def __del__(self) -> None:
        if self.is_removed:
            with suppress(OSError):
                self.path.unlink()
