"""The state that the launcher writes down once a second, and how ``driftline status`` shows it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.local.directories import DataDirectory, write_json
from deploy.local.memory import Footprint
from schemas.streams import StreamKind, kind_of_stream
from schemas.wire.disks import trouble_with_writing

_COLOURS = {"running": "green", "done": "blue", "waiting": "yellow", "backing off": "red", "given up": "red"}
_MIB = 1024 * 1024
_FAILING = "backing off"
_GIVEN_UP = "given up"
#: The launcher writes once a second; a busy machine takes longer.
_OLD_STATE_S = 15.0


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one process.

    Attributes:
        uptime_s: The seconds since its last start; None if it does not run.
        rss_bytes: Its resident set size, its own children included.
        reason: Why it failed last: the last line of its log, or the signal; empty if it did not fail.
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
    """The present state of a run.

    Attributes:
        data: What is played, in words for people.
        first_prediction_after_s: The seconds from the start of the launcher to the first prediction; None before it.
        memory: The memory at the last measurement.
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

    @property
    def follows_sources(self) -> bool:
        """Whether outside sources are followed, or a mirror of them."""
        return kind_of_stream(self.stream).runs_by_wall_clock


class MemorySample(msgspec.Struct, frozen=True, kw_only=True):
    """The memory of all processes at one moment after the start."""

    after_s: float
    memory: Footprint


class StartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How long the start took: the content of ``start.json``.

    Attributes:
        target: The interval and horizon of the first prediction.
    """

    url: str
    data: str
    stream: str
    target: str
    first_prediction_after_s: float
    memory: Footprint


def read_state(directory: DataDirectory) -> LauncherState | None:
    """Return the state that the launcher wrote down last, or None."""
    try:
        return msgspec.json.decode(directory.state.read_bytes(), type=LauncherState)
    except (OSError, msgspec.DecodeError):
        return None


def read_memory(directory: DataDirectory) -> list[MemorySample]:
    """Return all samples of the launcher's memory, oldest first."""
    try:
        lines = directory.memory.read_bytes().splitlines()
    except OSError:
        return []
    found: list[MemorySample] = []
    for line in lines:
        with suppress(msgspec.DecodeError):  # a full disk may have kept a part of the line
            found.append(msgspec.json.decode(line, type=MemorySample))
    return found


def remember_predicted(directory: DataDirectory, newest_ms: Mapping[str, int]) -> None:
    """Write down the as-of times of the predictions that an earlier start made, by target."""
    write_json(directory.predicted, dict(newest_ms))


def read_predicted(directory: DataDirectory) -> dict[str, int]:
    """Return the as-of times of the predictions that an earlier start made, by target; nothing if there are none."""
    try:
        return msgspec.json.decode(directory.predicted.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.DecodeError):
        return {}


def troubles(directory: DataDirectory, state: LauncherState | None, *, age_s: float | None) -> list[str]:
    """Return what is wrong now, a sentence each: a disk that cannot be written, processes that fail, an old state.

    Args:
        directory: The data directory.
        state: The state that was written down last.
        age_s: The age of that state; None if it is not known.
    """
    found = []
    trouble = trouble_with_writing(directory.path)
    if trouble:
        found.append(f"{directory.path} cannot be written ({trouble}): make room; what is to be stored waits")
    if age_s is not None and age_s > _OLD_STATE_S:
        found.append(f"this state is {age_s:.0f} s old: no newer one was written down")
    for process in () if state is None else state.processes:
        if process.state == _FAILING and process.reason:
            found.append(f"{process.name} is started again and again: {process.reason}")
        if process.state == _GIVEN_UP:
            found.append(f"{process.name} failed too often and is not started again: {process.reason}")
    return found


def age_of_state(directory: DataDirectory, *, now_s: float) -> float | None:
    """Return how many seconds ago the launcher wrote its state down last, or None."""
    try:
        return now_s - directory.state.stat().st_mtime
    except OSError:
        return None


def render(state: LauncherState, wrong: Sequence[str] = ()) -> Group:
    """Return the status table, with what is waited for and what is wrong below it."""
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
    return Group(*banner(state), table, Text(summary(state), style="bold"), *lines)


def banner(state: LauncherState) -> list[Text]:
    """Return what stands above the table of a run that is not the live market, but could be taken for it."""
    if kind_of_stream(state.stream) is not StreamKind.MIRROR:
        return []
    return [Text(f" {state.data} ", style="bold white on dark_orange3")]


def summary(state: LauncherState) -> str:
    """Return two lines about all processes together."""
    n_running = sum(process.state == "running" for process in state.processes)
    held = (
        ""
        if state.memory is None
        else f", {megabytes(state.memory.total_bytes)} {state.memory.kind} together"
    )
    return f"{n_running} running{held}, up {duration(state.uptime_s)}\n{state.api_url}  {state.data}"


def duration(seconds: float) -> str:
    """Return a length of time for people, such as ``1:02:03``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def megabytes(n_bytes: int) -> str:
    """Return a size for people."""
    return f"{n_bytes / _MIB:.0f} MiB"
