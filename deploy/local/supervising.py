"""The supervisor: starts the servers and the project's processes in order, and keeps them running.

It is one loop in one thread, which notices ends, decides, and starts what is due. No step of it waits
long. The main thread starts all processes, because the kernel ties their life to the thread that starts them.
"""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

from deploy.local.assembling import units_of
from deploy.local.directories import DataDirectory
from deploy.local.environments import shared_environment
from deploy.local.ports import is_free
from deploy.local.runs import PlatformRun
from deploy.local.servers.embedded import BROKER
from deploy.local.servers.planning import ServerPlan
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import Command, Spawned, end_together, spawn
from deploy.local.terminals import LogTail, Terminal, show_new_lines
from deploy.local.units import ProcessEnd, StartFailedError, Unit
from deploy.local.waits import Wait, wait_for_unit
from deploy.local.watching import RunWatch
from deploy.processes import PREPARE, Lifetime, Stage
from schemas.errors import ConfigurationError
from schemas.wire.processes import EXIT_MISCONFIGURED, Stop

_API = "api"
_TICK_S = 0.1
#: The groups in the order in which they are ended, and the seconds in which each may end by itself.
END_ORDER = (
    ((Stage.LIVE, Stage.WARM_UP), 2.5),
    ((Stage.SERVICES,), 4.0),
    ((Stage.SERVERS,), 3.0),
)


class PortTakenError(Exception):
    """Another program took a port after it was chosen and before the server listened on it."""


class Supervisor:
    """Supervises the servers of one plan and the jobs of one run.

    Args:
        plan: The servers, and the addresses of all.
        run: The run.
        settings: The settings of the launcher.
        environment: The variables that processes are started with.
        directory: The data directory, which is held.
        terminal: Where progress is shown.
    """

    def __init__(
        self,
        plan: ServerPlan,
        run: PlatformRun,
        settings: LauncherSettings,
        environment: Mapping[str, str],
        *,
        directory: DataDirectory,
        terminal: Terminal,
    ) -> None:
        self._plan = plan
        self._run = run
        self._directory = directory
        self._terminal = terminal
        shared = shared_environment(
            environment,
            directory=directory,
            run=run.environment,
            api_host=settings.host,
            api_port=plan.api_port,
        )
        self._units = units_of(plan, run, shared)
        self._watch = RunWatch(
            self._units,
            api_url=str(plan.endpoints.api_url),
            run=run,
            environment={**environment, **run.environment},
            directory=directory,
            terminal=terminal,
        )
        self._tails = {unit.name: LogTail(directory.logs / f"{unit.name}.log") for unit in self._units}
        # The logs of servers are shown only when a server fails.
        self._shown = {
            unit.name: self._tails[unit.name]
            for unit in self._units
            if unit.stage is not Stage.SERVERS or unit.lifetime is not Lifetime.SERVICE
        }
        self._chooses_api_port = settings.port is None
        self._is_ready = False
        self._has_been_live = False
        self._refused = ""

    def run(self, stop: Stop) -> None:
        """Supervise until asked to stop, then end everything in order.

        Raises:
            ConfigurationError: If a process says that a setting is wrong.
            StartFailedError: If a one-shot without which nothing goes on failed too often.
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
        stage = self._reached()
        self._watch.observe(self._waits(stage), is_answering=self._is_ready, is_live=stage is Stage.LIVE)

    def _note_refusal(self, error: Exception) -> None:
        """What the system refuses now (a file, memory, a look at a process) it may allow in the next step."""
        refused = f"{type(error).__name__}: {error}"
        if refused != self._refused:
            self._terminal.say(f"the system refuses something, which is tried again: {refused}", style="red")
        self._refused = refused

    # Ends

    def _decide(self, unit: Unit, ended: ProcessEnd) -> None:
        """Decide what the end of one process means for the others."""
        tail = self._tails[unit.name]
        for line in tail.read():
            if ended.code > 0 or unit.name in self._shown:
                self._terminal.log(unit.name, line)
        if ended.again_in_s is None:
            if unit.lifetime is Lifetime.SOURCE:
                self._terminal.say(f"{unit.name} has come to the end of its data; the rest goes on")
            return
        unit.reason = ended.how if ended.code <= 0 else tail.last_line or ended.how
        self._check_whether_hopeless(unit, ended)
        if self._is_given_up(unit, ended):
            return
        last_word = f": {tail.last_line}" if ended.code > 0 and tail.last_line else ""
        how = f"{unit.name} {ended.how}, starts again in {ended.again_in_s:g} s{last_word}"
        self._terminal.say(how, style="red")
        if unit.name == BROKER and self._plan.endpoints.kafka.is_embedded:
            self._start_the_stream_again()

    def _check_whether_hopeless(self, unit: Unit, ended: ProcessEnd) -> None:
        if self._is_port_taken(unit):
            message = f"{unit.name} found its port taken"
            raise PortTakenError(message)
        is_said_twice = unit.n_failures > 1 or unit.name == PREPARE.name
        if ended.code == EXIT_MISCONFIGURED and is_said_twice and not self._has_been_live:
            message = f"{unit.name}: {unit.reason.removeprefix('ConfigurationError: ')}"
            raise ConfigurationError(message)

    def _is_given_up(self, unit: Unit, ended: ProcessEnd) -> bool:
        """Whether a one-shot that failed too often is not started again; without some nothing can go on."""
        if self._watch.trouble or not self._servers_are_running():
            unit.excuse_failures()
        if not unit.has_failed_too_often(ended.code):
            return False
        log = self._directory.logs / f"{unit.name}.log"
        why = f"{unit.name} failed {unit.n_failed_runs} times in a row: {unit.reason}; its log is {log}"
        if not unit.is_dispensable:
            raise StartFailedError(why)
        unit.give_up()
        self._terminal.say(f"{why}. It is not started again, and the rest goes on without it", style="red")
        return True

    def _servers_are_running(self) -> bool:
        return all(
            unit.has_passed
            for unit in self._units
            if unit.stage is Stage.SERVERS and unit.lifetime is Lifetime.SERVICE
        )

    def _is_port_taken(self, unit: Unit) -> bool:
        if unit.name == _API and self._chooses_api_port and not self._watch.has_predicted:
            return not is_free(self._plan.api_port)
        ports = {server.name: server.port for server in self._plan.servers}
        return not self._is_ready and unit.name in ports and not is_free(ports[unit.name])

    def _start_the_stream_again(self) -> None:
        """The embedded broker keeps nothing, so a client that outlived it would skip or double records."""
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
        """The stage that may run, because everything of the stages before it has passed."""
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

    def _waits(self, stage: Stage) -> list[Wait]:
        """What holds up the stage after this one; the last stage holds up nothing."""
        if stage is Stage.LIVE:
            return []
        now_s = time.monotonic()
        return [
            wait_for_unit(unit, self._tails[unit.name].last_line, now_s=now_s)
            for unit in self._units
            if self._is_awaited(unit, stage) and not unit.has_passed
        ]

    def _servers_are_ours(self) -> bool:
        """Whether what answers is not a server of another launcher, which took the port first."""
        ports = {server.name: server.port for server in self._plan.servers}
        return all(
            unit.spawned is not None and unit.spawned.listens_on(ports[unit.name])
            for unit in self._units
            if unit.name in ports
        )

    # The end

    def _end(self) -> None:
        self._terminal.close()
        self._terminal.say("ending")
        try:
            for stages, timeout_s in END_ORDER:
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
