"""The learner of one target: the models that learn it, and the rows that wait for their label.

Where labels come from: the close at as-of plus horizon, as everywhere. ``outcomes.v1`` has only the
outcomes of what a champion said, and a learner must not need one. Bars on their own topic have the
close, but two topics come in any order, and then the order of arrival would decide what a
model knew when it predicted: a learner that was killed and stepped its log again would become another.
So labels come from the close that every row of features carries itself, which is the very bar's that
the label join asks: one topic, one order, the same models after every kill.
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


class Waiting(NamedTuple):
    """A row that was predicted and has no label yet.

    Attributes:
        said: The probability of up by each model, as float64.
    """

    as_of_ms: int
    close: float
    row: NDArray[np.float32]
    said: tuple[float, ...]


class Counts(msgspec.Struct, kw_only=True):
    """What became of rows.

    Attributes:
        learned: Had a direction and were learnt.
        tied: Ended at the price they began at: not learnt.
        void: Had no bar at exactly their horizon: not learnt.
        repeated: Came late or again: passed over.
        evicted: Waited in too long a queue, and were let go unlearnt.
    """

    learned: int = 0
    tied: int = 0
    void: int = 0
    repeated: int = 0
    evicted: int = 0


class LearningModel:
    """A model that learns row by row, with the record of its predictions.

    Attributes:
        record: How its predictions, each made before the row was learnt, turned out.
        published_n: Rows learnt when it was last published.
        published_ms: When that was, in the stream's time; at first, when it began.
    """

    def __init__(self, recipe: OnlineRecipe, model: OnlineModel, *, began_ms: int) -> None:
        self.recipe = recipe
        self.model = model
        self.record = ProgressiveRecord()
        self.published_n = 0
        self.published_ms = began_ms

    def learn(self, waiting: Waiting, said: float, *, is_up: bool) -> None:
        """Take an outcome into the record, then into the model.

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
        feature_spec_hash: Of the rows that it takes.
        source: What they say in ``source``.
        names: Their columns.
        began_ms: As-of time of the first.
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
        self.waiting: deque[Waiting] = deque()
        self.counts = Counts()

    def use_recipes(self, recipes: Sequence[OnlineRecipe], *, now_ms: int) -> None:
        """Start the models that are asked for and not there, and drop the others.

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
        """Learn every row whose label this one brings; tells whether anything was learnt.

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

    def _learn(self, waiting: Waiting, *, is_up: bool) -> None:
        self.counts.learned += 1
        for learning, said in zip(self.models, waiting.said, strict=True):
            learning.learn(waiting, said, is_up=is_up)

    def predict(self, row: FeaturesComputed, *, n_waiting: int) -> None:
        """Predict a row with every model; the row then waits for its label."""
        values = model_input(
            [np.nan if (value := row.values[name]) is None else value for name in self.names]
        )
        said = tuple(float(learning.model.predict_one(values)) for learning in self.models)
        self.waiting.append(Waiting(row.event_time_ms, row.close, values, said))
        while len(self.waiting) > n_waiting:
            self.waiting.popleft()
            self.counts.evicted += 1
