"""Writes the learner's state as bytes and reads it: models as snapshots, rows as float32, all of it compressed.

The state of a target is a record of the job's changelog. That of a forest is half a megabyte of numbers, which
compress to half of that.
"""

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from schemas.artifacts import ModelTarget
from schemas.errors import SnapshotMismatchError, StateError
from trainers.evaluation.progressive import ProgressiveRecord
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.online.river_models import RiverModel
from trainers.online.target_learners import LearnerCounts, LearningModel, TargetLearner, WaitingRow

_LEVEL = 1
#: Many times what a record of the log may hold; data that unpack to more are not a state of this job.
_LARGEST_BYTES = 256 * 2**20


class _ModelState(msgspec.Struct, frozen=True, array_like=True):
    name: str
    parameters: dict[str, float | int | str]
    model: bytes
    record: ProgressiveRecord
    published_n: int
    published_ms: int


class _WaitingState(msgspec.Struct, frozen=True, array_like=True):
    as_of_ms: int
    close: float
    row: bytes
    said: tuple[float, ...]


class _LearnerState(msgspec.Struct, frozen=True, array_like=True, tag="learner/2"):
    target: ModelTarget
    stream: str
    source: str
    feature_spec_hash: str
    names: tuple[str, ...]
    began_ms: int
    newest_ms: int
    models: list[_ModelState]
    waiting: list[_WaitingState]
    counts: LearnerCounts


def kept(learner: TargetLearner) -> bytes:
    """Returns the state of a target's learner as bytes."""
    return zlib.compress(msgspec.msgpack.encode(_kept(learner)), _LEVEL)


def _kept(learner: TargetLearner) -> _LearnerState:
    return _LearnerState(
        target=learner.target,
        stream=learner.stream,
        source=learner.source,
        feature_spec_hash=learner.feature_spec_hash,
        names=learner.names,
        began_ms=learner.began_ms,
        newest_ms=learner.newest_ms,
        models=[_kept_model(learning) for learning in learner.models],
        waiting=[
            _WaitingState(row.as_of_ms, row.close, row.row.tobytes(), row.said) for row in learner.waiting
        ],
        counts=learner.counts,
    )


def _kept_model(learning: LearningModel) -> _ModelState:
    return _ModelState(
        name=learning.recipe.name,
        parameters=dict(learning.recipe.parameters),
        model=learning.model.snapshot(),
        record=learning.record,
        published_n=learning.published_n,
        published_ms=learning.published_ms,
    )


def restored(data: bytes, recipes: Sequence[OnlineRecipe]) -> TargetLearner:
    """Restores a target's learner, with those models whose recipe is still asked for.

    Args:
        data: The bytes that :func:`kept` returned.
        recipes: The recipes that are asked for now.

    Raises:
        SnapshotMismatchError: If the bytes are not such a state.
    """
    try:
        return _restored(msgspec.msgpack.decode(_unpacked(data), type=_LearnerState), recipes)
    except (zlib.error, msgspec.DecodeError, ValueError, StateError) as error:
        message = f"expected a state of the learner of this release: {error}"
        raise SnapshotMismatchError(message) from error


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    whole = unpacking.decompress(data, _LARGEST_BYTES)
    if not unpacking.eof:
        message = "it is cut off, or unpacks to too much"
        raise ValueError(message)
    return whole


def _restored(held: _LearnerState, recipes: Sequence[OnlineRecipe]) -> TargetLearner:
    learner = TargetLearner(
        held.target,
        stream=held.stream,
        source=held.source,
        feature_spec_hash=held.feature_spec_hash,
        names=held.names,
        began_ms=held.began_ms,
    )
    learner.newest_ms, learner.counts = held.newest_ms, held.counts
    asked = {recipe.name: recipe for recipe in recipes}
    learner.models = [
        _restored_model(learning, asked[learning.name])
        for learning in held.models
        if learning.name in asked and dict(asked[learning.name].parameters) == learning.parameters
    ]
    if len(learner.models) == len(held.models):
        learner.waiting.extend(_restored_row(row, len(held.names)) for row in held.waiting)
    return learner


def _restored_model(held: _ModelState, recipe: OnlineRecipe) -> LearningModel:
    learning = LearningModel(recipe, RiverModel.restored(held.model), began_ms=held.published_ms)
    learning.record, learning.published_n = held.record, held.published_n
    return learning


def _restored_row(held: _WaitingState, n_columns: int) -> WaitingRow:
    row = np.frombuffer(held.row, dtype=np.float32)
    if len(row) != n_columns:
        message = f"a waiting row must have {n_columns} values, has {len(row)}"
        raise ValueError(message)
    return WaitingRow(held.as_of_ms, held.close, row, held.said)
