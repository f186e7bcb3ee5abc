"""Records the perpetual futures of a live run: the job of ``driftline record``."""

import random
from collections.abc import Callable

import structlog

from producers.jobs.recording.gap_notes import RecordingGaps
from producers.jobs.recording.perpetuals import PerpetualFollower
from producers.jobs.recording.polling import PerpetualPolling
from producers.jobs.recording.recorders import FileRecorder
from producers.jobs.recording.resuming import last_ran_ms, newest_fundings, newest_trades
from producers.jobs.recording.settings import RecordingSettings
from producers.sources.binance.futures import BinanceFutures
from producers.sources.web.opening import Web, open_web
from producers.sources.web.parameters import WebParameters
from schemas.gaps import GapLedger
from schemas.time import Clock

log = structlog.get_logger()

_IDLE_S = 1.0


def record_perpetuals(
    settings: RecordingSettings,
    parameters: WebParameters,
    ledger: GapLedger,
    *,
    stream: str,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> None:
    """Record until the process is asked to end; what was recorded last is written then.

    If the settings say that nothing is recorded, it only waits for the end, so that the launcher need not know.

    Args:
        settings: What is recorded, and where.
        parameters: How the venue is asked.
        ledger: The ledger of gaps.
        stream: The run.
        clock: The clock.
        is_stopped: Whether the process was asked to end.

    Raises:
        ConfigurationError: If an instrument is none.
    """
    if not settings.recording or not settings.perpetuals:
        log.info("no perpetual futures are recorded")
        while not is_stopped():
            clock.sleep(_IDLE_S)
        return
    with open_web(parameters, clock, is_stopped=is_stopped) as web:
        _record(settings, web, ledger, stream=stream, clock=clock, is_stopped=is_stopped)


def _record(
    settings: RecordingSettings,
    web: Web,
    ledger: GapLedger,
    *,
    stream: str,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> None:
    venue = BinanceFutures(settings.perpetuals, web.fetcher)
    known = {"folder": settings.folder, "stream": stream, "instruments": venue.instruments}
    recorder = FileRecorder(settings.folder, clock, stream=stream, options=settings.options)
    follower = PerpetualFollower(
        venue,
        web.sockets,
        clock,
        recorder=recorder,
        gaps=RecordingGaps(ledger, clock, stream=stream, source=venue.name),
        newest=newest_trades(settings.folder, stream, venue.instruments),
        last_ran_ms=last_ran_ms(settings.folder, stream),
        chance=random.Random(),  # noqa: S311 - it spreads attempts in time
    )
    polling = PerpetualPolling(
        venue,
        clock,
        recorder=recorder,
        newest_funding_ms=newest_fundings(settings.folder, stream, venue.instruments),
    )
    log.info("recording begins", **{name: str(value) for name, value in known.items()})
    recorder.start()
    polling.start()
    try:
        while not is_stopped():
            clock.sleep(follower.step())
    finally:
        follower.close()
        polling.close()
        recorder.close()
