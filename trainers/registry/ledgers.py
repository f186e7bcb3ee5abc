"""Keeps the ledger in a file: one entry on each line, with the hash of the line before.

A line counts once its line end is written. Bytes after the last line end come from a crash; they are never read, and the
next writer cuts them off. A line that was changed, inserted or removed before the last one breaks the chain of
hashes, and reading then ends with a StateError. Only one process may append at a time; the registry holds the lock.
"""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from schemas.artifacts import sha256
from schemas.errors import StateError
from trainers.registry.syncing import sync_file, sync_folder

_START = "0" * 64
EntryT = TypeVar("EntryT", bound=msgspec.Struct)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger entry as it is stored; ``previous`` is the hash of the line before, without its end."""

    previous: str
    entry: msgspec.Raw


class LedgerFile(Generic[EntryT]):
    """The file of a ledger, which may be missing before the first entry.

    Args:
        path: The file.
        kind: What its entries are.
    """

    def __init__(self, path: Path, kind: type[EntryT]) -> None:
        self.path = path
        self._kind = kind

    def whole_lines(self) -> bytes:
        """Returns the bytes of the file up to its last line end."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        return content[: content.rfind(b"\n") + 1]

    def entries(self) -> list[EntryT]:
        """Returns every entry, oldest first.

        Raises:
            StateError: If a line was changed, or a line before the last one was inserted or removed.
        """
        entries = []
        previous = _START
        for number, text in enumerate(self.whole_lines().splitlines(), start=1):
            try:
                line = msgspec.json.decode(text, type=_Line)
                entry = msgspec.json.decode(line.entry, type=self._kind)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                message = f"line {number} of {self.path} is not an entry ({error})"
                raise StateError(message) from error
            if line.previous != previous:
                message = (
                    f"line {number} of {self.path} does not follow the one before: the ledger was changed"
                )
                raise StateError(message)
            previous = sha256(text)
            entries.append(entry)
        return entries

    def append(self, entry: EntryT) -> None:
        """Appends an entry; when this returns, the line is on disk.

        Raises:
            StateError: If an earlier line was changed.
        """
        self.entries()
        content = self.whole_lines()
        previous = sha256(content.splitlines()[-1]) if content else _START
        line = (
            msgspec.json.encode(_Line(previous=previous, entry=msgspec.Raw(msgspec.json.encode(entry))))
            + b"\n"
        )
        with self.path.open("ab") as file:
            file.truncate(len(content))
            file.write(line)
            sync_file(file)
        sync_folder(self.path.parent)
