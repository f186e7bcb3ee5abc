"""One supervised process: its state, and when it is started again.

::

    WAITING --start--> RUNNING --ends well--> DONE           (one-shots, sources)
                          |
                          +----fails--------> BACKING_OFF --due--> RUNNING
    any ----stand_down--> WAITING
    WAITING, BACKING_OFF --the system refuses another process or file--> BACKING_OFF

It is told the time and asks no clock, so that its decisions can be tested without waiting.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from deploy.local.spawning import Command, Spawned
from deploy.processes import Lifetime, Stage
from schemas.errors import ConfigurationError

Spawn = Callable[[Command], Spawned]


class UnitState(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    DONE = "done"


class Backoff(NamedTuple):
    """How long to wait before a process is started again.

    Attributes:
        stable_s: A process that lived this long starts again at the first delay.
    """

    first_s: float = 0.25
    factor: float = 2.0
    longest_s: float = 8.0
    stable_s: float = 20.0

    def delay_s(self, n_failures: int) -> float:
        """The wait after this many failures in a row, the newest included."""
        return float(min(self.first_s * self.factor ** (n_failures - 1), self.longest_s))


class Ended(NamedTuple):
    """How a process came to its end.

    Attributes:
        code: Its exit code, negative for a signal.
        again_in_s: When it is started again; None when it is not.
    """

    code: int
    again_in_s: float | None


class Unit:
    """A supervised process.

    Args:
        prepare: Called before every start.
    """

    def __init__(
        self,
        command: Command,
        *,
        stage: Stage,
        lifetime: Lifetime = Lifetime.SERVICE,
        is_broker_client: bool = False,
        is_awaited_once: bool = False,
        backoff: Backoff | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.command = command
        self.stage = stage
        self.lifetime = lifetime
        self.is_broker_client = is_broker_client
        self.is_awaited_once = is_awaited_once
        self.state = UnitState.WAITING
        self.spawned: Spawned | None = None
        self.n_restarts = 0
        self.n_failures = 0
        self.reason = ""
        self.due_s = 0.0
        self._n_starts = 0
        self._backoff = Backoff() if backoff is None else backoff
        self._prepare = prepare

    @property
    def name(self) -> str:
        """Names it in logs and tables."""
        return self.command.name

    @property
    def has_passed(self) -> bool:
        """Whether the next stage may begin, as far as this process is concerned."""
        if self.lifetime is Lifetime.ONE_SHOT:
            return self.state is UnitState.DONE
        return self.state in {UnitState.RUNNING, UnitState.DONE}

    def start_if_due(self, spawn: Spawn, *, now_s: float) -> bool:
        """Start it if it waits for its first start, or its back-off is over; tells whether it was.

        Raises:
            OSError: If the system refuses a process or a file; it is due again after its back-off.
            ConfigurationError: If it cannot be made ready for its very first start.
        """
        is_due = self.state is UnitState.WAITING or (
            self.state is UnitState.BACKING_OFF and now_s >= self.due_s
        )
        if not is_due:
            return False
        try:
            self._make_ready()
            self.spawned = spawn(self.command)
        except OSError as error:
            self.reason = f"could not be started: {error.strerror or error}"
            self._back_off(now_s=now_s)
            raise
        self.state = UnitState.RUNNING
        self.n_restarts = self._n_starts
        self._n_starts += 1
        return True

    def _make_ready(self) -> None:
        """What was ready once may be refused later for a reason that passes, such as a full disk."""
        try:
            self._prepare()
        except ConfigurationError as error:
            if self._n_starts == 0:
                raise
            raise OSError(str(error)) from error

    def _back_off(self, *, now_s: float, lifetime_s: float = 0.0) -> float:
        self.n_failures = 1 if lifetime_s >= self._backoff.stable_s else self.n_failures + 1
        delay_s = self._backoff.delay_s(self.n_failures)
        self.state, self.due_s = UnitState.BACKING_OFF, now_s + delay_s
        return delay_s

    def notice_end(self, *, now_s: float) -> Ended | None:
        """How it ended, if it did since the last call; decides what becomes of it."""
        if self.spawned is None or self.state is not UnitState.RUNNING:
            return None
        code = self.spawned.exit_code()
        if code is None:
            return None
        lifetime_s = now_s - self.spawned.started_s
        self.spawned = None
        if code == 0 and self.lifetime is not Lifetime.SERVICE:
            self.state, self.n_failures, self.reason = UnitState.DONE, 0, ""
            return Ended(code, None)
        return Ended(code, self._back_off(now_s=now_s, lifetime_s=lifetime_s))

    def stand_down(self) -> None:
        """Kill it, and let it wait to be started again as if for the first time."""
        if self.spawned is not None:
            self.spawned.kill()
        self.spawned, self.state, self.n_failures = None, UnitState.WAITING, 0
