"""The learner's state as bytes: models by their own snapshots, rows as float32, all of it compressed.

A target's state is a record of the job's changelog, and a forest's is half a megabyte of numbers that
compress to half of that.
"""

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from schemas.artifacts import ModelTarget
from schemas.errors import SnapshotMismatchError, StateError
from trainers.evaluation.progressive import ProgressiveRecord
from trainers.jobs.online.courses import Counts, Course, Student, Waiting
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.online.river_models import RiverModel

_LEVEL = 1
#: What a record of the log may hold, many times over: what unpacks to more is no state of ours.
_LARGEST_BYTES = 256 * 2**20


class _Student(msgspec.Struct, frozen=True, array_like=True):
    name: str
    parameters: dict[str, float | int | str]
    model: bytes
    record: ProgressiveRecord
    published_n: int
    published_ms: int


class _Waiting(msgspec.Struct, frozen=True, array_like=True):
    as_of_ms: int
    close: float
    row: bytes
    said: tuple[float, ...]


class _Course(msgspec.Struct, frozen=True, array_like=True, tag="learner/2"):
    target: ModelTarget
    stream: str
    source: str
    feature_spec_hash: str
    names: tuple[str, ...]
    began_ms: int
    newest_ms: int
    students: list[_Student]
    waiting: list[_Waiting]
    counts: Counts


def kept(course: Course) -> bytes:
    """A course as bytes."""
    return zlib.compress(msgspec.msgpack.encode(_kept(course)), _LEVEL)


def _kept(course: Course) -> _Course:
    return _Course(
        target=course.target,
        stream=course.stream,
        source=course.source,
        feature_spec_hash=course.feature_spec_hash,
        names=course.names,
        began_ms=course.began_ms,
        newest_ms=course.newest_ms,
        students=[_kept_student(student) for student in course.students],
        waiting=[_Waiting(row.as_of_ms, row.close, row.row.tobytes(), row.said) for row in course.waiting],
        counts=course.counts,
    )


def _kept_student(student: Student) -> _Student:
    return _Student(
        name=student.recipe.name,
        parameters=dict(student.recipe.parameters),
        model=student.model.snapshot(),
        record=student.record,
        published_n=student.published_n,
        published_ms=student.published_ms,
    )


def restored(data: bytes, recipes: Sequence[OnlineRecipe]) -> Course:
    """A course again, with those models whose recipe is asked for still.

    Args:
        data: As :func:`kept` made them.
        recipes: What is asked for now.

    Raises:
        SnapshotMismatchError: If the bytes are not such a state.
    """
    try:
        return _restored(msgspec.msgpack.decode(_unpacked(data), type=_Course), recipes)
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


def _restored(held: _Course, recipes: Sequence[OnlineRecipe]) -> Course:
    course = Course(
        held.target,
        stream=held.stream,
        source=held.source,
        feature_spec_hash=held.feature_spec_hash,
        names=held.names,
        began_ms=held.began_ms,
    )
    course.newest_ms, course.counts = held.newest_ms, held.counts
    asked = {recipe.name: recipe for recipe in recipes}
    course.students = [
        _restored_student(student, asked[student.name])
        for student in held.students
        if student.name in asked and dict(asked[student.name].parameters) == student.parameters
    ]
    if len(course.students) == len(held.students):
        course.waiting.extend(_restored_row(row, len(held.names)) for row in held.waiting)
    return course


def _restored_student(held: _Student, recipe: OnlineRecipe) -> Student:
    student = Student(recipe, RiverModel.restored(held.model), began_ms=held.published_ms)
    student.record, student.published_n = held.record, held.published_n
    return student


def _restored_row(held: _Waiting, n_columns: int) -> Waiting:
    row = np.frombuffer(held.row, dtype=np.float32)
    if len(row) != n_columns:
        message = f"a waiting row must have {n_columns} values, has {len(row)}"
        raise ValueError(message)
    return Waiting(held.as_of_ms, held.close, row, held.said)
