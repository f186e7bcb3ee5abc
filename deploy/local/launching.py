"""The launcher: starts the servers and the project's processes in order, and keeps them running.

One loop in one thread: it looks for ends, decides, starts what is due, and writes down how things
stand. Nothing in it waits long, and all processes are started by the main thread, to whose life
theirs is tied.
"""

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import psutil

from deploy.local.asking import predicted_target
from deploy.local.checking import remember_checked
from deploy.local.directories import DataDirectory, write_json
from deploy.local.environments import process_environment, shared_environment
from deploy.local.memory import Footprint, footprint, resident_bytes
from deploy.local.ports import ClaimedPorts, is_free
from deploy.local.runs import Run
from deploy.local.servers.addresses import check_external
from deploy.local.servers.embedded import BROKER
from deploy.local.servers.planning import Plan, external_urls, make_plan
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import Command, Spawned, clear_stale, end_together, spawn
from deploy.local.states import LauncherState, MemorySample, ProcessState, StartRecord, megabytes
from deploy.local.supervision import Backoff, Ended, Unit, UnitState
from deploy.local.terminals import LogTail, Terminal, show_new_lines
from deploy.processes import PREPARE, Lifetime, PlatformProcess, Stage
from schemas.errors import ConfigurationError
from schemas.wire.disks import trouble_with_writing
from schemas.wire.processes import EXIT_MISCONFIGURED, Stop

_API = "api"
_TICK_S = 0.1
_STATE_EVERY_S = 1.0
_MEMORY_EVERY_S = 10.0
_ASK_EVERY_S = 0.25
_DISK_EVERY_S = 2.0
_N_PLANS = 3
#: An embedded server is what all else waits for.
_SERVER_BACKOFF = Backoff(first_s=0.1, longest_s=4.0)
#: How long each group is given to end by itself, in the order in which they end.
_END_ORDER = (
    ((Stage.LIVE, Stage.WARM_UP), 2.5),
    ((Stage.SERVICES,), 4.0),
    ((Stage.SERVERS,), 3.0),
)


class _PortTakenError(Exception):
    """Another program took a port between our choosing it and the server's listening."""


def launch(
    settings: LauncherSettings, environment: Mapping[str, str], run: Run, *, terminal: Terminal, stop: Stop
) -> None:
    """Run everything until asked to stop. Call it in the main thread.

    Args:
        settings: Of the launcher.
        environment: The variables that processes are started with.
        run: What is to be played.
        terminal: Where progress goes.
        stop: Set by signals; everything is ended once it is set.

    Raises:
        AlreadyRunningError: If a launcher of this data directory is running.
        ConfigurationError: If a setting is wrong, or a process says that one is.
    """
    directory = DataDirectory(settings.data_dir)
    with directory.held():
        signal.signal(signal.SIGHUP, lambda *_: stop.set())
        for stale in clear_stale(directory):
            terminal.say(f"ended {stale}, which a launcher that crashed had left running")
        for variable, (url, port) in external_urls(settings).items():
            check_external(variable, url, default_port=port)
        _set_old_files_aside(directory)
        remember_checked(run.environment, directory)
        for _ in range(_N_PLANS):
            with ClaimedPorts() as claimed:
                plan = make_plan(settings, directory, environment, claimed=claimed, say=terminal.say)
                launcher = Launcher(plan, run, settings, environment, directory=directory, terminal=terminal)
                try:
                    launcher.run(stop)
                except _PortTakenError as error:
                    terminal.say(f"{error}: choosing others")
                else:
                    return
        message = "the servers' ports were taken by other programs three times; set DRIFTLINE_KAFKA_PORT and the like"
        raise ConfigurationError(message)


def _set_old_files_aside(directory: DataDirectory) -> None:
    for old in (directory.endpoints, directory.state, directory.start, directory.memory):
        old.unlink(missing_ok=True)
    for log in directory.logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


