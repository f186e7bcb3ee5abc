"""The object that every route receives: settings, stores, metrics, and the observed clock of the run."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from api.errors import UnknownNameError
from api.middleware.metering import Metrics
from api.reading.names import instrument_of, target_of
from api.reading.phases import ClockWatcher, Sight
from api.reading.stores import Found, Stores
from api.reading.waiting import MissingBars, missing_bars, no_arm_words, no_prediction_words, waiting_targets
from api.settings import ApiSettings
from schemas.arms import ARM_FORM, CHAMPION
from schemas.companions import predicted_of
from schemas.errors import NotReadyError
from schemas.events import ModelPromoted
from schemas.targets import Target
from schemas.time import Clock, Interval
from stream_processors.features.declarations import SPEC


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The parts of one application that its routes use."""

    settings: ApiSettings
    stores: Stores
    metrics: Metrics
    clock: Clock
    watcher: ClockWatcher = field(default_factory=ClockWatcher)
    _watching: threading.Lock = field(default_factory=threading.Lock)

    def instrument(self, name: str) -> str:
        """Return the instrument that a path names.

        Raises:
            UnknownNameError: If the run has no instrument of this name.
            NotReadyError: If the run has not begun.
        """
        return instrument_of(name, references=self.settings.references, description=self.stores.description)

    def target(
        self, name: str, interval: Interval | None, horizon: Interval | None, *, arm: str = CHAMPION
    ) -> Target:
        """Return the target that a request names.

        Args:
            name: An instrument or an asset, as it stands in the path.
            interval: As the request says; None where it does not.
            horizon: As the request says; None where it does not.
            arm: The alias whose versions are meant.
        """
        wanted = target_of(interval, horizon, default=self.settings.default)
        return Target(self.stores.stream, self.instrument(name), wanted.interval, wanted.horizon, arm)

    def newest_prediction(self, target: Target) -> Found:
        """Return the newest prediction of a target.

        Raises:
            NotReadyError: If the target has no prediction yet.
            UnknownNameError: If the target is not configured, so that it never gets a prediction.
        """
        found = self.stores.newest_prediction(target)
        if found is not None:
            return found
        self.check_served(target)
        self.check_arm(target)
        promoted = self.stores.newest_promotions(target.arm)
        raise NotReadyError(no_prediction_words(target, promoted, missing=self.missing_bars(target)))

    def configured(self) -> list[Target]:
        """The targets of the run that are to be predicted, the default ones first of each instrument.

        Raises:
            NotReadyError: If the run has not begun.
        """
        predicted = predicted_of(self.settings.parsed_companions(), self.stores.description().instruments)
        return [
            Target(self.stores.stream, instrument, *name)
            for instrument in predicted
            for name in self.settings.served
        ]

    def waiting(self, promoted: Sequence[ModelPromoted]) -> list[Target]:
        """The configured targets of the run that have no model yet; mere companions wait for none.

        Args:
            promoted: The champions that there are.

        Raises:
            NotReadyError: If the run has not begun.
        """
        return waiting_targets(self.configured(), promoted)

    def missing_bars(self, target: Target) -> MissingBars | None:
        """Return the bars that a target lacks before its features are complete; None if it lacks none."""
        n_needed = SPEC.warm_up_bars
        bars = self.stores.bars(instrument=target.instrument, interval=target.interval, limit=n_needed)
        lacks_history_file = self.stores.description().lacks_history_file
        return missing_bars(bars, n_needed=n_needed, lacks_history_file=lacks_history_file)

    def check_served(self, target: Target) -> None:
        """Raise an error if no model is ever trained for a target.

        Raises:
            UnknownNameError: If it is not among the configured ones.
        """
        served = self.settings.served
        if target.pair not in served:
            message = f"no model predicts {target.pair} (interval:horizon); served are {', '.join(map(str, served))}"
            raise UnknownNameError(message)

    def check_arm(self, target: Target) -> None:
        """Refuse another arm than the champion that no version of a target was promoted to.

        Raises:
            UnknownNameError: If there was none.
        """
        if target.arm == CHAMPION:
            return
        held = {
            (one.instrument, one.interval, one.horizon) for one in self.stores.newest_promotions(target.arm)
        }
        if target[1:4] not in held:
            raise UnknownNameError(no_arm_words(target, self.stores.arms()))

    def data_age_s(self, as_of_ms: int, now_ms: int | None) -> float | None:
        """Return the time from an as-of time to now, never negative; None if the current time is not known."""
        return None if now_ms is None else max(0, now_ms - as_of_ms) / 1000

    def sight(self) -> Sight:
        """Read the clock of the run, and since when it shows that time."""
        clock_ms = self.stores.clock_ms()
        with self._watching:
            return self.watcher.saw(clock_ms, at_s=self.clock.monotonic_s())


async def _serving_of(request: Request) -> Serving:
    return cast("Serving", request.app.state.serving)


ServingPart = Annotated[Serving, Depends(_serving_of)]
NamePart = Annotated[
    str,
    Path(
        max_length=60,
        description="An instrument, or an asset, which stands for its reference instrument.",
        examples=["BTC", "BTC-USDT.BINANCE"],
    ),
]
IntervalPart = Annotated[
    Interval | None, Query(description="The bars that are looked at; by default those of the default target.")
]
HorizonPart = Annotated[
    Interval | None,
    Query(description="How far ahead; by default the default target's for its interval, else one bar."),
]
ArmPart = Annotated[
    str,
    Query(
        pattern=ARM_FORM,
        description="Whose: the alias under which versions are scored, such as `challenger` or `shadow`.",
        examples=["champion"],
    ),
]


def _target_of(
    serving: ServingPart,
    name: NamePart,
    interval: IntervalPart = None,
    horizon: HorizonPart = None,
    arm: ArmPart = CHAMPION,
) -> Target:
    return serving.target(name, interval, horizon, arm=arm)


TargetPart = Annotated[Target, Depends(_target_of)]
