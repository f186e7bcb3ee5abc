"""Decides from what the monitor sees which alerts are raised and which are resolved.

This module is separate from looking, so that it can be tested as a timeline. The rules are:

``dead_letters``
    A consumer has open dead letters. The alert is raised at once, and resolved when there were none for a while.
``stalled_partition``
    A group has records left to read in a partition, and has not moved on there for ``stalled_after_s``. The alert is
    resolved when the group has moved on, or had nothing to read, for as long again, so that one step between two
    stalls resolves nothing. After a gap of half that time between two looks, the measuring begins anew, because the
    monitor did not run in the gap, and perhaps the group did not either.
``disk_space``, ``disk_unwritable``
    The disk of the data directory has little room left, or cannot be written. The alert is resolved when that was no
    longer so for a while.

An alert is raised once, whoever raised it, and stays until its end is seen. What is not known yet, such as the progress
of a group that was seen only once, neither raises nor resolves anything.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from schemas.events import AlertRaised, Severity
from stream_processors.operators.wakefulness import Wakefulness

DEAD_LETTERS = "dead_letters"
STALLED_PARTITION = "stalled_partition"
#: Raised by a worker whose join waits for a companion; the monitor only counts it.
JOIN_WAITS = "join_waits"
#: Raised and resolved by the market processor (:mod:`.repeats`); the monitor only counts it.
REPEATED_TRADES = "repeated_trades"
DISK_SPACE = "disk_space"
DISK_UNWRITABLE = "disk_unwritable"
#: A consumer must be without dead letters for so long, because a replay that fails again takes about a second.
LETTERS_SETTLED_S = 15.0
#: A disk must be well for so long, because a full disk has some room for a moment whenever something is deleted.
DISK_SETTLED_S = 10.0
_MB = 1_000_000

#: The position of a group that has nothing to read. Its wait begins with the look that finds something to read.
_NOWHERE = -1

Key = tuple[str, str]


class GroupPartition(NamedTuple):
    """A partition that a consumer group reads."""

    group: str
    topic: str
    partition: int

    def subject(self) -> str:
        """Return the subject of an alert about it. A worker and the monitor use this same form."""
        return f"{self.group} {self.topic}/{self.partition}"


class GroupProgress(NamedTuple):
    """How far a group is in a partition.

    Attributes:
        committed: The next offset that the group will read after a restart.
        end: The offset after the last record of the partition.
        waiting_since_ms: When the first record that the group has not consumed was published; None if nothing is left
            to read, although marks of transactions may lie before the end.
    """

    committed: int
    end: int
    waiting_since_ms: int | None

    @property
    def n_messages(self) -> int:
        """The number of offsets between the committed one and the end; 0 if nothing is left to read."""
        return 0 if self.waiting_since_ms is None else max(0, self.end - self.committed)


class DiskState(NamedTuple):
    """The state of the disk of the data directory.

    Attributes:
        subject: The name of the disk in alerts.
        free_bytes: How many bytes an ordinary user may still write.
        low_bytes: How many bytes should be left at least.
        trouble: Why the disk cannot be written, such as ``No space left on device``; empty if it can be written.
    """

    subject: str
    free_bytes: int
    low_bytes: int
    trouble: str


class MonitorObservation(NamedTuple):
    """What the monitor saw at one time.

    Attributes:
        at_s: The time, by a clock that never runs backwards.
        depths: The number of open dead letters of each consumer.
        progress: The progress of each group in each partition.
        n_lost: At most so many bars have no prediction because a champion came late.
    """

    at_s: float
    depths: Mapping[str, int]
    progress: Mapping[GroupPartition, GroupProgress]
    n_lost: int = 0


class AlertVerdict(NamedTuple):
    """An alert, or the end of an alert, to publish."""

    name: str
    subject: str
    severity: Severity
    summary: str
    value: float | None
    is_resolved: bool


class _State(Enum):
    GOOD = 1
    BAD = 2
    UNKNOWN = 3


class _Finding(NamedTuple):
    name: str
    subject: str
    state: _State
    severity: Severity
    value: float
    trouble: str
    relief: str
    settled_s: float


class _Stand(NamedTuple):
    """The offset at which a group was seen, since when, and whether it is known to have moved there."""

    committed: int
    since_s: float
    has_moved: bool


class AlertJudge:
    """Turns observations into alerts.

    Args:
        stalled_after_s: How long a group may stand still while records are left to read.
    """

    def __init__(self, *, stalled_after_s: float) -> None:
        self._stalled_after_s = stalled_after_s
        self._awake = Wakefulness(longest_gap_s=stalled_after_s / 2)
        self._stands: dict[GroupPartition, _Stand] = {}
        self._good_since_s: dict[Key, float | None] = {}

    @property
    def raised(self) -> frozenset[Key]:
        """The name and the subject of each alert that is not resolved."""
        return frozenset(self._good_since_s)

    def remember(self, alert: AlertRaised) -> None:
        """Take an alert that an earlier run or another process published."""
        key = (alert.name, alert.subject)
        if alert.is_resolved:
            self._good_since_s.pop(key, None)
        else:
            self._good_since_s.setdefault(key, None)

    def judge(self, seen: MonitorObservation) -> Iterator[AlertVerdict]:
        """Yield the alerts that are raised and those that are resolved."""
        if self._awake.since_s(seen.at_s) == seen.at_s:
            self._begin_anew(seen.at_s)
        for consumer, depth in seen.depths.items():
            yield from self._decide(_of_letters(consumer, depth), seen.at_s)
        well: dict[str, bool] = {}
        for place, progress in seen.progress.items():
            finding = self._of_progress(place, progress, seen.at_s)
            well[place.group] = well.get(place.group, True) and finding.state is _State.GOOD
            yield from self._decide(finding, seen.at_s)
        for group, is_well in well.items():
            yield from self._decide(self._of_group(group, is_well=is_well), seen.at_s)

    def judge_disk(self, disk: DiskState, *, at_s: float) -> Iterator[AlertVerdict]:
        """Yield the alerts about the disk, which can be examined while the broker does not answer."""
        for finding in _of_disk(disk):
            yield from self._decide(finding, at_s)

    def _begin_anew(self, at_s: float) -> None:
        """Forget how long anything has stood still or been well. Raised alerts stay raised."""
        self._stands = {place: stand._replace(since_s=at_s) for place, stand in self._stands.items()}
        self._good_since_s = dict.fromkeys(self._good_since_s)

    def _decide(self, finding: _Finding, at_s: float) -> Iterator[AlertVerdict]:
        key = (finding.name, finding.subject)
        is_raised = key in self._good_since_s
        match finding.state:
            case _State.BAD:
                self._good_since_s[key] = None
                if not is_raised:
                    yield _verdict(finding, is_resolved=False)
            case _State.GOOD if is_raised:
                since_s = self._good_since_s[key]
                self._good_since_s[key] = since_s = at_s if since_s is None else since_s
                if at_s - since_s >= finding.settled_s:
                    del self._good_since_s[key]
                    yield _verdict(finding, is_resolved=True)
            case _:
                pass

    def _of_progress(self, place: GroupPartition, progress: GroupProgress, at_s: float) -> _Finding:
        stand = self._stands.get(place)
        if progress.waiting_since_ms is None:
            stand = _Stand(_NOWHERE, at_s, has_moved=True)
        elif stand is None or stand.committed != progress.committed:
            stand = _Stand(progress.committed, at_s, has_moved=stand is not None)
        self._stands[place] = stand
        still_s = at_s - stand.since_s
        if still_s >= self._stalled_after_s:
            state = _State.BAD
        else:
            state = _State.GOOD if stand.has_moved else _State.UNKNOWN
        return _Finding(
            name=STALLED_PARTITION,
            subject=place.subject(),
            state=state,
            severity=Severity.PAGE,
            value=float(progress.n_messages),
            trouble=f"{place.group} stands at offset {progress.committed} of {place.topic}/{place.partition} "
            f"for {still_s:.0f} s with {progress.n_messages} messages to read: see its log, and restart it",
            relief=f"{place.group} moves on in {place.topic}/{place.partition}",
            settled_s=self._stalled_after_s,
        )

    def _of_group(self, group: str, *, is_well: bool) -> _Finding:
        """A worker that stood still as a whole raises the alert for its group; the monitor only resolves it."""
        return _Finding(
            name=STALLED_PARTITION,
            subject=group,
            state=_State.GOOD if is_well else _State.UNKNOWN,
            severity=Severity.PAGE,
            value=0.0,
            trouble="",
            relief=f"{group} moves on everywhere",
            settled_s=self._stalled_after_s,
        )


def _of_letters(consumer: str, depth: int) -> _Finding:
    return _Finding(
        name=DEAD_LETTERS,
        subject=consumer,
        state=_State.BAD if depth > 0 else _State.GOOD,
        severity=Severity.WARNING,
        value=float(depth),
        trouble=f"{depth} messages that {consumer} could not process wait: "
        f"see driftline dead-letters list --consumer {consumer}",
        relief=f"{consumer} has no open dead letters",
        settled_s=LETTERS_SETTLED_S,
    )


def _of_disk(disk: DiskState) -> tuple[_Finding, _Finding]:
    free = f"{disk.free_bytes / _MB:,.0f} MB"
    space = _Finding(
        name=DISK_SPACE,
        subject=disk.subject,
        state=_State.BAD if disk.free_bytes < disk.low_bytes else _State.GOOD,
        severity=Severity.WARNING,
        value=float(disk.free_bytes),
        trouble=f"{free} are left for {disk.subject}, fewer than {disk.low_bytes / _MB:,.0f} MB: make room",
        relief=f"{free} are left for {disk.subject}",
        settled_s=DISK_SETTLED_S,
    )
    unwritable = _Finding(
        name=DISK_UNWRITABLE,
        subject=disk.subject,
        state=_State.BAD if disk.trouble else _State.GOOD,
        severity=Severity.PAGE,
        value=float(disk.free_bytes),
        trouble=f"{disk.subject} cannot be written ({disk.trouble}): the history waits, and nothing else is stored "
        "there; make room, or mount it writable",
        relief=f"{disk.subject} can be written again",
        settled_s=DISK_SETTLED_S,
    )
    return space, unwritable


def _verdict(finding: _Finding, *, is_resolved: bool) -> AlertVerdict:
    return AlertVerdict(
        name=finding.name,
        subject=finding.subject,
        severity=finding.severity,
        summary=finding.relief if is_resolved else finding.trouble,
        value=finding.value,
        is_resolved=is_resolved,
    )