class Launcher:
    """Supervises one plan's servers and one run's jobs."""

    def __init__(
        self,
        plan: Plan,
        run: Run,
        settings: LauncherSettings,
        environment: Mapping[str, str],
        *,
        directory: DataDirectory,
        terminal: Terminal,
    ) -> None:
        self._plan = plan
        self._run = run
        self._environment = {**environment, **run.environment}
        self._directory = directory
        self._terminal = terminal
        self._born_s = psutil.Process().create_time()
        shared = shared_environment(
            environment,
            directory=directory,
            run=run.environment,
            api_host=settings.host,
            api_port=plan.api_port,
        )
        self._units = _units(plan, run, shared)
        self._tails = {unit.name: LogTail(directory.logs / f"{unit.name}.log") for unit in self._units}
        # What servers say in passing is in their logs; here they are heard when they fail.
        self._shown = {
            unit.name: self._tails[unit.name]
            for unit in self._units
            if unit.stage is not Stage.SERVERS or unit.lifetime is not Lifetime.SERVICE
        }
        self._chooses_api_port = settings.port is None
        self._is_ready = False
        self._has_been_live = False
        self._first_prediction_after_s: float | None = None
        self._memory: Footprint | None = None
        self._trouble = ""
        self._refused = ""
        self._due = dict.fromkeys(("state", "memory", "question", "disk"), 0.0)

    def run(self, stop: Stop) -> None:
        """Supervise until asked to stop, then end everything in order.

        Raises:
            ConfigurationError: If a process says that a setting is wrong.
        """
        self._terminal.say(f"starting in {self._directory.path}: {self._run.data}")
        try:
            while not stop():
                try:
                    self._step()
                except (OSError, MemoryError, psutil.Error) as error:
                    self._note_refusal(error)
                stop.wait(_TICK_S)
        finally:
            self._end()

    def _step(self) -> None:
        show_new_lines(self._terminal, self._shown)
        for unit in self._units:
            ended = unit.notice_end(now_s=time.monotonic())
            if ended is not None:
                self._decide(unit, ended)
        self._start_what_is_due()
        self._observe()

    def _note_refusal(self, error: Exception) -> None:
        """What the system refuses now (a file, memory, a look at a process) it may allow in the next step."""
        refused = f"{type(error).__name__}: {error}"
        if refused != self._refused:
            self._terminal.say(f"the system refuses something, which is tried again: {refused}", style="red")
        self._refused = refused

    # Ends

    def _decide(self, unit: Unit, ended: Ended) -> None:
        """What the end of one process means for the others."""
        tail = self._tails[unit.name]
        for line in tail.read():
            if ended.code > 0 or unit.name in self._shown:
                self._terminal.log(unit.name, line)
        if ended.again_in_s is None:
            if unit.lifetime is Lifetime.SOURCE:
                self._terminal.say(f"{unit.name} has come to the end of its data; the rest goes on")
            return
        unit.reason = _how(ended.code) if ended.code <= 0 else tail.last_line or _how(ended.code)
        self._check_whether_hopeless(unit, ended)
        last_word = f": {tail.last_line}" if ended.code > 0 and tail.last_line else ""
        how = f"{unit.name} {_how(ended.code)}, starts again in {ended.again_in_s:g} s{last_word}"
        self._terminal.say(how, style="red")
        if unit.name == BROKER and self._plan.endpoints.kafka.is_embedded:
            self._start_the_stream_again()

    def _check_whether_hopeless(self, unit: Unit, ended: Ended) -> None:
        if self._is_port_taken(unit):
            message = f"{unit.name} found its port taken"
            raise _PortTakenError(message)
        is_said_twice = unit.n_failures > 1 or unit.name == PREPARE.name
        if ended.code == EXIT_MISCONFIGURED and is_said_twice and not self._has_been_live:
            message = f"{unit.name}: {unit.reason.removeprefix('ConfigurationError: ')}"
            raise ConfigurationError(message)

    def _is_port_taken(self, unit: Unit) -> bool:
        if unit.name == _API and self._chooses_api_port and self._first_prediction_after_s is None:
            return not is_free(self._plan.api_port)
        ports = {server.name: server.port for server in self._plan.servers}
        return not self._is_ready and unit.name in ports and not is_free(ports[unit.name])

    def _start_the_stream_again(self) -> None:
        """The embedded broker keeps nothing: whoever outlived it would skip or double."""
        self._terminal.say("the broker's log is gone: its clients start again, from what Postgres holds")
        for unit in self._units:
            if unit.is_broker_client:
                unit.stand_down()

    # Starts

    def _start_what_is_due(self) -> None:
        for unit in self._units:
            if unit.stage > self._reached():
                continue
            before = unit.reason
            try:
                unit.start_if_due(self._spawn, now_s=time.monotonic())
            except OSError:
                if unit.reason != before:
                    self._terminal.say(f"{unit.name} {unit.reason}; it is tried again", style="red")

    def _spawn(self, command: Command) -> Spawned:
        return spawn(command, self._directory)

    def _reached(self) -> Stage:
        """The stage that may run: everything of the stages before it has passed."""
        for stage in Stage:
            if not all(unit.has_passed for unit in self._units if self._is_awaited(unit, stage)):
                return stage
            if stage is Stage.SERVERS and not self._is_ready:
                if not self._servers_are_ours():
                    return stage
                self._is_ready = True
                self._directory.write_endpoints(self._plan.endpoints)
        self._has_been_live = True
        return Stage.LIVE

    def _is_awaited(self, unit: Unit, stage: Stage) -> bool:
        return unit.stage is stage and not (unit.is_awaited_once and self._has_been_live)

    def _servers_are_ours(self) -> bool:
        """Whether what answers is not another launcher's server that was quicker to take the port."""
        ports = {server.name: server.port for server in self._plan.servers}
        return all(
            unit.spawned is not None and unit.spawned.listens_on(ports[unit.name])
            for unit in self._units
            if unit.name in ports
        )

    # Watching

    def _observe(self) -> None:
        if (
            self._first_prediction_after_s is None
            and self._is_ready
            and self._is_due("question", _ASK_EVERY_S)
        ):
            target = predicted_target(str(self._plan.endpoints.api_url), self._environment)
            if target is not None:
                self._announce(target)
        if self._is_due("disk", _DISK_EVERY_S):
            self._look_at_disk()
        if self._is_due("memory", _MEMORY_EVERY_S):
            self._measure()
        if self._is_due("state", _STATE_EVERY_S):
            for unit in self._units:
                if unit.spawned is not None:
                    unit.spawned.remember()
            state = self._state()
            self._terminal.show(state)
            with suppress(OSError):  # of a disk that cannot be written is told already
                write_json(self._directory.state, state)

    def _look_at_disk(self) -> None:
        """Say when the data directory cannot be written any more, and when it can again."""
        trouble = trouble_with_writing(self._directory.path)
        if trouble and not self._trouble:
            what = (
                f"{self._directory.path} cannot be written ({trouble}): make room; what is to be stored waits"
            )
            self._terminal.say(what, style="bold red")
        elif self._trouble and not trouble:
            self._terminal.say(f"{self._directory.path} can be written again", style="bold green")
        self._trouble = trouble

    def _is_due(self, what: str, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self._due[what]:
            return False
        self._due[what] = now_s + every_s
        return True

    def _announce(self, target: str) -> None:
        after_s = round(time.time_ns() / 1e9 - self._born_s, 1)
        memory = self._measure()
        url = str(self._plan.endpoints.api_url)
        record = StartRecord(
            url=url,
            data=self._run.data,
            stream=self._stream,
            target=target,
            first_prediction_after_s=after_s,
            memory=memory,
        )
        write_json(self._directory.start, record)
        self._first_prediction_after_s = after_s
        self._terminal.say(
            f"{url}  {self._run.data}  first prediction ({target}) after {after_s:.1f} s, "
            f"{megabytes(memory.total_bytes)} {memory.kind} in all processes together",
            style="bold green",
        )

    @property
    def _stream(self) -> str:
        return self._run.environment.get("DRIFTLINE_STREAM", "")

    def _measure(self) -> Footprint:
        self._memory = footprint(self._pids())
        sample = MemorySample(after_s=round(time.time_ns() / 1e9 - self._born_s, 1), memory=self._memory)
        with suppress(OSError), self._directory.memory.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(sample) + b"\n")
        return self._memory

    def _pids(self) -> dict[str, int]:
        running = {unit.name: unit.spawned.pid for unit in self._units if unit.spawned is not None}
        return {"launcher": psutil.Process().pid, **running}

    def _state(self) -> LauncherState:
        resident = resident_bytes(self._pids())
        now_s = time.monotonic()
        return LauncherState(
            pid=psutil.Process().pid,
            api_url=str(self._plan.endpoints.api_url),
            data=self._run.data,
            stream=self._stream,
            uptime_s=round(time.time_ns() / 1e9 - self._born_s, 1),
            n_broker_restarts=sum(unit.n_restarts for unit in self._units if unit.name == BROKER),
            first_prediction_after_s=self._first_prediction_after_s,
            memory=self._memory,
            trouble=self._trouble,
            processes=tuple(_process_state(unit, resident, now_s=now_s) for unit in self._units),
        )

    # The end

    def _end(self) -> None:
        self._terminal.close()
        self._terminal.say("ending")
        try:
            for stages, timeout_s in _END_ORDER:
                ending = [
                    unit.spawned for unit in self._units if unit.stage in stages and unit.spawned is not None
                ]
                end_together(ending, timeout_s=timeout_s)
                show_new_lines(self._terminal, self._shown)
        finally:
            for unit in self._units:
                unit.stand_down()
            for file in (self._directory.endpoints, self._directory.state):
                with suppress(OSError):
                    file.unlink(missing_ok=True)
        self._terminal.say("everything has ended")


