"""Names what a start waits for, once a wait has lasted 15 seconds, with what would end it.

It is told the time and asks no clock.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from deploy.local.units import Unit, UnitState
from schemas.waits import NAMED_AFTER_S, WaitReminder


class Wait(NamedTuple):
    """Something that is waited for.

    Attributes:
        what: What is waited for, as a noun.
        words: Returns what would end the wait, as a clause; asked only if the wait is long.
    """

    what: str
    words: Callable[[], str]


def wait_for_unit(unit: Unit, last_line: str, *, now_s: float) -> Wait:
    """Return the wait for a unit that holds up the next stage.

    Args:
        unit: The unit.
        last_line: The last line of its log.
        now_s: The monotonic time.
    """

    def words() -> str:
        if unit.state is UnitState.BACKING_OFF:
            in_s = max(0.0, unit.due_s - now_s)
            return f"it failed {unit.n_failures} times ({unit.reason}) and starts again in {in_s:.0f} s"
        ends = f"it ends {unit.ends_when}" if unit.ends_when else f"it is {unit.state}"
        return f"{ends}; the last line of its log: {last_line}" if last_line else ends

    return Wait(unit.name, words)


class NamedWaits:
    """Remembers since when each thing is waited for, and names the long waits, each time after twice as long."""

    def __init__(self) -> None:
        self._reminders: dict[str, WaitReminder] = {}
        self._words: dict[str, str] = {}

    def due(self, waits: Sequence[Wait], *, now_s: float) -> list[str]:
        """Return a sentence for each wait that is to be named now.

        Args:
            waits: Everything that is waited for now; a wait that is missing here is over.
            now_s: The monotonic time.
        """
        names = {wait.what for wait in waits}
        for what in [what for what in self._reminders if what not in names]:
            del self._reminders[what]
            self._words.pop(what, None)
        found = []
        for wait in waits:
            reminder = self._reminders.setdefault(wait.what, WaitReminder(now_s))
            if reminder.is_due(now_s):
                self._words[wait.what] = wait.words()
                found.append(self._sentence(wait.what, now_s))
        return found

    def standing(self, *, now_s: float) -> tuple[str, ...]:
        """Return a sentence for each wait that has lasted 15 seconds."""
        return tuple(self._sentence(what, now_s) for what in self._words)

    def _sentence(self, what: str, now_s: float) -> str:
        waited_s = max(NAMED_AFTER_S, self._reminders[what].waited_s(now_s))
        return f"waited {waited_s:.0f} s for {what}: {self._words[what]}"
