"""The plan of a simulated market, which is made at its first start and continued at any later start."""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from producers.jobs.plans import REAL_TIME, Reject, SourcePlan
from producers.jobs.runs import stream_of
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from producers.sources.simulated.market import INSTRUMENT, SimulatedMarket
from producers.sources.simulated.parameters import MarketParameters
from schemas.frames import Breach
from schemas.sources import SIMULATED
from schemas.streams import StreamDescription, StreamKind
from schemas.time import Interval, bar_start_ms

#: A simulation that was stopped for longer catches up with candles rather than with every trade.
LONGEST_TICK_GAP_MS = 2 * Interval.ONE_HOUR.milliseconds


class SimulationPlan(SourcePlan):
    """Publishes candles of the simulated market up to its first start, and then its ticks without end."""

    is_live = False

    def __init__(self, description: StreamDescription) -> None:
        self.description = description
        self.source = description.sources[0]
        self.breaches: Sequence[Breach] = ()
        self.rejects: Sequence[Reject] = ()
        stated = {name: description.parameters[name] for name in MarketParameters.__struct_fields__}
        self.market = SimulatedMarket(
            msgspec.convert(stated, MarketParameters),
            origin_ms=description.origin_ms,
            stream=description.stream,
        )

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:
        """Return the missing candles of the warm-up, and then the trades; see the port.

        After a long pause its whole minutes are candles, as the history of a venue would have given them.
        """
        description = self.description
        warm_up_ms = description.warm_up_until_ms
        reached_ms = max(
            description.origin_ms,
            after.candle_end_ms or 0,
            -1 if after.tick_known_ms is None else after.tick_known_ms,
        )
        candles = self.market.candles(reached_ms, warm_up_ms) if reached_ms < warm_up_ms else iter(())
        if until_ms is not None and until_ms <= warm_up_ms:
            return candles
        return chain(candles, self._ticks(max(reached_ms, warm_up_ms), now_ms))

    def _ticks(self, from_ms: int, now_ms: int) -> Iterator[MarketEvent]:
        if now_ms - from_ms <= LONGEST_TICK_GAP_MS:
            return self.market.ticks(from_ms)
        minute_ms = Interval.ONE_MINUTE.milliseconds
        whole_ms = bar_start_ms(from_ms + minute_ms - 1, Interval.ONE_MINUTE)
        today_ms = bar_start_ms(now_ms, Interval.ONE_MINUTE)
        return chain(
            self.market.ticks(from_ms, whole_ms),
            self.market.candles(whole_ms, today_ms),
            self.market.ticks(today_ms),
        )


def describe_simulation(settings: ProducerSettings, now_ms: int) -> StreamDescription:
    """Describe a new simulation, whose history ends now, usually a fortnight after its origin."""
    parameters = settings.market_parameters
    history_ms = settings.simulated_history_days * Interval.ONE_DAY.milliseconds
    return StreamDescription(
        stream=stream_of(settings),
        kind=StreamKind.SIMULATION,
        title=f"simulated market, seed {parameters.seed}",
        source=SIMULATED.name,
        instruments=(INSTRUMENT,),
        origin_ms=bar_start_ms(now_ms - history_ms, Interval.ONE_HOUR),
        warm_up_until_ms=bar_start_ms(now_ms, Interval.ONE_MINUTE),
        end_ms=None,
        speed=REAL_TIME,
        parameters=msgspec.structs.asdict(parameters),
        created_ms=now_ms,
    )
