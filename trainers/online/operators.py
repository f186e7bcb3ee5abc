"""The state machine that learns: rows of features in, announcements of new versions out.

Rules for each target (stream, instrument, interval, horizon):

1. Rows come in as-of order; a row that is not newer than the newest one is counted and not used.
2. A row first brings the labels that are due: the waiting row whose horizon ends exactly at its as-of time is
   learnt, unless it is a tie; waiting rows whose horizon ended earlier, in a gap, are void. Then
   the versions that are due are published. Then the row is predicted, if it is warm, and waits for its label.
3. So a model predicts a row with every label that was known by then and none that was known later. A version
   that is published at a row's as-of time gives that row the probability that the learner gives it.
4. Rows of another set of features start the models of their target again from nothing.

All of it is a function of the rows in their order. A learner that restarts from a checkpoint and
reads the rows after it publishes the same bytes again, which the registry already has, and announces what it
had not announced.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.artifacts import ModelTarget
from schemas.errors import InvariantError
from schemas.events import Event, FeaturesComputed, ModelPromoted, VectorComputed
from schemas.targets import Target, TargetPair
from schemas.time import Interval
from schemas.topics import MODELS_EVENT, Topic
from stream_processors.operators.keys import key_of
from stream_processors.operators.protocols import Output, StateChange
from trainers.models.online.protocols import OnlineRecipe
from trainers.online.states import kept, restored
from trainers.online.target_learners import LearningModel, TargetLearner

#: More rows than can ever wait, which is a day of minutes: the longest horizon with the shortest bars. A row of a
#: hundred features has 400 bytes.
N_WAITING = 2048


class LearnerOptions(NamedTuple):
    """What the learner learns, and how often it publishes versions.

    Attributes:
        targets: Intervals with the horizons that are predicted from their bars.
        recipes: The recipes; every target has a model of each.
        stream: The run to learn from; None learns from every run.
        every_rows: The number of learnt rows after which a version is published.
        every_ms: The time by the stream's clock after which a version is published at the latest, if a row was learnt.
        joined: The instruments with companions, whose models see vectors.
        beside: The instruments that are companions only and are not predicted.
    """

    targets: Sequence[TargetPair]
    recipes: Sequence[OnlineRecipe]
    stream: str | None
    every_rows: int
    every_ms: int
    joined: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    def takes(self, row: FeaturesComputed) -> bool:
        """Whether a row is learnt: it belongs to the run and to a predicted instrument, and has the form its models see."""
        is_asked = self.stream in {None, row.stream} and row.instrument not in self.beside
        return is_asked and isinstance(row, VectorComputed) is (row.instrument in self.joined)


class DueVersion(NamedTuple):
    """A model of which a version is due, with the time for which the version stands.

    Attributes:
        learner: The learner of the target.
        learning: The model with its record.
        now_ms: The as-of time of the row that made it due; every learnt label was known by then.
        known_ms: When that row was known.
    """

    learner: TargetLearner
    learning: LearningModel
    now_ms: int
    known_ms: int


#: Puts a version into the registry, if it is not there, and returns its announcement; None where the version
#: is kept and not promoted.
Publish = Callable[[DueVersion], ModelPromoted | None]
#: Called with a target's learner after each row that it learnt from.
Watch = Callable[[TargetLearner], None]


class LearnerOperator:
    """Learns every target whose rows are in one partition.

    Args:
        options: What it learns.
        publish: Stores a version; after a restart it may be called again with the same version.
        watch: Updates the metrics.
        n_waiting: The most rows of a target that wait for their label.
    """

    def __init__(
        self,
        options: LearnerOptions,
        *,
        publish: Publish,
        watch: Watch = lambda _learner: None,
        n_waiting: int = N_WAITING,
    ) -> None:
        self._options = options
        self._publish = publish
        self._watch = watch
        self._n_waiting = n_waiting
        self._learners: dict[Target, TargetLearner] = {}
        self._touched: dict[Target, None] = {}
        self._forgotten: dict[Target, None] = {}

    @property
    def learners(self) -> Iterable[TargetLearner]:
        """The learners of all targets."""
        return self._learners.values()

    def step(self, _topic: Topic, event: Any) -> Iterable[Output]:
        """Takes a row in; returns the promotions to announce.

        Raises:
            InvariantError: If the row lacks columns that its set of features had before; the state
                does not change.
        """
        known: Event = event
        if not isinstance(known, FeaturesComputed) or not self._options.takes(known):
            return []  # other events, such as watermarks, hold nothing to learn
        keys = [
            Target(known.stream, known.instrument, known.interval, horizon)
            for interval, horizon in self._options.targets
            if interval == known.interval
        ]
        for key in keys:
            _check_columns(self._learners.get(key), known)
        self._touched |= dict.fromkeys(keys)
        for key in keys:
            self._forgotten.pop(key, None)
        return [output for key in keys for output in self._take_in(self._learner(key, known), known)]

    def _learner(self, key: Target, row: FeaturesComputed) -> TargetLearner:
        learner = self._learners.get(key)
        is_other = learner is None or learner.feature_spec_hash != row.feature_spec_hash
        if learner is None or (is_other and row.event_time_ms > learner.newest_ms):
            learner = self._learners[key] = self._begun(row, key.horizon)
        return learner

    def _begun(self, row: FeaturesComputed, horizon: Interval) -> TargetLearner:
        learner = TargetLearner(
            ModelTarget(instrument=row.instrument, interval=row.interval, horizon=horizon),
            stream=row.stream,
            source=row.source,
            feature_spec_hash=row.feature_spec_hash,
            names=tuple(row.values),
            began_ms=row.event_time_ms,
        )
        learner.use_recipes(self._options.recipes, now_ms=row.event_time_ms)
        return learner

    def _take_in(self, learner: TargetLearner, row: FeaturesComputed) -> list[Output]:
        if row.event_time_ms <= learner.newest_ms:
            learner.counts.repeated += 1
            return []
        learner.newest_ms = row.event_time_ms
        if learner.resolve(row):
            self._watch(learner)
        outputs = [
            output
            for learning in learner.models
            if self._is_due(learning, row.event_time_ms)
            for output in self._published(DueVersion(learner, learning, row.event_time_ms, row.known_time_ms))
        ]
        if row.is_warm:
            learner.predict(row, n_waiting=self._n_waiting)
        return outputs

    def _is_due(self, learning: LearningModel, now_ms: int) -> bool:
        n_new = learning.model.n_learned - learning.published_n
        is_late = now_ms - learning.published_ms >= self._options.every_ms
        return n_new >= self._options.every_rows or (is_late and n_new > 0)

    def _published(self, due: DueVersion) -> list[Output]:
        announced = self._publish(due)
        due.learning.published_n = due.learning.model.n_learned
        due.learning.published_ms = due.now_ms
        return [] if announced is None else [Output(MODELS_EVENT, announced, announced.instrument)]

    def changes(self) -> Iterator[StateChange]:
        """Yields the models, records and waiting rows of the targets that took a row in."""
        for key in self._forgotten:
            yield StateChange(_state_key(key), None)
        for key in self._touched:
            yield StateChange(_state_key(key), kept(self._learners[key]))
        self._forgotten, self._touched = {}, {}

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restores a state. A model whose recipe has changed since then starts from nothing.

        Raises:
            SnapshotMismatchError: If it is not a state of this job and release.
        """
        for value in entries.values():
            learner = restored(value, self._options.recipes)
            learner.use_recipes(self._options.recipes, now_ms=learner.newest_ms)
            if self._is_asked(learner):
                self._learners[_key(learner)] = learner
            else:
                self._forgotten[_key(learner)] = None

    def forget(self, stream: str) -> None:
        """Drops the models of a run."""
        for key in [key for key in self._learners if key.stream == stream]:
            del self._learners[key]
            self._touched.pop(key, None)
            self._forgotten[key] = None

    def _is_asked(self, learner: TargetLearner) -> bool:
        return TargetPair(learner.target.interval, learner.target.horizon) in set(self._options.targets)

    def newest(self) -> Iterable[Event]:
        """Returns nothing, because there is no view."""
        return ()


def _key(learner: TargetLearner) -> Target:
    target = learner.target
    return Target(learner.stream, target.instrument, target.interval, target.horizon)


def _state_key(key: Target) -> bytes:
    stream, *names = key
    return key_of("course", stream, *names)  # the word stays: stored states have it


def _check_columns(learner: TargetLearner | None, row: FeaturesComputed) -> None:
    if learner is None or learner.feature_spec_hash != row.feature_spec_hash:
        return
    if not row.values.keys() >= set(learner.names):
        missing = sorted(set(learner.names) - row.values.keys())
        message = f"features {row.feature_spec_hash[:12]} must hold {missing[:5]}, as they did before"
        raise InvariantError(message)
