"""Finds the instrument that answers for an asset: the first healthy one of its ranked list.

Health is read at most once a second for all requests of an asset, so that an answer costs no query more than before. An
asset of one instrument is never looked at, and neither is an instrument that a request names itself.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import structlog
from fastapi import Depends

from api.reading.clocks import RunClock
from api.reading.healths import (
    InstrumentFacts,
    Judging,
    why_unhealthy,
    why_without_bars,
    why_without_prediction,
)
from api.reading.instruments import InstrumentReader
from api.reading.kept import Kept
from api.reading.names import ranked_of
from api.reading.parts import part
from api.reading.runs import RunReader
from api.settings import ApiSettings
from schemas.assets import Answering, answering_instrument, ranked_instruments
from schemas.errors import StoreUnavailableError
from schemas.streams import StreamDescription
from schemas.targets import TargetPair
from schemas.time import Clock, Interval

_KEPT_S = 1.0
_log = structlog.get_logger(__name__)


class RankedRun(NamedTuple):
    """The assets of a run.

    Attributes:
        description: The description that the rest was made from.
        assets: The ranked instruments of each asset.
        sources: The source of each instrument.
    """

    description: StreamDescription
    assets: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, str]


class JudgedAsset(NamedTuple):
    """The ranked instruments of an asset with what is known of each, and by what they are judged."""

    facts: tuple[InstrumentFacts, ...]
    judging: Judging

    def why_unhealthy(self) -> list[str | None]:
        """Return for each instrument why it is not healthy, or None."""
        return [why_unhealthy(one, self.judging) for one in self.facts]

    def for_bars(self, interval: Interval) -> Answering:
        """Return the instrument that answers with bars or features of an interval."""
        return self._answering(
            lambda one: why_without_bars(one, interval, self.judging), lambda one: one.bars_ms.get(interval)
        )

    def for_predictions(self, target: TargetPair) -> Answering:
        """Return the instrument that answers with predictions of a target."""
        return self._answering(
            lambda one: why_without_prediction(one, target, self.judging),
            lambda one: one.predictions_ms.get(target),
        )

    def _answering(
        self, why: Callable[[InstrumentFacts], str | None], newest_ms: Callable[[InstrumentFacts], int | None]
    ) -> Answering:
        times = {one.instrument: ms for one in self.facts if (ms := newest_ms(one)) is not None}
        # Where nothing of what is asked for is there yet, the instrument answers that will probably have it first.
        found = self.why_unhealthy() if not times else [why(one) for one in self.facts]
        names = [one.instrument for one in self.facts]
        reasons = {name: reason for name, reason in zip(names, found, strict=True) if reason is not None}
        return answering_instrument(names, reasons, newest_ms=times)


class AssetReader:
    """Finds the instrument that a request names, or that answers for the asset that it names.

    Args:
        settings: The settings, which prefer instruments.
        run: The run that is served.
        run_clock: The clock that data are judged by.
        instruments: Reads what is known of instruments.
        clock: Measures for how long that is kept.
    """

    def __init__(
        self,
        settings: ApiSettings,
        *,
        run: RunReader,
        run_clock: RunClock,
        instruments: InstrumentReader,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._run = run
        self._run_clock = run_clock
        self._instruments = instruments
        self._clock = clock
        self._ranked: RankedRun | None = None
        self._kept: dict[tuple[str, ...], Kept[JudgedAsset]] = {}
        self._all = Kept(self._judge_all, clock, kept_s=_KEPT_S)

    def ranked(self) -> RankedRun:
        """Return the assets of the run with their ranked instruments.

        Raises:
            NotReadyError: If the run has not begun.
        """
        description = self._run.description()
        if self._ranked is None or self._ranked.description is not description:
            listed = self._settings.live_names if description.kind.runs_by_wall_clock else ()
            preferred = [*self._settings.references.values(), *listed]
            sources = {name: source.name for source in description.sources for name in source.instruments}
            self._ranked = RankedRun(
                description, ranked_instruments(description.instruments, preferred=preferred), sources
            )
        return self._ranked

    def for_bars(self, name: str, interval: Interval) -> Answering:
        """Return the instrument that answers with bars or features.

        Args:
            name: An instrument or an asset, as it stands in the path.
            interval: The length of the bars.

        Raises:
            UnknownNameError: If the run has no such name.
            NotReadyError: If the run has not begun.
        """
        return self._answering(name, lambda judged: judged.for_bars(interval))

    def for_predictions(self, name: str, target: TargetPair) -> Answering:
        """Return the instrument that answers with predictions. Those of the champion decide, for every arm.

        Args:
            name: An instrument or an asset, as it stands in the path.
            target: The target.

        Raises:
            UnknownNameError: If the run has no such name.
            NotReadyError: If the run has not begun.
        """
        return self._answering(name, lambda judged: judged.for_predictions(target))

    def all_judged(self) -> Mapping[str, JudgedAsset]:
        """Return what is known of the ranked instruments of every asset, at most a second old.

        Raises:
            NotReadyError: If the run has not begun.
            StoreUnavailableError: If that was never read, and the stores do not answer.
        """
        self.ranked()
        return self._all.newest()

    def judged(self, ranked: tuple[str, ...]) -> JudgedAsset:
        """Return what is known of the ranked instruments of an asset, at most a second old.

        Raises:
            StoreUnavailableError: If that was never read, and the stores do not answer.
        """
        kept = self._kept.get(ranked)
        if kept is None:
            kept = self._kept.setdefault(
                ranked, Kept(lambda: self._judge(ranked), self._clock, kept_s=_KEPT_S)
            )
        return kept.newest()

    def _answering(self, name: str, answering: Callable[[JudgedAsset], Answering]) -> Answering:
        run = self.ranked()
        ranked = ranked_of(
            name, references=self._settings.references, assets=run.assets, instruments=run.sources
        )
        if len(ranked) == 1:
            return Answering(ranked[0])
        try:
            return answering(self.judged(ranked))
        except StoreUnavailableError as error:
            _log.debug("the health of instruments is not known", name=name, reason=str(error))
            return Answering(ranked[0])

    def _judge(self, ranked: tuple[str, ...]) -> JudgedAsset:
        facts = self._instruments.facts(ranked, self.ranked().sources)
        return JudgedAsset(tuple(facts), self._judging())

    def _judge_all(self) -> Mapping[str, JudgedAsset]:
        run = self.ranked()
        names = [name for ranked in run.assets.values() for name in ranked]
        facts = {one.instrument: one for one in self._instruments.facts(names, run.sources)}
        judging = self._judging()
        return {
            asset: JudgedAsset(tuple(facts[name] for name in ranked), judging)
            for asset, ranked in run.assets.items()
        }

    def _judging(self) -> Judging:
        return Judging(self._run_clock.now_ms(), self._run.kind().runs_by_wall_clock)


AssetsPart = Annotated[AssetReader, Depends(part(AssetReader))]
