"""Starting and ending processes, and knowing them again after a crash.

A process is remembered by its id and its time of birth, so that a file left behind by a crash is
never taken for another process that got the same id. Each has a log file that it writes itself:
no pipe can fill up, and the log is whole even if the launcher was killed.

``spawn`` belongs to the main thread: the kernel ties a child to the *thread* that started it.
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

#: A machine's wall clock may be corrected while a process lives, and its time of birth with it.
_SAME_BIRTH_S = 2.0


class Account(NamedTuple):
    """Whom a process becomes.

    Attributes:
        text: As ``tethers`` reads it.
        uid: To whom its files belong, with ``gid``.
        name: For people.
    """

    text: str
    uid: int
    gid: int
    name: str


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """How a process is started and ended.

    Attributes:
        name: Names its log and its file of process ids.
        arguments: The program, as an absolute path, and its arguments.
        environment: All of it.
        stop_signal: Asks it to end.
        orphan_signal: What it gets when the launcher dies (Linux).
        account: Whom it becomes; None means the launcher's own user.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    account: Account | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a process on disk."""

    name: str
    pid: int
    create_time: float
    stop_signal: int


class Spawned:
    """A process that was started here."""

    def __init__(self, popen: "subprocess.Popen[bytes]", command: Command, pid_file: Path) -> None:
        self._popen = popen
        self._command = command
        self._pid_file = pid_file
        self._is_remembered = False
        self.pid = popen.pid
        self.started_s = time.monotonic()

    def remember(self) -> None:
        """Write down which process it is, if that has not been possible yet, as on a full disk."""
        if self._is_remembered:
            return
        with suppress(OSError, psutil.Error):
            identity = Identity(
                name=self._command.name,
                pid=self.pid,
                create_time=psutil.Process(self.pid).create_time(),
                stop_signal=self._command.stop_signal,
            )
            write_json(self._pid_file, identity)
            self._is_remembered = True

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        code = self._popen.poll()
        if code is not None:
            with suppress(OSError):
                self._pid_file.unlink(missing_ok=True)
        return code

    def listens_on(self, port: int) -> bool:
        """Whether this very process listens on a TCP port, and not another program on its port."""
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
        """Send the signal that it ends on."""
        if self.exit_code() is None:
            self._popen.send_signal(self._command.stop_signal)

    def kill(self) -> None:
        """End it, and what it started in its session, now; returns when it is gone."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.kill()
            self._popen.wait()
            self.exit_code()

    def kill_after(self, seconds: float) -> None:
        """Give it this long to end by itself, then kill it."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, seconds))
        self.kill()


def end_together(processes: Sequence[Spawned], *, timeout_s: float) -> None:
    """Ask all to end, and kill those that have not within the time."""
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + timeout_s
    for process in processes:
        process.kill_after(deadline - time.monotonic())


def spawn(command: Command, directory: DataDirectory) -> Spawned:
    """Start a process that ends with this one. Call it in the main thread.

    Its log is left out where that cannot be written: a process that runs is worth more than its log.

    Raises:
        OSError: If the system refuses another process or file just now.
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
    """The command line that ties a command's life to this process."""
    account = "" if command.account is None else command.account.text
    tether = (sys.executable, "-I", "-S", tethers.__file__)
    return [*tether, str(os.getpid()), str(int(command.orphan_signal)), account, *command.arguments]


def find(pid: int, create_time: float) -> psutil.Process | None:
    """The living process of this id and time of birth, or None."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - create_time) > _SAME_BIRTH_S:
            return None
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def clear_stale(directory: DataDirectory, *, timeout_s: float = 5.0) -> list[str]:
    """End what a crashed launcher left running, and forget what it did not.

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


def _read(file: Path) -> Identity | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Identity)
    except (OSError, msgspec.DecodeError):
        return None


def _end(processes: Sequence[psutil.Process], *, timeout_s: float) -> None:
    _, living = psutil.wait_procs(processes, timeout=timeout_s)
    for process in living:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(living, timeout=timeout_s)
