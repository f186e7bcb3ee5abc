"""Decisions in batches: the predictions of models for whole tables of features, at each bar's close.

This is the batch form of :func:`trainers.models.decisions.decide`. It reads the same columns by the same
names, converts them by the same function and runs the same ONNX bytes, which give the same bits for a row
alone and in a batch; ``tests/properties/trainers/test_backtest_laws.py`` proves that the two forms agree.
"""

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import ModelTarget
from schemas.errors import InvariantError
from schemas.events import Direction, PredictionMade
from schemas.features import FeatureTable
from trainers.models.decisions import UP_FROM, check_probabilities
from trainers.models.policies import Policy
from trainers.models.vectors import model_input

#: The number of rows that a model predicts at once: its working memory stays small, and progress can be shown.
BATCH_ROWS = 16_384


class Model(Protocol):
    """What a backtest needs of a model; :class:`trainers.models.served.ServedModel` is one."""

    feature_names: tuple[str, ...]
    model_hash: str
    policy: Policy | None

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities of many vectors; each has the bits that its row alone would have."""


class ScheduledModel(NamedTuple):
    """A model with the time from which it predicts in a backtest.

    Attributes:
        from_ms: The first as-of time that it predicts.
        trained_from_ms: The as-of time of the first row that it was fitted on.
        trained_until_ms: Every label that it was fitted on was known by then.
        effective_from_ms: The time from which its promotion was effective, if it began to predict later than that;
            None if it began at once.
    """

    from_ms: int
    version: str
    model: Model
    feature_spec_hash: str
    trained_from_ms: int
    trained_until_ms: int
    effective_from_ms: int | None = None

    @property
    def promoted_ms(self) -> int:
        """The time of its promotion, which a prediction cannot be known before."""
        return self.from_ms if self.effective_from_ms is None else self.effective_from_ms


class ModelDecisions(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The predictions of scheduled models, oldest first.

    Attributes:
        target: What is predicted.
        as_of_ms: Shape (n,), int64, strictly increasing.
        known_ms: Shape (n,), int64.
        close: Shape (n,), float64: the close of the bar that the decision is made at.
        probability: Of up, shape (n,), float32.
        served: Shape (n,), int64: the number of the model in the schedule that made the prediction.
    """

    target: ModelTarget
    as_of_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
    probability: NDArray[np.float32]
    served: NDArray[np.int64]

    def __len__(self) -> int:
        """How many."""
        return len(self.as_of_ms)

    def n_in_sample(self, schedule: Sequence[ScheduledModel]) -> int:
        """The number of decisions in the stretch that the model which made them was fitted on."""
        spans = np.array([(served.trained_from_ms, served.trained_until_ms) for served in schedule])
        first, until = spans[self.served, 0], spans[self.served, 1]
        return int(((self.as_of_ms >= first) & (self.as_of_ms < until)).sum())

    @property
    def side(self) -> NDArray[np.int64]:
        """Shape (n,): 1 for up (also at a probability of exactly one half) and -1 for down."""
        return np.where(self.probability >= UP_FROM, 1, -1)


def decided(
    table: FeatureTable,
    schedule: Sequence[ScheduledModel],
    *,
    target: ModelTarget,
    from_ms: int,
    to_ms: int,
    every_ms: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> ModelDecisions:
    """Predict each warm row in ``[from_ms, to_ms)`` by the model that is scheduled for its time.

    Args:
        table: The features, of bars of the target's interval.
        schedule: The models by the time from which they predict, oldest first; earlier rows are not predicted.
        target: What is predicted.
        from_ms: The first as-of time.
        to_ms: The end of the as-of times, exclusive.
        every_ms: Only as-of times that are multiples of it are predicted.
        progress: Called with the share that is done.

    Raises:
        InvariantError: If a model takes other features than the table has, or gives no valid probability.
    """
    starts = [served.from_ms for served in schedule]
    asked = table.is_warm & (table.as_of_ms >= max(from_ms, starts[0])) & (table.as_of_ms < to_ms)
    rows = np.flatnonzero(asked & (table.as_of_ms % every_ms == 0))
    chosen = np.array([bisect.bisect_right(starts, at) - 1 for at in table.as_of_ms[rows]], dtype=np.int64)
    probability = np.empty(len(rows), dtype=np.float32)
    for number in np.unique(chosen):
        columns = _columns(table, schedule[number])
        mine = np.flatnonzero(chosen == number)
        for part in _batches(mine):
            values = model_input(table.values[np.ix_(rows[part], columns)])
            said = schedule[number].model.probabilities_up(values)
            check_probabilities(said, model_version=schedule[number].version)
            probability[part] = said
            progress((int(part[-1]) + 1) / len(rows))
    return ModelDecisions(
        target=target,
        as_of_ms=table.as_of_ms[rows],
        known_ms=table.known_ms[rows],
        close=table.close[rows],
        probability=probability,
        served=chosen,
    )


def _batches(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def _columns(table: FeatureTable, served: ScheduledModel) -> NDArray[np.int64]:
    if served.feature_spec_hash != table.feature_spec_hash:
        message = (
            f"{served.version} takes features {served.feature_spec_hash[:12]}, these are "
            f"{table.feature_spec_hash[:12]}: train it again on these, or backtest the release that made it"
        )
        raise InvariantError(message)
    place = {name: column for column, name in enumerate(table.names)}
    return np.array([place[name] for name in served.model.feature_names], dtype=np.int64)


def predictions(
    decisions: ModelDecisions, schedule: Sequence[ScheduledModel], *, source: str, stream: str
) -> Iterator[PredictionMade]:
    """The decisions as the events that scoring publishes.

    Args:
        decisions: The predictions.
        schedule: The models that made them.
        source: The ``source`` of the events.
        stream: The ``stream`` of the events.
    """
    target = decisions.target
    rows = zip(
        decisions.as_of_ms.tolist(),
        decisions.known_ms.tolist(),
        decisions.close.tolist(),
        decisions.probability.tolist(),
        decisions.served.tolist(),
        strict=True,
    )
    for as_of_ms, known_ms, close, probability, number in rows:
        served = schedule[number]
        made = PredictionMade(
            event_time_ms=as_of_ms,
            known_time_ms=max(known_ms, served.promoted_ms),
            source=source,
            stream=stream,
            instrument=target.instrument,
            interval=target.interval,
            horizon=target.horizon,
            probability_up=probability,
            direction=Direction.UP if probability >= UP_FROM else Direction.DOWN,
            reference_price=close,
            model_version=served.version,
            model_hash=served.model.model_hash,
            feature_spec_hash=served.feature_spec_hash,
        )
        policy = served.model.policy
        yield made if policy is None else policy.applied(made)
