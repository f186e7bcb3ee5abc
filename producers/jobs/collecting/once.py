"""Reads every source once, side by side, and publishes what is new: for cron and for scheduled workflows."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.outcomes import Outcome, read_round
from producers.jobs.collecting.rounds import CollectedSource
from schemas.time import Clock

_LOOK_S = 0.5
#: A source that always has more must not make a run without end.
MOST_ROUNDS = 20


def collect_once(
    sources: Sequence[CollectedSource],
    collector: Collector,
    clock: Clock,
    *,
    is_stopped: Callable[[], bool],
) -> None:
    """Read every source until it has no more, and publish; returns when all of it is in the log.

    Args:
        sources: What is read.
        collector: Publishes it.
        clock: By which rounds are dated.
        is_stopped: Whether the process is to end.

    Raises:
        PlatformError: If a round cannot be published.
    """
    collector.vouch(clock.now_ms())
    left = {source.name: MOST_ROUNDS for source in sources}
    with ThreadPoolExecutor(max(len(sources), 1)) as threads:

        def read(source: CollectedSource) -> Future[Outcome]:
            left[source.name] -= 1
            return threads.submit(read_round, source, clock, is_last=True)

        running = {read(source) for source in sources}
        while running and not is_stopped():
            done, running = wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for each in done:
                outcome = each.result()
                collector.take(outcome)
                if outcome.wants_another and left[outcome.source.name] > 0:
                    running.add(read(outcome.source))
        threads.shutdown(wait=False, cancel_futures=True)
    if not is_stopped():
        collector.vouch(clock.now_ms(), is_last=True)
