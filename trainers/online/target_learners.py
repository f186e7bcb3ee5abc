"""Learns one target: the models that learn it, and the rows that wait for their label.

A label is the close at as-of plus horizon, as everywhere. ``outcomes.v1`` cannot give it, because it has only the
outcomes of a champion's predictions, and a learner must not need a champion. The topic of bars has the
close, but two topics come in any order, and then the order of arrival would decide what a
model knew when it predicted: a learner that was killed and reads its log again would become another one.
Therefore labels come from the close that every row of features carries, which is the close of the bar that
the label join uses: one topic, one order, the same models after every kill.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import ModelTarget
from schemas.events import FeaturesComputed
from trainers.evaluation.progressive import ProgressiveRecord
from trainers.models.online.protocols import OnlineModel, OnlineRecipe
from trainers.models.vectors import model_input


class WaitingRow(NamedTuple):
    """A row that was predicted and has no label yet.

    Attributes:
        as_of_ms: The as-of time of the row.
        close: Its close.
        row: Its values.
        said: The probability of up that each model gave, as float64.
    """

    as_of_ms: int
    close: float
    row: NDArray[np.float32]
    said: tuple[float, ...]


class LearnerCounts(msgspec.Struct, kw_only=True):
    """The numbers of rows, by what became of them.

    Attributes:
        learned: Rows with a direction, which were learnt.
        tied: Rows that ended at the price at which they began; they were not learnt.
        void: Rows without a bar at exactly their horizon; they were not learnt.
        repeated: Rows that came late or again; they were not used.
        evicted: Rows that were dropped unlearnt, because too many rows waited.
    """

    learned: int = 0
    tied: int = 0
    void: int = 0
    repeated: int = 0
    evicted: int = 0


class LearningModel:
    """A model that learns row by row, with the record of its predictions.

    Attributes:
        recipe: The recipe of the model.
        model: The model.
        record: The record of its predictions, each made before the row was learnt.
        published_n: The number of learnt rows when it was last published.
        published_ms: When that was, by the stream's clock; before the first time, when the model began.
    """

    def __init__(self, recipe: OnlineRecipe, model: OnlineModel, *, began_ms: int) -> None:
        self.recipe = recipe
        self.model = model
        self.record = ProgressiveRecord()
        self.published_n = 0
        self.published_ms = began_ms

    def learn(self, waiting: WaitingRow, said: float, *, is_up: bool) -> None:
        """Adds an outcome to the record, then teaches it to the model.

        Args:
            waiting: The row, predicted earlier.
            said: The probability of up that this model gave it.
            is_up: Its outcome.
        """
        self.record.add(said, is_up=is_up)
        self.model.learn_one(waiting.row, is_up=is_up)


class TargetLearner:
    """The models and the waiting rows of one target and set of features.

    Args:
        target: What the models predict.
        stream: The run of the rows.
        source: The source that the rows state.
        feature_spec_hash: The hash of the rows' feature set.
        names: The columns of the rows.
        began_ms: The as-of time of the first row.
    """

    def __init__(
        self,
        target: ModelTarget,
        *,
        stream: str,
        source: str,
        feature_spec_hash: str,
        names: tuple[str, ...],
        began_ms: int,
    ) -> None:
        self.target = target
        self.stream = stream
        self.source = source
        self.feature_spec_hash = feature_spec_hash
        self.names = names
        self.began_ms = began_ms
        self.newest_ms = began_ms - 1
        self.models: list[LearningModel] = []
        self.waiting: deque[WaitingRow] = deque()
        self.counts = LearnerCounts()

    def use_recipes(self, recipes: Sequence[OnlineRecipe], *, now_ms: int) -> None:
        """Starts the models that are asked for and missing, and drops the others.

        The waiting rows are dropped too if anything changes, because they hold predictions of the old models.
        """
        known = {learning.recipe.name: learning for learning in self.models}
        kept = [known.get(recipe.name) for recipe in recipes]
        is_same = [
            learning is not None and learning.recipe == recipe
            for learning, recipe in zip(kept, recipes, strict=True)
        ]
        if all(is_same) and len(recipes) == len(self.models):
            return
        self.models = [
            learning
            if same and learning is not None
            else LearningModel(recipe, recipe.begin(self.names), began_ms=now_ms)
            for learning, same, recipe in zip(kept, is_same, recipes, strict=True)
        ]
        self.waiting.clear()

    def resolve(self, row: FeaturesComputed) -> bool:
        """Learns every row whose label this row brings; tells whether anything was learnt.

        Args:
            row: Its close is the price at its as-of time.
        """
        horizon_ms = self.target.horizon.milliseconds
        n_before = self.counts.learned
        while self.waiting and self.waiting[0].as_of_ms + horizon_ms <= row.event_time_ms:
            first = self.waiting.popleft()
            if first.as_of_ms + horizon_ms < row.event_time_ms:
                self.counts.void += 1
            elif first.close == row.close:
                self.counts.tied += 1
            else:
                self._learn(first, is_up=row.close > first.close)
        return self.counts.learned > n_before

    def _learn(self, waiting: WaitingRow, *, is_up: bool) -> None:
        self.counts.learned += 1
        for learning, said in zip(self.models, waiting.said, strict=True):
            learning.learn(waiting, said, is_up=is_up)

    def predict(self, row: FeaturesComputed, *, n_waiting: int) -> None:
        """Predicts a row with every model; the row then waits for its label."""
        values = model_input(
            [np.nan if (value := row.values[name]) is None else value for name in self.names]
        )
        said = tuple(float(learning.model.predict_one(values)) for learning in self.models)
        self.waiting.append(WaitingRow(row.event_time_ms, row.close, values, said))
        while len(self.waiting) > n_waiting:
            self.waiting.popleft()
            self.counts.evicted += 1
