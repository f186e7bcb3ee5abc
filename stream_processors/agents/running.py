"""Runs the agent in a process of its own: its event loop, its thread of scoring and its watchdog.

It ends when it is asked to, or when anything of it failed; then it is started again, and finds everything in the log.
That includes an assignment of the partition in the middle of the work, after which Faust may leave records out
(faust#596).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from aiokafka.errors import KafkaError

from schemas.errors import BrokerUnavailableError, PlatformError
from schemas.topics import NEWS_ARTICLE
from schemas.wire.clocks import SystemClock
from schemas.wire.settings import KafkaEndpoint
from stream_processors.agents.absences import lasting_absences
from stream_processors.agents.apps import GROUP, FaustOutlet, SentimentApp, make_app
from stream_processors.agents.flows import SentimentFlow
from stream_processors.agents.gathering import RecordBuffer
from stream_processors.agents.outputs import NAME
from stream_processors.agents.scoring import ArticleScoring
from stream_processors.runtime.liveness import LivenessSignals
from stream_processors.runtime.watching import Watchdog

log = structlog.get_logger()
_LOOK_S = 0.1
_END_S = 10.0
#: A partition with records left to read that has not moved for this long has stalled, as with other workers.
_STALLED_AFTER_S = 45.0
_PLACE = (NEWS_ARTICLE.name, 0)


def run_agent(
    scoring: ArticleScoring,
    *,
    endpoint: KafkaEndpoint,
    stop: Callable[[], bool],
    worker_id: str = "0",
    data_dir: Path | None = None,
) -> None:
    """Score articles until asked to stop.

    Args:
        scoring: Makes scores of articles.
        endpoint: The broker.
        stop: Asked again and again.
        worker_id: Names the member of the group.
        data_dir: Where the watchdog keeps an alert that the broker did not acknowledge; None keeps none.

    Raises:
        BrokerUnavailableError: If the broker stayed away, or assigned the partition anew.
    """
    clock = SystemClock()
    liveness = LivenessSignals(clock)
    watchdog = Watchdog(
        endpoint,
        group=GROUP,
        worker_id=worker_id,
        liveness=liveness,
        stalled_after_s=_STALLED_AFTER_S,
        data_dir=data_dir,
    )
    liveness.watch([_PLACE])
    watchdog.start()
    thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
    try:
        asyncio.run(_run(scoring, endpoint, stop, worker_id=worker_id, liveness=liveness, thread=thread))
    except (KafkaError, OSError) as error:
        message = f"Kafka: {error!r}"
        raise BrokerUnavailableError(message) from error
    finally:
        watchdog.stop()
        thread.shutdown(wait=False, cancel_futures=True)
    log.info("stopped", job=NAME, failed={str(each.id): each.n_failed for each in scoring.scorers})


async def _run(
    scoring: ArticleScoring,
    endpoint: KafkaEndpoint,
    stop: Callable[[], bool],
    *,
    worker_id: str,
    liveness: LivenessSignals,
    thread: ThreadPoolExecutor,
) -> None:
    buffer = RecordBuffer()
    app = make_app(endpoint, buffer, worker_id=worker_id)
    flow = SentimentFlow(
        buffer=buffer,
        scoring=scoring,
        outlet=FaustOutlet(app),
        thread=thread,
        returns=partial(lasting_absences, endpoint),
        on_moved=partial(liveness.moved, _PLACE),
        clock=SystemClock(),
    )
    starting = asyncio.create_task(app.start())
    flowing = asyncio.create_task(flow.run(stop))
    try:
        while not stop():
            liveness.beat()
            _check(app, starting, flowing)
            await asyncio.sleep(_LOOK_S)
        await flowing
    finally:
        starting.cancel()
        flowing.cancel()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(app.stop(), _END_S)


def _check(app: SentimentApp, starting: asyncio.Task[None], flowing: asyncio.Task[None]) -> None:
    """Raise what ended a part of the agent."""
    if flowing.done():
        flowing.result()
    if app.crashed:
        reason = app.crash_reason
        if isinstance(reason, PlatformError):
            raise reason
        message = f"Faust: {reason!r}"
        raise BrokerUnavailableError(message) from reason
    if starting.done():
        starting.result()
        if app.rebalancing_count > 1:
            message = f"Kafka: the group {GROUP} assigned the partitions anew; the agent starts again"
            raise BrokerUnavailableError(message)
