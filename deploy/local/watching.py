"""Watches a run for people: the first prediction, long waits, the disk, memory, and the state on disk.

It stands apart from :mod:`.launching` because nothing that it observes changes what is started or ended.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
import psutil

from deploy.local.asking import ServedPrediction, missing_words, served_predictions, stored_words
from deploy.local.assembling import state_of_unit
from deploy.local.directories import DataDirectory, write_json
from deploy.local.memory import Footprint, footprint, resident_bytes
from deploy.local.runs import PlatformRun
from deploy.local.servers.embedded import BROKER
from deploy.local.states import LauncherState, MemorySample, StartRecord, megabytes, read_predicted
from deploy.local.terminals import Terminal
from deploy.local.units import Unit, UnitState
from deploy.local.waits import NamedWaits, Wait
from deploy.processes import Lifetime
from schemas.wire.disks import trouble_with_writing

_STATE_EVERY_S = 1.0
_MEMORY_EVERY_S = 10.0
_ASK_EVERY_S = 0.25
_ASK_AGAIN_EVERY_S = 1.0
_DISK_EVERY_S = 2.0


class RunWatch:
    """Watches the units of a run.

    Args:
        units: The units.
        api_url: The address of the API.
        run: The run.
        environment: The variables of the run and the launcher.
        directory: Where the state, the memory and the start are written down.
        terminal: Where people are told.

    Attributes:
        trouble: Why the data directory cannot be written; empty if it can.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        *,
        api_url: str,
        run: PlatformRun,
        environment: Mapping[str, str],
        directory: DataDirectory,
        terminal: Terminal,
    ) -> None:
        self._units = units
        self._api_url = api_url
        self._run = run
        self._environment = environment
        self._directory = directory
        self._terminal = terminal
        self._born_s = psutil.Process().create_time()
        self._first_prediction_after_s: float | None = None
        self._stored: ServedPrediction | None = None
        self._memory: Footprint | None = None
        self._waits = NamedWaits()
        self._due = dict.fromkeys(("state", "memory", "question", "disk"), 0.0)
        self.trouble = ""

    @property
    def has_predicted(self) -> bool:
        """Whether the first prediction that this start made was served."""
        return self._first_prediction_after_s is not None

    def observe(self, waits: Sequence[Wait], *, is_answering: bool, is_live: bool) -> None:
        """Look at whatever is due to be looked at.

        Args:
            waits: The units that hold up the next stage.
            is_answering: Whether the servers answer, so that the API may.
            is_live: Whether every stage has begun, so that only the first prediction is waited for.
        """
        every_s = _ASK_EVERY_S if self._stored is None else _ASK_AGAIN_EVERY_S
        if not self.has_predicted and is_answering and self._is_due("question", every_s):
            self._ask()
        if self._is_due("disk", _DISK_EVERY_S):
            self._look_at_disk()
        if self._is_due("memory", _MEMORY_EVERY_S):
            self._measure()
        if self._is_due("state", _STATE_EVERY_S):
            self._name_waits([*waits, *self._prediction_wait(is_live=is_live)])
            self._write_state()

    def _ask(self) -> None:
        """Announce the first prediction of this start; one that an earlier start stored is named as such."""
        before = read_predicted(self._directory)
        served = list(served_predictions(self._api_url, self._environment))
        new = [one for one in served if one.as_of_ms is None or one.as_of_ms > before.get(one.target, -1)]
        if new:
            self._announce(new[0].target)
        elif served and self._stored is None:
            self._stored = served[0]
            self._terminal.say(
                f"{self._api_url}  {self._run.data}  the predictions of an earlier start are served after "
                f"{self._age_s():.1f} s: {stored_words(served[0])}",
                style="bold green",
            )

    def _prediction_wait(self, *, is_live: bool) -> list[Wait]:
        if self.has_predicted or not is_live or (self._stored is not None and self._is_over):
            return []
        if self._stored is not None:
            stored = f"it comes with the next bar; until then {stored_words(self._stored)} is served"
            return [Wait("the first new prediction", lambda: stored)]
        return [Wait("the first prediction", self._lacking)]

    @property
    def _is_over(self) -> bool:
        """Whether the data have ended."""
        return any(unit.lifetime is Lifetime.SOURCE and unit.state is UnitState.DONE for unit in self._units)

    def _lacking(self) -> str:
        return f"{'the data have ended; ' if self._is_over else ''}{missing_words(self._api_url)}"

    def _name_waits(self, waits: Sequence[Wait]) -> None:
        for sentence in self._waits.due(waits, now_s=time.monotonic()):
            self._terminal.say(sentence, style="yellow")

    def _write_state(self) -> None:
        for unit in self._units:
            if unit.spawned is not None:
                unit.spawned.remember()
        state = self._state()
        self._terminal.show(state)
        with suppress(OSError):  # a disk that cannot be written is named elsewhere
            write_json(self._directory.state, state)

    def _look_at_disk(self) -> None:
        """Say when the data directory cannot be written any more, and when it can again."""
        trouble = trouble_with_writing(self._directory.path)
        if trouble and not self.trouble:
            what = (
                f"{self._directory.path} cannot be written ({trouble}): make room; what is to be stored waits"
            )
            self._terminal.say(what, style="bold red")
        elif self.trouble and not trouble:
            self._terminal.say(f"{self._directory.path} can be written again", style="bold green")
        self.trouble = trouble

    def _is_due(self, what: str, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self._due[what]:
            return False
        self._due[what] = now_s + every_s
        return True

    def _announce(self, target: str) -> None:
        after_s = self._age_s()
        memory = self._measure()
        record = StartRecord(
            url=self._api_url,
            data=self._run.data,
            stream=self._stream,
            target=target,
            first_prediction_after_s=after_s,
            memory=memory,
        )
        write_json(self._directory.start, record)
        self._first_prediction_after_s = after_s
        self._terminal.say(
            f"{self._api_url}  {self._run.data}  first prediction ({target}) after {after_s:.1f} s, "
            f"{megabytes(memory.total_bytes)} {memory.kind} in all processes together",
            style="bold green",
        )

    @property
    def _stream(self) -> str:
        return self._run.environment.get("DRIFTLINE_STREAM", "")

    def _age_s(self) -> float:
        return round(time.time_ns() / 1e9 - self._born_s, 1)

    def _measure(self) -> Footprint:
        self._memory = footprint(self._pids())
        sample = MemorySample(after_s=self._age_s(), memory=self._memory)
        with suppress(OSError), self._directory.memory.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(sample) + b"\n")
        return self._memory

    def _pids(self) -> dict[str, int]:
        running = {unit.name: unit.spawned.pid for unit in self._units if unit.spawned is not None}
        return {"launcher": psutil.Process().pid, **running}

    def _state(self) -> LauncherState:
        resident = resident_bytes(self._pids())
        return LauncherState(
            pid=psutil.Process().pid,
            api_url=self._api_url,
            data=self._run.data,
            stream=self._stream,
            uptime_s=self._age_s(),
            n_broker_restarts=sum(unit.n_restarts for unit in self._units if unit.name == BROKER),
            first_prediction_after_s=self._first_prediction_after_s,
            memory=self._memory,
            trouble=self.trouble,
            waits=self._waits.standing(now_s=time.monotonic()),
            processes=tuple(state_of_unit(unit, resident) for unit in self._units),
        )
