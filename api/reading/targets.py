"""Finds the targets that requests name and that the settings configure, and says why one has no prediction."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import Depends

from api.errors import UnknownNameError
from api.reading.alarms import LeakAlarms
from api.reading.assets import AssetReader
from api.reading.bars import BarReader
from api.reading.names import target_of
from api.reading.parts import part
from api.reading.promotions import PromotionReader
from api.reading.runs import RunReader
from api.reading.waiting import MissingBars, missing_bars, no_arm_words, no_prediction_words
from api.settings import ApiSettings
from schemas.arms import CHAMPION
from schemas.assets import Answering
from schemas.companions import predicted_of
from schemas.errors import NotReadyError, PlatformError
from schemas.streams import StreamDescription
from schemas.targets import Target
from schemas.time import Interval
from stream_processors.features.declarations import SPEC


class RequestedTarget(NamedTuple):
    """The target that a request names, and how its instrument was chosen."""

    target: Target
    answering: Answering


class TargetFinder:
    """Finds the targets of one run.

    Args:
        settings: The settings, which list the targets.
        run: The run that is served.
        assets: Finds the instrument that answers for an asset.
        promotions: Reads the arms that versions were promoted to.
        alarms: States which versions a leak alarm holds back.
        bars: Reads the newest bars, of which a target may lack some.
    """

    def __init__(
        self,
        settings: ApiSettings,
        *,
        run: RunReader,
        assets: AssetReader,
        promotions: PromotionReader,
        alarms: LeakAlarms,
        bars: BarReader,
    ) -> None:
        self._settings = settings
        self._run = run
        self._assets = assets
        self._promotions = promotions
        self._alarms = alarms
        self._bars = bars
        self._configured: tuple[StreamDescription, tuple[Target, ...]] | None = None

    def requested(
        self, name: str, interval: Interval | None, horizon: Interval | None, *, arm: str = CHAMPION
    ) -> RequestedTarget:
        """Return the target that a request names.

        Args:
            name: An instrument or an asset, as it stands in the path.
            interval: The interval of the request; None if the request names none.
            horizon: The horizon of the request; None if the request names none.
            arm: The alias of the versions.

        Raises:
            UnknownNameError: If the run has no instrument or asset of this name.
            NotReadyError: If the run has not begun.
        """
        wanted = target_of(interval, horizon, default=self._settings.default)
        answering = self._assets.for_predictions(name, wanted)
        target = Target(self._run.stream, answering.instrument, wanted.interval, wanted.horizon, arm)
        return RequestedTarget(target, answering)

    def configured(self) -> Sequence[Target]:
        """Return the targets of the run that are to be predicted, the default one first of each instrument.

        Raises:
            NotReadyError: If the run has not begun.
        """
        description = self._run.description()
        if self._configured is None or self._configured[0] is not description:
            predicted = predicted_of(self._settings.parsed_companions(), description.instruments)
            targets = tuple(
                Target(self._run.stream, instrument, *name)
                for instrument in predicted
                for name in self._settings.served
            )
            self._configured = description, targets
        return self._configured[1]

    def check(self, target: Target) -> None:
        """Raise an error if a target can never have a prediction as things are.

        Raises:
            UnknownNameError: If the target is not configured, or no version was promoted to its arm.
        """
        served = self._settings.served
        if target.pair not in served:
            message = f"no model predicts {target.pair} (interval:horizon); served are {', '.join(map(str, served))}"
            raise UnknownNameError(message)
        if target.arm == CHAMPION:
            return
        promoted = self._promotions.newest(target.arm, instruments=[target.instrument])
        if target[1:4] not in {(one.instrument, one.interval, one.horizon) for one in promoted}:
            raise UnknownNameError(no_arm_words(target, self._promotions.arms()))

    def no_prediction(self, target: Target) -> PlatformError:
        """Return the error of a target that has no prediction: it is not known, or not ready yet."""
        try:
            self.check(target)
        except UnknownNameError as error:
            return error
        promoted = self._promotions.newest(target.arm)
        return NotReadyError(
            no_prediction_words(
                target,
                promoted,
                held_back=self._alarms.why_held_back(target),
                missing=self.missing_bars(target),
            )
        )

    def missing_bars(self, target: Target) -> MissingBars | None:
        """Return the bars that a target lacks before its features are complete; None if it lacks none."""
        n_needed = SPEC.warm_up_bars
        bars = self._bars.newest(instrument=target.instrument, interval=target.interval, limit=n_needed)
        lacks_history_file = self._run.description().lacks_history_file
        return missing_bars(bars, n_needed=n_needed, lacks_history_file=lacks_history_file)

    def missing_history(self, target: Target) -> MissingBars | None:
        """Return the missing bars of a capture without a file of history; other runs have too many targets to look."""
        return self.missing_bars(target) if self._run.description().lacks_history_file else None


TargetsPart = Annotated[TargetFinder, Depends(part(TargetFinder))]
