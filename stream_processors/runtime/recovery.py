"""Start-up is recovery: tasks from their changelogs, then up to where the job had got.

Per task: the newest committed state, key by key; then, silently, the inputs from the checkpoint's offsets
to the committed ones, whose outputs are out already; then the broadcasts that it does not hold, to their
present end. Every broadcast that was stepped has its checkpoint, so what is new there comes after those
inputs: a promotion must not find rows unpredicted whose predictions are out. Only where a state could not
be taken over, all that was stepped is stepped again, and broadcasts are first. A changelog is read from its beginning to its end, which compaction keeps
near the size of the state. A joining job steps nothing silently: see :func:`begin_at_checkpoint`.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import structlog

from schemas import codec
from schemas.errors import ContractError, OffsetRegressionError, SnapshotMismatchError
from schemas.events import Event
from schemas.topics import BY_NAME, changelog
from schemas.wire.administration import Administration
from schemas.wire.kafka import Positions, Record, Run, read_range, read_runs
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.checkpointing import ChangelogState, state_by_descent, state_by_key
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.tasks import PendingCommit, Task, step_broadcast

log = structlog.get_logger()
#: Long work says how far it has got this often.
_PROGRESS_S = 5.0
_LOOK_EVERY = 10_000
#: A changelog of fewer offsets is read together with others.
_MANY = 50_000


def recovered_tasks(
    job: Job,
    numbers: Sequence[int],
    *,
    endpoint: KafkaEndpoint,
    committed: Positions,
    pending: PendingCommit,
) -> dict[int, Task]:
    """The tasks of partition numbers, as far on as what was committed.

    Args:
        committed: The committed offsets of the job's inputs.
        pending: Takes what broadcasts lead to that no checkpoint held.
    """
    tasks: dict[int, Task] = {}
    n_restored = 0
    for number, found in _states(job, numbers, endpoint, committed):
        tasks[number] = restored_task(job, number, found)
        n_restored += len(found.entries)
    if job.is_joining:
        n_restepped = 0
        for task in tasks.values():
            begin_at_checkpoint(job, task)
        _step_broadcasts(job, tasks.values(), endpoint, pending)
    else:
        whole = [task for task in tasks.values() if not task.lost_its_state]
        others = [task for task in tasks.values() if task.lost_its_state]
        n_restepped = sum(_restep(task, endpoint, committed) for task in whole)
        _step_broadcasts(job, tasks.values(), endpoint, pending)
        n_restepped += sum(_restep(task, endpoint, committed) for task in others)
    log.info(
        "recovered",
        job=job.name,
        partitions=len(numbers),
        keys=n_restored,
        restepped=n_restepped,
    )
    return tasks


def restored_task(job: Job, number: int, found: ChangelogState) -> Task:
    """A task with the state that was found, or an empty one that deletes what it cannot take over."""
    task = Task(job.make_operator(number), partition=number)
    try:
        task.restore(found)
    except SnapshotMismatchError as error:  # the log is stepped instead
        log.warning("state left out", job=job.name, partition=number, reason=str(error))
        found = ChangelogState(None, found.entries)
        task = Task(job.make_operator(number), partition=number)
    if found.head is None:
        task.begin_anew(found.entries.keys())
    return task


def _states(
    job: Job, numbers: Sequence[int], endpoint: KafkaEndpoint, committed: Positions
) -> Iterator[tuple[int, ChangelogState]]:
    """The state of each partition number, as its changelog has it."""
    name = changelog(job.name).name
    for together in _shares(name, numbers, endpoint):
        records: dict[int, list[Record]] = {number: [] for number in together}
        places = {(name, number): 0 for number in together}
        for record in _with_progress(read_range(endpoint, places), job=job.name):
            records[record.partition].append(record)
        for number in together:
            own = records.pop(number)
            yield (
                number,
                state_by_descent(own, committed) if endpoint.is_embedded else state_by_key(own, committed),
            )


def _shares(name: str, numbers: Sequence[int], endpoint: KafkaEndpoint) -> list[list[int]]:
    """Partitions that are read at once: a connection takes its time, and a large changelog its memory."""
    if endpoint.is_embedded or not numbers:
        return [list(numbers)]
    places = [(name, number) for number in numbers]
    administration = Administration(endpoint)
    ends, beginnings = administration.ends(places), administration.beginnings(places)
    small = [
        number
        for place, number in zip(places, numbers, strict=True)
        if ends[place] - beginnings[place] < _MANY
    ]
    return [small, *([number] for number in numbers if number not in small)]


def _with_progress(records: Iterable[Record], *, job: str) -> Iterator[Record]:
    """The records; of long reading the log says how far it has got."""
    said_s, n_bytes = time.monotonic(), 0
    for n, record in enumerate(records, start=1):
        n_bytes += len(record.value or b"")
        if n % _LOOK_EVERY == 0 and time.monotonic() - said_s > _PROGRESS_S:
            said_s = time.monotonic()
            log.info(
                "restoring",
                job=job,
                partition=record.partition,
                records=n,
                megabytes=n_bytes // 1_000_000,
            )
        yield record


def begin_at_checkpoint(job: Job, task: Task) -> None:
    """Let a joining task step on from its checkpoint, or from the beginning, whatever was committed.

    What it published is bound to its checkpoints, so behind the newest one nothing is out yet; and what it
    publishes follows from several partitions, so a silent step would lose what the committed offsets of
    one of them do not say.
    """
    for topic in job.inputs:
        task.offsets.setdefault(topic.name, 0)


def check_log(committed: Positions, ends: Positions) -> None:
    """Refuse a log that is shorter than what was committed.

    Raises:
        OffsetRegressionError: If a partition is; names it.
    """
    for where, end in ends.items():
        if committed.get(where, 0) > end:
            message = (
                f"{where[0]} partition {where[1]} ends at {end}, but {committed[where]} was committed: "
                "the log is another one; reset the consumer group or use the log it belongs to"
            )
            raise OffsetRegressionError(message)


def _step_broadcasts(
    job: Job, tasks: Iterable[Task], endpoint: KafkaEndpoint, pending: PendingCommit
) -> None:
    places = [(topic.name, number) for topic in job.broadcasts for number in range(topic.n_partitions)]
    held = list(tasks)
    if not places or not held:
        return
    starts = {place: min(task.broadcast_offsets.get(place, 0) for task in held) for place in places}
    for record in read_range(endpoint, starts):
        step_broadcast(held, record, pending)


def _restep(task: Task, endpoint: KafkaEndpoint, committed: Positions) -> int:
    """Step silently to what was committed."""
    ends = {where: offset for where, offset in committed.items() if where[1] == task.partition}
    starts = {where: task.offsets.get(where[0], 0) for where in ends}
    behind = [where for where in ends if starts[where] < ends[where]]
    n = step_again(task, read_runs(endpoint, starts, ends), n_topics=len(behind))
    task.offsets |= {name: max(offset, task.offsets.get(name, 0)) for (name, _), offset in ends.items()}
    return n


def step_again(task: Task, runs: Iterable[Run], *, n_topics: int) -> int:
    """Step silently what was committed; how many messages that were."""
    return sum(map(task.step_silently, runs)) if n_topics == 1 else _restep_merged(task, runs)


def _restep_merged(task: Task, runs: Iterable[Run]) -> int:
    """Several inputs, merged by known time as they were read when they were new.

    A read of a whole stretch returns its topics in any order. A topic that the operator holds waits for
    the others here too.
    """
    by_topic: dict[str, deque[Event]] = {}
    for run in runs:
        task.saw(run, len(run.messages))
        events = by_topic.setdefault(run.topic, deque())
        for number, value in enumerate(run.values()):
            try:
                events.append(codec.decode(BY_NAME[run.topic], value, run.headers_of(number)))
            except ContractError:
                continue
    n = 0
    while left := [name for name, events in by_topic.items() if events]:
        free = [name for name in left if not task.holds(name)]
        name = min(free or left, key=lambda name: by_topic[name][0].known_time_ms)
        n += 1
        try:
            list(task.operator.step(BY_NAME[name], by_topic[name].popleft()))
        except ContractError:
            log.debug("dead letter met again", topic=name)
    return n
