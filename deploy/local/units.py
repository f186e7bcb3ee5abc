"""One supervised process: its state, when it is started again, and when it is given up.

::

    WAITING --start--> RUNNING --ends with 0--> DONE         (one-shots, sources)
                          |
                          +----fails---------> BACKING_OFF --due--> RUNNING
                                                  |
                                                  +--failed too often--> GIVEN_UP    (one-shots)
    any ----stand_down--> WAITING
    WAITING, BACKING_OFF --the system refuses another process or file--> BACKING_OFF

A unit is told the time and asks no clock, so that its decisions can be tested without waiting.
"""

import signal
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from deploy.local.spawning import Command, Spawned
from deploy.processes import Lifetime, Stage
from schemas.errors import ConfigurationError, PlatformError, TransientError

Spawn = Callable[[Command], Spawned]

#: A one-shot that fails with an error of its own fails in the same way next time.
MOST_FAILURES = 3
#: A one-shot that was killed, or that a server did not answer, may succeed later.
MOST_PASSING_FAILURES = 8
_PASSING: tuple[type[TransientError], ...] = (TransientError, *TransientError.__subclasses__())


class StartFailedError(PlatformError):
    """A one-shot without which nothing goes on failed too often."""


class UnitState(StrEnum):
    """The state of a process in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    DONE = "done"
    GIVEN_UP = "given up"


class Backoff(NamedTuple):
    """How long to wait before a process is started again.

    Attributes:
        stable_s: A process that lived this long starts again after the first delay.
    """

    first_s: float = 0.25
    factor: float = 2.0
    longest_s: float = 8.0
    stable_s: float = 20.0

    def delay_s(self, n_failures: int) -> float:
        """Return the wait after this many failures in a row, the newest included."""
        return float(min(self.first_s * self.factor ** (n_failures - 1), self.longest_s))


class ProcessEnd(NamedTuple):
    """How a process ended.

    Attributes:
        code: Its exit code, negative for a signal.
        again_in_s: The seconds until it is started again; None if it is not.
    """

    code: int
    again_in_s: float | None

    @property
    def how(self) -> str:
        """The end in words, as the predicate of a sentence."""
        if self.code < 0:
            return f"was killed by {signal.Signals(-self.code).name}"
        return "ended" if self.code == 0 else f"failed with exit code {self.code}"


class Unit:
    """A supervised process.

    Args:
        command: How it is started.
        stage: The stage in which it is started.
        lifetime: What its end means.
        is_broker_client: Whether it is started again when the embedded broker died.
        is_awaited_once: Whether later stages wait for its end at the first start only.
        is_dispensable: Whether the other processes go on without it when it is given up.
        ends_when: What ends a one-shot.
        backoff: How long it waits before it is started again.
        prepare: Called before every start.

    Attributes:
        n_failures: The number of failures in a row that decides the back-off.
        n_failed_runs: The number of runs in a row that failed; it also counts long ones.
    """

    def __init__(
        self,
        command: Command,
        *,
        stage: Stage,
        lifetime: Lifetime = Lifetime.SERVICE,
        is_broker_client: bool = False,
        is_awaited_once: bool = False,
        is_dispensable: bool = False,
        ends_when: str = "",
        backoff: Backoff | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.command = command
        self.stage = stage
        self.lifetime = lifetime
        self.is_broker_client = is_broker_client
        self.is_awaited_once = is_awaited_once
        self.is_dispensable = is_dispensable
        self.ends_when = ends_when
        self.state = UnitState.WAITING
        self.spawned: Spawned | None = None
        self.n_restarts = 0
        self.n_failures = 0
        self.n_failed_runs = 0
        self.reason = ""
        self.due_s = 0.0
        self._n_starts = 0
        self._backoff = Backoff() if backoff is None else backoff
        self._prepare = prepare

    @property
    def name(self) -> str:
        """Its name in logs and tables."""
        return self.command.name

    @property
    def has_passed(self) -> bool:
        """Whether the next stage may begin, as far as this process is concerned."""
        if self.lifetime is Lifetime.ONE_SHOT:
            return self.state in {UnitState.DONE, UnitState.GIVEN_UP}
        return self.state in {UnitState.RUNNING, UnitState.DONE}

    def start_if_due(self, spawn: Spawn, *, now_s: float) -> bool:
        """Start it if it waits for its first start or its back-off is over, and return whether it was started.

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
        """After the first start, a refusal may have a reason that passes, such as a full disk."""
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

    def notice_end(self, *, now_s: float) -> ProcessEnd | None:
        """Return how it ended, if it did since the last call, and decide whether it is started again."""
        if self.spawned is None or self.state is not UnitState.RUNNING:
            return None
        code = self.spawned.exit_code()
        if code is None:
            return None
        lifetime_s = now_s - self.spawned.started_s
        self.spawned = None
        if code == 0 and self.lifetime is not Lifetime.SERVICE:
            self.state, self.n_failures, self.n_failed_runs, self.reason = UnitState.DONE, 0, 0, ""
            return ProcessEnd(code, None)
        self.n_failed_runs += 1
        return ProcessEnd(code, self._back_off(now_s=now_s, lifetime_s=lifetime_s))

    def has_failed_too_often(self, code: int) -> bool:
        """Whether a one-shot that just failed with this exit code is not to be started again."""
        is_passing = code < 0 or self.reason.startswith(tuple(f"{error.__name__}: " for error in _PASSING))
        limit = MOST_PASSING_FAILURES if is_passing else MOST_FAILURES
        return self.lifetime is Lifetime.ONE_SHOT and self.n_failed_runs >= limit

    def excuse_failures(self) -> None:
        """Forget the runs that failed, because something else was the cause."""
        self.n_failed_runs = 0

    def give_up(self) -> None:
        """Do not start it again, and let the next stage begin without it."""
        self.state = UnitState.GIVEN_UP

    def stand_down(self) -> None:
        """Kill it, and let it wait to be started again as if for the first time."""
        if self.spawned is not None:
            self.spawned.kill()
        self.spawned, self.state = None, UnitState.WAITING
        self.n_failures = self.n_failed_runs = 0
