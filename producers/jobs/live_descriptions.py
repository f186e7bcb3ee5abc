"""Describes a live run, and makes its plans of the description that was stored first."""

import structlog

from producers.jobs.live_plans import LivePlan, LivePorts
from producers.jobs.live_runs import live_instruments, live_kind
from producers.jobs.plans import REAL_TIME, RunPlan
from producers.jobs.runs import stream_of
from producers.normalise.venue_clocks import LARGEST_LATENESS_MS
from producers.settings import ProducerSettings
from schemas.instruments import parse_instrument
from schemas.sources import BINANCE, BINANCE_FUTURES, source_of
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.time import Interval, bar_start_ms

log = structlog.get_logger()

#: The history ends with a minute that was over for so long. Some venues hand a minute out seconds after its end, and one
#: that is still missing would be missed by the training. Its trades are asked for when the run is followed.
_SETTLED_MS = 15_000


def describe_live(settings: ProducerSettings, now_ms: int, *, history_ms: int) -> StreamDescription:
    """Describe a new live run, whose history ends with the last minute that all venues hand out.

    The clock of each venue is estimated while it is followed. The description states the bound of its lateness.

    Args:
        settings: The settings of the producer.
        now_ms: The wall clock.
        history_ms: How far back its history begins.
    """
    instruments, kind = live_instruments(settings), live_kind(settings)
    owned: dict[str, list[str]] = {}
    for name in instruments:
        owned.setdefault(_source(name, settings), []).append(name)
    sources = tuple(
        StreamSource(name=source, instruments=tuple(names), lateness_ms=LARGEST_LATENESS_MS)
        for source, names in owned.items()
    )
    where = "live market" if kind is StreamKind.LIVE else "MIRROR of the live market"
    return StreamDescription(
        stream=stream_of(settings),
        kind=kind,
        title=f"{where}: {', '.join(instruments)}",
        source=sources[0].name,
        instruments=instruments,
        origin_ms=bar_start_ms(now_ms - history_ms, Interval.ONE_HOUR),
        warm_up_until_ms=bar_start_ms(now_ms - _SETTLED_MS, Interval.ONE_MINUTE),
        end_ms=None,
        speed=REAL_TIME,
        parameters={"mirror": settings.sources_mirror},
        created_ms=now_ms,
        sources=sources,
    )


def _source(instrument: str, settings: ProducerSettings) -> str:
    """The source of an instrument; Binance's perpetuals have an API of their own."""
    source = source_of(instrument, settings.parsed_sources())
    is_perpetual = parse_instrument(instrument).is_perpetual
    return BINANCE_FUTURES.name if source == BINANCE.name and is_perpetual else source


def live_plan(settings: ProducerSettings, description: StreamDescription, ports: LivePorts) -> RunPlan:
    """Return the plans of a live run: one for each source of its description that the settings still name.

    An instrument that was added to the settings later is in no source of the description, so it is not followed.

    Args:
        settings: The settings of the producer.
        description: The stored description.
        ports: The world.
    """
    wanted = set(live_instruments(settings))
    added = sorted(wanted - set(description.instruments))
    if added:
        log.warning("the run began without these instruments and does not follow them", instruments=added)
    sources = [source for source in description.sources if wanted & set(source.instruments)]
    return RunPlan(description, [LivePlan(description, source, ports) for source in sources])
