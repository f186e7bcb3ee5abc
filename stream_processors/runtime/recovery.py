"""Start-up is recovery: tasks from their snapshots, then up to where the job had got.

Per task: the newest committed snapshot; the broadcasts that it does not hold, to their present
end, before any input; then, silently, the inputs from the snapshot's offsets to the committed ones,
whose outputs are out already. So the time it takes is bounded by how far snapshots lie apart. A joining
job steps nothing silently: see :func:`begin_at_snapshot`.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence

import structlog

from schemas import codec
from schemas.errors import ContractError, OffsetRegressionError, SnapshotMismatchError
from schemas.events import Event
from schemas.topics import BY_NAME
from schemas.wire.kafka import Positions, Run, read_range, read_runs
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.checkpointing import newest_snapshots
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.tasks import Pending, Task, step_broadcast

log = structlog.get_logger()


def recovered_tasks(
    job: Job,
    numbers: Sequence[int],
    *,
    endpoint: KafkaEndpoint,
    committed: Positions,
    pending: Pending,
) -> dict[int, Task]:
    """The tasks of partition numbers, as far on as what was committed.

    Args:
        committed: The committed offsets of the job's inputs.
        pending: Takes what broadcasts lead to that no snapshot held.
    """
    snapshots = newest_snapshots(endpoint, job=job.name, partitions=numbers, committed=committed)
    tasks: dict[int, Task] = {}
    for number in numbers:
        tasks[number] = Task(job.make_operator(number), partition=number)
        try:
            if number in snapshots:
                tasks[number].restore(snapshots[number])
        except SnapshotMismatchError as error:  # the log is stepped instead
            log.warning("snapshot left out", job=job.name, partition=number, reason=str(error))
            tasks[number] = Task(job.make_operator(number), partition=number)
    _step_broadcasts(job, tasks.values(), endpoint, pending)
    if job.is_joining:
        n_restepped = 0
        for task in tasks.values():
            begin_at_snapshot(job, task)
    else:
        n_restepped = sum(_restep(task, endpoint, committed) for task in tasks.values())
    log.info(
        "recovered",
        job=job.name,
        partitions=len(numbers),
        snapshots=len(snapshots),
        restepped=n_restepped,
    )
    return tasks


def begin_at_snapshot(job: Job, task: Task) -> None:
    """Let a joining task step on from its snapshot, or from the beginning, whatever was committed.

    What it published is bound to its snapshots, so behind the newest one nothing is out yet; and what it
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


def _step_broadcasts(job: Job, tasks: Iterable[Task], endpoint: KafkaEndpoint, pending: Pending) -> None:
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
    if len(behind) == 1:
        n = sum(task.step_silently(run) for run in read_runs(endpoint, starts, ends))
    else:
        n = _restep_merged(task, read_runs(endpoint, starts, ends))
    task.offsets |= {name: max(offset, task.offsets.get(name, 0)) for (name, _), offset in ends.items()}
    return n


def _restep_merged(task: Task, runs: Iterator[Run]) -> int:
    """Several inputs, merged by known time as they were read when they were new.

    A read of a whole stretch returns its topics in any order.
    """
    by_topic: dict[str, list[tuple[int, str, Event]]] = {}
    for run in runs:
        events = by_topic.setdefault(run.topic, [])
        for number, value in enumerate(run.values()):
            try:
                event: Event = codec.decode(BY_NAME[run.topic], value, run.headers_of(number))
            except ContractError:
                continue
            events.append((event.known_time_ms, run.topic, event))
    n = 0
    for _, name, event in heapq.merge(*by_topic.values(), key=lambda entry: entry[0]):
        n += 1
        try:
            list(task.operator.step(BY_NAME[name], event))
        except ContractError:
            log.debug("dead letter met again", topic=name)
    return n
