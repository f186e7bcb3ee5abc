"""Counts the rows of each target as ``driftline train`` counts them, and says what would bring those that are missing."""

import math

from schemas.artifacts import ModelTarget
from schemas.companions import predicted_of
from schemas.features import FeatureTable
from schemas.streams import StreamDescription
from schemas.targets import TargetPair
from schemas.time import Interval
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import spec_of
from trainers.inputs.waiting import FeatureHistory
from trainers.quality.reports import TrainingRows
from trainers.settings import TrainerSettings
from trainers.training.fitting import training_decisions
from trainers.training.offered import offered

_DAY_MS = Interval.ONE_DAY.milliseconds
_DAYS_OF_MONTH = 30


def training_rows(
    features: FeatureHistory, description: StreamDescription, settings: TrainerSettings, *, now_ms: int
) -> list[TrainingRows]:
    """Return how many rows each target of a run has, in the order in which they are trained.

    Args:
        features: The features that training would read.
        description: Of the run.
        settings: The targets, the recipe and the least number of rows.
        now_ms: Up to where history reaches.
    """
    companions = settings.parsed_companions()
    return [
        _of_target(features, description, settings, instrument, pair, now_ms=now_ms)
        for pair in settings.parsed_targets()
        for instrument in predicted_of(companions, description.instruments)
    ]


def _of_target(
    features: FeatureHistory,
    description: StreamDescription,
    settings: TrainerSettings,
    instrument: str,
    pair: TargetPair,
    *,
    now_ms: int,
) -> TrainingRows:
    target = ModelTarget(instrument=instrument, interval=pair.interval, horizon=pair.horizon)
    until_ms, n_needed = description.warm_up_until_ms, settings.train_minimum_rows
    table = features.feature_table(
        description.stream,
        instrument=instrument,
        interval=pair.interval,
        until_ms=until_ms,
        spec_hash=spec_of(settings.parsed_companions().get(instrument)).hash,
    )
    n_rows = 0
    if table is not None:
        recipe = offered()[settings.train_model]
        decisions = training_decisions(table, recipe, target=target, known_by_ms=until_ms)
        n_rows = int(decisions.own.is_decided.sum())
    remedy = (
        "" if n_rows >= n_needed else _remedy(description, target, table, n_needed - n_rows, now_ms=now_ms)
    )
    return TrainingRows(target=str(target), n_rows=n_rows, n_needed=n_needed, remedy=remedy)


def _remedy(
    description: StreamDescription,
    target: ModelTarget,
    table: FeatureTable | None,
    n_missing: int,
    *,
    now_ms: int,
) -> str:
    """Say what would bring the rows: longer history, or the bars that are missing in it."""
    is_long_enough = table is not None and len(table.as_of_ms) >= 2 * (n_missing + SPEC.warm_up_bars)
    if table is not None and is_long_enough:
        n_incomplete = int((~table.is_warm).sum())
        if n_incomplete:
            holes = f"bars are missing in between, so that {n_incomplete:,} of {len(table.as_of_ms):,} rows are incomplete"
            is_live = description.kind.runs_by_wall_clock
            way = (
                "`driftline backfill` fetches those that the venue has"
                if is_live
                else "NO_TRADE=60 if nothing was traded then"
            )
            return f"{holes}; {way}"
    return _longer_history(description, target, n_missing, now_ms=now_ms)


def _longer_history(
    description: StreamDescription, target: ModelTarget, n_missing: int, *, now_ms: int
) -> str:
    """Say how much longer the history must be: one bar for each row, and those before the features are warm."""
    n_bars = n_missing + SPEC.warm_up_bars
    days = math.ceil(n_bars * target.interval.milliseconds / _DAY_MS)
    if description.kind.runs_by_wall_clock:
        held_days = max(0, now_ms - description.origin_ms) / _DAY_MS
        months = math.ceil((held_days + days) / _DAYS_OF_MONTH)
        return f"`driftline backfill --months {months}` reaches {days:,} days further back"
    return f"a history that begins {days:,} days earlier (DRIFTLINE_FROM; HISTORY of a capture)"
