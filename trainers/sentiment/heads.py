"""Versions of scorers: kept by their content, promoted and rolled back by lines of a ledger.

::

    versions/NAME-HASH/    an exported scorer, as `train` or `export` wrote it
    ledger.jsonl           one promotion on each line, with the hash of the line before
    current/NAME           a link to the version that serves

The agent is pointed at ``current/NAME`` (``DRIFTLINE_SCORER_NAME``), and serves the promoted version from its next start on.
The version is in every score, so it is always known which one a score is from. The ledger is the truth: the link is made
anew from it by the next promotion if a crash came between the two.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.errors import ConfigurationError, NotReadyError, StateError, StoreUnavailableError
from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.folders import read_card
from trainers.registry.ledgers import LedgerFile

_DIGITS = 16


class HeadPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger: which version serves under a name, since when, and why."""

    name: str
    version: str
    recorded_ms: int
    reason: str
    is_roll_back: bool = False


class KeptHead(NamedTuple):
    """A version that is kept.

    Attributes:
        card: Its model card.
        is_current: Whether it serves under its name.
    """

    version: str
    card: dict[str, Any]
    is_current: bool


class HeadRegistry:
    """Keeps versions of scorers in a folder, which is made when something is first written.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ledger = LedgerFile(path / "ledger.jsonl", HeadPromotion)

    def keep(self, name: str, folder: Path) -> str:
        """Keep an exported scorer, and return its version; the same content is the same version.

        Raises:
            ConfigurationError: If the folder is no scorer that runs here.
            StoreUnavailableError: If it cannot be written.
        """
        open_encoder(name, folder)
        version = f"{name}-{_content_hash(folder)}"
        target = self._folder(version)
        with self._writing():
            if not target.is_dir():
                unfinished = self._path / f".unfinished-{version}"
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(folder, unfinished)
                target.parent.mkdir(exist_ok=True)
                unfinished.replace(target)
        return version

    def versions(self) -> list[KeptHead]:
        """Return every version with its card, by name."""
        current = {line.name: line.version for line in self._ledger.entries()}
        folders = sorted((self._path / "versions").glob("*"))
        return [
            KeptHead(one.name, read_card(one).card, one.name in current.values())
            for one in folders
            if one.is_dir()
        ]

    def ledger(self) -> list[HeadPromotion]:
        """Return every promotion, oldest first."""
        return self._ledger.entries()

    def promote(self, version: str, *, reason: str, now_ms: int) -> HeadPromotion:
        """Let a version serve under its name, after it was opened and its self-test was run.

        Args:
            version: The version.
            reason: Why; it stays in the ledger.
            now_ms: The time now.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If its files were changed after they were kept.
        """
        return self._promoted(
            version, HeadPromotion(name="", version=version, recorded_ms=now_ms, reason=reason)
        )

    def roll_back(self, name: str, *, reason: str, now_ms: int) -> HeadPromotion:
        """Let the version before the present one serve again; a second time, the one before that.

        Args:
            name: The name under which it scores.
            reason: Why; it stays in the ledger.
            now_ms: The time now.

        Raises:
            ConfigurationError: If there is none.
        """
        served: list[str] = []
        for line in self._ledger.entries():
            if line.name == name and line.is_roll_back:
                served.pop()
            elif line.name == name:
                served.append(line.version)
        if len(served) < 2:
            message = f"there is no earlier version of {name} to roll back to: `driftline sentiment list` names versions"
            raise ConfigurationError(message)
        line = HeadPromotion(
            name=name, version=served[-2], recorded_ms=now_ms, reason=reason, is_roll_back=True
        )
        return self._promoted(served[-2], line)

    def _promoted(self, version: str, line: HeadPromotion) -> HeadPromotion:
        folder = self._folder(version)
        if not folder.is_dir():
            message = (
                f"there is no version {version!r} in {self._path}: `driftline sentiment list` names them"
            )
            raise NotReadyError(message)
        name, _, digits = version.rpartition("-")
        if _content_hash(folder) != digits:
            message = f"{folder} was changed after it was kept"
            raise StateError(message)
        open_encoder(name, folder)
        named = msgspec.structs.replace(line, name=name)
        with self._writing():
            self._ledger.append(named)
            self._link(named)
        return named

    def current(self, name: str) -> Path:
        """Return the link to the version that serves."""
        return self._path / "current" / name

    def _link(self, line: HeadPromotion) -> None:
        link = self.current(line.name)
        link.parent.mkdir(exist_ok=True)
        unfinished = link.with_name(f".{line.name}")
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(os.path.relpath(self._folder(line.version), link.parent))
        unfinished.replace(link)

    def _folder(self, version: str) -> Path:
        return self._path / "versions" / Path(version).name

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with (self._path / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            message = f"the scorers in {self._path} cannot be written: {error}"
            raise StoreUnavailableError(message) from error


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:_DIGITS]
