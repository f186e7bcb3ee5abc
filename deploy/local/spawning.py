"""Starts and ends processes, and recognises them after a crash of the launcher.

A process is identified by its id and the time of its start, so that a file that a crash left behind is
never taken for another process with the same id. Each process writes its own log file, so
no pipe can fill up, and the log is whole even if the launcher was killed.

``spawn`` must be called in the main thread, because the kernel ties a child to the *thread* that started it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import psutil

from deploy.local import tethers
from deploy.local.directories import DataDirectory, write_json

#: The wall clock may be corrected while a process lives, which moves the time of its start.
_SAME_BIRTH_S = 2.0


class Account(NamedTuple):
    """The account that a process becomes.

    Attributes:
        text: The account as ``tethers`` reads it.
        uid: The owner of its files, together with ``gid``.
        name: The account in words for people.
    """

    text: str
    uid: int
    gid: int
    name: str


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """How a process is started and ended.

    Attributes:
        name: The name of its log and of the file with its process id.
        arguments: The program, as an absolute path, and its arguments.
        environment: The whole environment of the process.
        stop_signal: The signal that asks it to end.
        orphan_signal: The signal that it gets when the launcher dies (Linux).
        account: The account that it becomes; None means the user of the launcher.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    account: Account | None = None


class ProcessIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a process, as it is stored on disk."""

    name: str
    pid: int
    create_time: float
    stop_signal: int


class Spawned:
    """A process that this launcher started."""

    def __init__(self, popen: "subprocess.Popen[bytes]", command: Command, pid_file: Path) -> None:
        self._popen = popen
        self._command = command
        self._pid_file = pid_file
        self._is_remembered = False
        self.pid = popen.pid
        self.started_s = time.monotonic()

    def remember(self) -> None:
        """Write down which process it is, unless that was done before; a full disk may have prevented it."""
        if self._is_remembered:
            return
        with suppress(OSError, psutil.Error):
            identity = ProcessIdentity(
                name=self._command.name,
                pid=self.pid,
                create_time=psutil.Process(self.pid).create_time(),
                stop_signal=self._command.stop_signal,
            )
            write_json(self._pid_file, identity)
            self._is_remembered = True

    def exit_code(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        code = self._popen.poll()
        if code is not None:
            with suppress(OSError):
                self._pid_file.unlink(missing_ok=True)
        return code

    def listens_on(self, port: int) -> bool:
        """Whether this process itself listens on a TCP port, and not another program."""
        try:
            connections = psutil.Process(self.pid).net_connections(kind="tcp")
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # root in a container without CAP_SYS_PTRACE may not look
            return self.exit_code() is None
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in connections
        )

    def ask_to_end(self) -> None:
        """Send the signal that asks it to end."""
        if self.exit_code() is None:
            self._popen.send_signal(self._command.stop_signal)

    def kill(self) -> None:
        """Kill it and what it started in its session, and return when it has ended."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.kill()
            self._popen.wait()
            self.exit_code()

    def kill_after(self, seconds: float) -> None:
        """Wait at most this long until it ends by itself, then kill it."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, seconds))
        self.kill()


def end_together(processes: Sequence[Spawned], *, timeout_s: float) -> None:
    """Ask all processes to end, and kill those that have not ended within the time."""
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + timeout_s
    for process in processes:
        process.kill_after(deadline - time.monotonic())


def spawn(command: Command, directory: DataDirectory) -> Spawned:
    """Start a process that ends with this one. Call it in the main thread.

    If its log cannot be written, the process runs without a log.

    Raises:
        OSError: If the system refuses another process or file.
    """
    with ExitStack() as opened:
        log: IO[bytes] | int = subprocess.DEVNULL
        with suppress(OSError):
            log = opened.enter_context((directory.logs / f"{command.name}.log").open("ab"))
        popen = subprocess.Popen(  # noqa: S603  (our own commands, no shell)
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=command.environment,
            start_new_session=True,
        )
    spawned = Spawned(popen, command, directory.pids / f"{command.name}.json")
    spawned.remember()
    return spawned


def tethered(command: Command) -> list[str]:
    """Return the command line that ties the life of a command to this process."""
    account = "" if command.account is None else command.account.text
    tether = (sys.executable, "-I", "-S", tethers.__file__)
    return [*tether, str(os.getpid()), str(int(command.orphan_signal)), account, *command.arguments]


def find(pid: int, create_time: float) -> psutil.Process | None:
    """Return the living process with this id and time of start, or None."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - create_time) > _SAME_BIRTH_S:
            return None
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def clear_stale(directory: DataDirectory, *, timeout_s: float = 5.0) -> list[str]:
    """End the processes that a crashed launcher left running, and delete the files of all its processes.

    Returns:
        The names of the processes that were still running.
    """
    stale: list[tuple[str, psutil.Process]] = []
    files = sorted(directory.pids.glob("*.json"))
    for file in files:
        identity = _read(file)
        process = None if identity is None else find(identity.pid, identity.create_time)
        if identity is None or process is None:
            continue
        stale.append((identity.name, process))
        with suppress(psutil.NoSuchProcess):
            process.send_signal(identity.stop_signal)
    _end([process for _, process in stale], timeout_s=timeout_s)
    for file in files:
        file.unlink(missing_ok=True)
    return [name for name, _ in stale]


def _read(file: Path) -> ProcessIdentity | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=ProcessIdentity)
    except (OSError, msgspec.DecodeError):
        return None


def _end(processes: Sequence[psutil.Process], *, timeout_s: float) -> None:
    _, living = psutil.wait_procs(processes, timeout=timeout_s)
    for process in living:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(living, timeout=timeout_s)
