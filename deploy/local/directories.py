"""The data directory: where everything on this machine is kept, and which launcher holds it.

One launcher holds it at a time, by a lock that the system releases when the launcher dies, however it dies.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from schemas.errors import ConfigurationError
from schemas.wire.disks import trouble_with_writing
from schemas.wire.settings import ENDPOINTS_FILE, Endpoints

LOCK_FILE = "launcher.lock"
_N_ATTEMPTS = 4
_BETWEEN_ATTEMPTS_S = 0.05


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The process that holds a data directory, by its id and the time of its start."""

    pid: int
    create_time: float


class AlreadyRunningError(Exception):
    """Another launcher holds the data directory."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__("another launcher holds the data directory")
        self.holder = holder


class DataDirectory:
    """The paths of a data directory.

    Args:
        path: Where it is or will be; it is made absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.endpoints = self.path / ENDPOINTS_FILE
        self.lock = self.path / LOCK_FILE
        self.state = self.path / "state.json"
        self.start = self.path / "start.json"
        self.memory = self.path / "memory.jsonl"
        self.checked = self.path / "checked.json"
        self.predicted = self.path / "predicted.json"
        self.mirror = self.path / "mirror.json"
        self.logs = self.path / "logs"
        self.pids = self.path / "pids"
        self.numba = self.path / "numba"
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.kafka = self.path / "kafka"
        self.recording = self.path / "recording"

    def create(self) -> None:
        """Create the directory if it does not exist.

        Raises:
            ConfigurationError: If it cannot be created or written.
        """
        try:
            for path in (self.path, self.logs, self.pids):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._not_writable(error.strerror or str(error)) from error
        trouble = trouble_with_writing(self.path)
        if trouble:
            raise self._not_writable(trouble)

    def _not_writable(self, trouble: str) -> ConfigurationError:
        return ConfigurationError(
            f"DRIFTLINE_DATA_DIR must be a directory that can be written, was {self.path} ({trouble}): "
            "make room, correct its owner or modes, or set another directory"
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory within the block, so that no other process holds it.

        Raises:
            AlreadyRunningError: If another process holds it.
        """
        self.create()
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:  # the file belongs to another user
            raise self._not_writable(error.strerror or str(error)) from error
        try:
            self._lock(descriptor)
            me = Holder(pid=os.getpid(), create_time=psutil.Process().create_time())
            os.ftruncate(descriptor, 0)
            os.write(descriptor, msgspec.json.encode(me))
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        """Try more than once, because a process that asks for the holder has the lock for a moment."""
        for attempt in range(_N_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if attempt == _N_ATTEMPTS - 1:
                    raise AlreadyRunningError(self._holder()) from error
                time.sleep(_BETWEEN_ATTEMPTS_S)
            else:
                return

    def holder(self) -> Holder | None:
        """Return the process that holds it now, or None."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._holder()
        finally:
            os.close(descriptor)
        return None

    def _holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self.lock.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    def write_endpoints(self, endpoints: Endpoints) -> None:
        """Write down where the servers are, for every command."""
        write_json(self.endpoints, endpoints)

    def empty(self) -> None:
        """Delete everything in it except the compiled kernels, which belong to the code, and the recording.

        What was recorded of quotes and perpetual futures can be had nowhere else, so only people delete it.

        Raises:
            ConfigurationError: If it was never the data directory of a launcher, so that no other folder is emptied.
        """
        if not self.path.exists():
            return
        if not self.lock.exists() and any(self.path.iterdir()):
            message = f"DRIFTLINE_DATA_DIR: {self.path} has no {LOCK_FILE}, so it is not a data directory"
            raise ConfigurationError(message)
        for entry in self.path.iterdir():
            if entry in {self.numba, self.recording}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write a file completely or not at all.

    Raises:
        OSError: If it cannot be written, as on a full disk; the old content stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
