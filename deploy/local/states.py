"""What the launcher writes down once a second, and what ``driftline status`` shows of it."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.local.directories import DataDirectory
from deploy.local.memory import Footprint
from schemas.wire.disks import trouble_with_writing

_COLOURS = {"running": "green", "done": "blue", "waiting": "yellow", "backing off": "red", "given up": "red"}
_MIB = 1024 * 1024
_FAILING = "backing off"
_GIVEN_UP = "given up"
#: The launcher writes once a second; a busy machine takes longer.
_OLD_STATE_S = 15.0


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as it is now.

    Attributes:
        uptime_s: Since its last start; None when it does not run.
        rss_bytes: Resident set size, its own children included.
        reason: Why it last ended, when that was not well: the last line of its log, or the signal.
    """

    name: str
    stage: str
    state: str
    pid: int | None
    n_restarts: int
    uptime_s: float | None
    rss_bytes: int
    reason: str


class LauncherState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, as it is now.

    Attributes:
        data: What is played, plainly marked.
        first_prediction_after_s: Since the launcher's process was born; None before it.
        memory: As last measured.
        trouble: Why the data directory could not be written at the last try; empty if it could.
        waits: What has been waited for longer than 15 seconds, a sentence each, with what would end the wait.
    """

    pid: int
    api_url: str
    data: str
    stream: str
    uptime_s: float
    n_broker_restarts: int
    first_prediction_after_s: float | None
    memory: Footprint | None
    processes: tuple[ProcessState, ...]
    trouble: str = ""
    waits: tuple[str, ...] = ()


class MemorySample(msgspec.Struct, frozen=True, kw_only=True):
    """What everything held at one moment after the start."""

    after_s: float
    memory: Footprint


class StartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the start went: the content of ``start.json``.

    Attributes:
        target: Which kind of prediction was the first, as interval and horizon.
    """

    url: str
    data: str
    stream: str
    target: str
    first_prediction_after_s: float
    memory: Footprint


def read_state(directory: DataDirectory) -> LauncherState | None:
    """What the launcher last wrote down, or None."""
    try:
        return msgspec.json.decode(directory.state.read_bytes(), type=LauncherState)
    except (OSError, msgspec.DecodeError):
        return None


def read_memory(directory: DataDirectory) -> list[MemorySample]:
    """Every sample of this launcher's memory, oldest first."""
    try:
        lines = directory.memory.read_bytes().splitlines()
    except OSError:
        return []
    found: list[MemorySample] = []
    for line in lines:
        with suppress(msgspec.DecodeError):  # a full disk took a part of it
            found.append(msgspec.json.decode(line, type=MemorySample))
    return found


def troubles(directory: DataDirectory, state: LauncherState | None, *, age_s: float | None) -> list[str]:
    """What is wrong now, a sentence each: a disk that cannot be written, processes that fail, an old state.

    Args:
        state: As last written down.
        age_s: How old that is; None when nobody knows.
    """
    found = []
    trouble = trouble_with_writing(directory.path)
    if trouble:
        found.append(f"{directory.path} cannot be written ({trouble}): make room; what is to be stored waits")
    if age_s is not None and age_s > _OLD_STATE_S:
        found.append(f"this is how things stood {age_s:.0f} s ago: nothing newer was written down")
    for process in () if state is None else state.processes:
        if process.state == _FAILING and process.reason:
            found.append(f"{process.name} is started again and again: {process.reason}")
        if process.state == _GIVEN_UP:
            found.append(f"{process.name} failed too often and is not started again: {process.reason}")
    return found


def age_of_state(directory: DataDirectory, *, now_s: float) -> float | None:
    """How many seconds ago the launcher last wrote down how things stand, or None."""
    try:
        return now_s - directory.state.stat().st_mtime
    except OSError:
        return None


def render(state: LauncherState, wrong: Sequence[str] = ()) -> Group:
    """The status table, and what is wrong below it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("process", "state", "pid", "up", "restarts", "memory"):
        table.add_column(column, justify="left" if column in {"process", "state"} else "right")
    for process in state.processes:
        table.add_row(
            process.name,
            Text(process.state, style=_COLOURS.get(process.state, "")),
            "" if process.pid is None else str(process.pid),
            "" if process.uptime_s is None else duration(process.uptime_s),
            str(process.n_restarts),
            "" if process.pid is None else megabytes(process.rss_bytes),
        )
    lines = [Text(line, style="yellow") for line in state.waits]
    lines += [Text(line, style="red") for line in wrong]
    return Group(table, Text(summary(state), style="bold"), *lines)


def summary(state: LauncherState) -> str:
    """Two lines on everything together."""
    n_running = sum(process.state == "running" for process in state.processes)
    held = (
        ""
        if state.memory is None
        else f", {megabytes(state.memory.total_bytes)} {state.memory.kind} together"
    )
    return f"{n_running} running{held}, up {duration(state.uptime_s)}\n{state.api_url}  {state.data}"


def duration(seconds: float) -> str:
    """A length of time for people, such as ``1:02:03``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def megabytes(n_bytes: int) -> str:
    """A size for people."""
    return f"{n_bytes / _MIB:.0f} MiB"
