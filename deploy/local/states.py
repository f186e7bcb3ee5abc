"""What the launcher writes down once a second, and what ``driftline status`` shows of it."""

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.local.directories import DataDirectory
from deploy.local.memory import Footprint

_COLOURS = {"running": "green", "done": "blue", "waiting": "yellow", "backing off": "red"}
_MIB = 1024 * 1024


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
    return [msgspec.json.decode(line, type=MemorySample) for line in lines]


def render(state: LauncherState) -> Group:
    """The status table."""
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
    return Group(table, Text(summary(state), style="bold"))


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