def _units(plan: Plan, run: Run, shared: Mapping[str, str]) -> list[Unit]:
    """Everything to supervise, in the order in which it is started."""
    addresses = {
        "KAFKA_BOOTSTRAP_SERVERS": plan.endpoints.kafka.bootstrap_servers,
        "REDIS_URL": plan.endpoints.redis_url,
        "DATABASE_URL": plan.endpoints.database_url,
    }
    prepare = _unit_of(PREPARE, dict(shared) | addresses)
    servers = [
        Unit(server.command(), stage=Stage.SERVERS, backoff=_SERVER_BACKOFF, prepare=server.prepare)
        for server in plan.servers
    ]
    # Postgres comes last, and prepare before it: its imports run while Postgres creates its files.
    return [prepare, *servers, *(_unit_of(process, shared) for process in run.processes)]


def _unit_of(process: PlatformProcess, shared: Mapping[str, str]) -> Unit:
    command = Command(
        name=process.name,
        arguments=(sys.executable, "-m", *process.arguments),
        environment=process_environment(process, shared),
    )
    return Unit(
        command,
        stage=process.stage,
        lifetime=process.lifetime,
        is_broker_client=process.is_broker_client,
        is_awaited_once=process.is_awaited_once,
    )


def _process_state(unit: Unit, resident: Mapping[str, int], *, now_s: float) -> ProcessState:
    spawned = unit.spawned if unit.state is UnitState.RUNNING else None
    return ProcessState(
        name=unit.name,
        stage=unit.stage.name.lower(),
        state=str(unit.state),
        pid=None if spawned is None else spawned.pid,
        n_restarts=unit.n_restarts,
        uptime_s=None if spawned is None else round(now_s - spawned.started_s, 1),
        rss_bytes=resident.get(unit.name, 0),
        reason=unit.reason,
    )


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return "ended" if code == 0 else f"failed with exit code {code}"
