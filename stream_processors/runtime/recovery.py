"""Start-up is recovery: tasks are restored from their changelogs and stepped to where the job had got.

For each task, in this order:

1. The newest committed state is restored, key by key, from the changelog. The changelog is read from its
   beginning to its end; compaction keeps it near the size of the state.
2. The inputs between the checkpoint's offsets and the committed offsets are stepped silently, because their
   outputs are published already.
3. The broadcasts that the checkpoint does not contain are stepped, to their present end.

Every broadcast that was stepped is followed by a checkpoint, so a new one comes after those inputs: a
promotion must not find a row without a prediction when its prediction is published already. Where a state
could not be restored, everything is stepped again, and there the broadcasts come before the inputs. A
joining job steps nothing silently: see :func:`begin_at_checkpoint`.
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
from stream_processors.runtime.pending import PendingCommit
from stream_processors.runtime.tasks import Task, step_broadcast

log = structlog.get_logger()
#: How often the log says how far a long restore has got.
_PROGRESS_S = 5.0
_LOOK_EVERY = 10_000
#: A changelog partition with fewer offsets than this is read together with others.
_MANY = 50_000


def recovered_tasks(
    job: Job,
    numbers: Sequence[int],
    *,
    endpoint: KafkaEndpoint,
    committed: Positions,
    pending: PendingCommit,
) -> dict[int, Task]:
    """Return the tasks of partition numbers, each stepped to the committed offsets.

    Args:
        job: The job that they belong to.
        numbers: The partition numbers.
        endpoint: The broker.
        committed: The committed offsets of the job's inputs.
        pending: Collects what follows from broadcasts that no checkpoint contains.
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
    """Return a task with the state that was found, or an empty task that deletes what it cannot restore.

    Args:
        job: The job that the task belongs to.
        number: The task's partition number.
        found: The state in the changelog.
    """
    task = Task(job.make_operator(number), partition=number)
    try:
        task.restore(found)
    except SnapshotMismatchError as error:  # the inputs are stepped again instead
        log.warning("the kept state is not used", job=job.name, partition=number, reason=str(error))
        found = ChangelogState(None, found.entries)
        task = Task(job.make_operator(number), partition=number)
    if found.head is None:
        task.begin_anew(found.entries.keys())
    return task


def _states(
    job: Job, numbers: Sequence[int], endpoint: KafkaEndpoint, committed: Positions
) -> Iterator[tuple[int, ChangelogState]]:
    """Yield each partition number with the state in its changelog."""
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
    """Return which partitions are read together: each connection costs time, each large changelog memory."""
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
    """Yield the records; the log says how far a long read has got."""
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
    """Let a joining task continue at its checkpoint, or at the beginning without one, whatever was committed.

    Everything that it published is bound to its checkpoints, so nothing after the newest one is published
    yet. Its outputs follow from several partitions, of which the committed offsets tell only one, so
    stepping silently could lose outputs.
    """
    for topic in job.inputs:
        task.offsets.setdefault(topic.name, 0)


def check_log(committed: Positions, ends: Positions) -> None:
    """Refuse a log that ends before the committed offsets.

    Raises:
        OffsetRegressionError: If a partition does; the message names it.
    """
    for where, end in ends.items():
        if committed.get(where, 0) > end:
            message = (
                f"{where[0]} partition {where[1]} ends at {end}, but {committed[where]} was committed: "
                "this is another log; reset the consumer group or use the log that it belongs to"
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
    """Step silently up to the committed offsets."""
    ends = {where: offset for where, offset in committed.items() if where[1] == task.partition}
    starts = {where: task.offsets.get(where[0], 0) for where in ends}
    behind = [where for where in ends if starts[where] < ends[where]]
    n = step_again(task, read_runs(endpoint, starts, ends), n_topics=len(behind))
    task.offsets |= {name: max(offset, task.offsets.get(name, 0)) for (name, _), offset in ends.items()}
    return n


def step_again(task: Task, runs: Iterable[Run], *, n_topics: int) -> int:
    """Step messages silently whose outputs are published already.

    Args:
        task: The task to step.
        runs: The messages, in the order of the log for each partition.
        n_topics: How many topics they come from; the events of several topics are merged by known time.

    Returns:
        How many messages were stepped.
    """
    return sum(map(task.step_silently, runs)) if n_topics == 1 else _restep_merged(task, runs)


def _restep_merged(task: Task, runs: Iterable[Run]) -> int:
    """Step several inputs, merged by known time, which is about the order in which they were first read.

    Reading a whole stretch returns its topics in any order. A topic that the operator holds waits for the
    others here too.
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
            log.debug("a message of a dead letter was stepped again", topic=name)
    return n
