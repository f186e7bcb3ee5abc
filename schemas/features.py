"""What features are: their declarations, the hash of a whole set, and tables of their values.

``feature_spec_hash`` says *what* the features are; when they are of is ``features_as_of_ms``. A
model states the hash it was trained on and is never handed another set.
"""

import hashlib
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray


class FeatureDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """One feature, as its author declares it.

    Attributes:
        name: Full words and the window, such as ``log_return_5``.
        unit: ``dimensionless``, ``per bar``, ``radians`` and so on.
        memory_bars: How many bars back it looks; 0 when older bars fade but never vanish.
        warm_up_bars: How many bars it needs before it is to be relied on.
        source: Who defined it, and where.
        version: Raised when its numbers change.
        is_optional: Whether a vector may be used without it: because its window is longer than the
            others', or because not every source says what it is made of. It is NaN then.
    """

    name: str
    unit: str
    memory_bars: int
    warm_up_bars: int
    source: str
    version: int = 1
    is_optional: bool = False


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """How other instruments come to stand beside: part of what a joined set of features is.

    Attributes:
        companions: Their instruments, in the order of their groups.
        allowance_ms: How much later than own bar's end a companion's row may have been known.
    """

    companions: tuple[str, ...]
    allowance_ms: int


class FeatureSpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An ordered set of features: the columns of a model's input.

    Attributes:
        features: In the order of the columns.
        join: Of a set with named companions; None for market features, and for files without names.
    """

    features: tuple[FeatureDeclaration, ...]
    join: Join | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of the declarations, and of the join where there is one, in hexadecimal."""
        declared = self.features if self.join is None else (self.features, self.join)
        return hashlib.sha256(msgspec.json.encode(declared, order="deterministic")).hexdigest()

    @cached_property
    def warm_up_bars(self) -> int:
        """How many bars until every feature is warm that is not optional."""
        return max(feature.warm_up_bars for feature in self.features if not feature.is_optional)


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Feature vectors of one instrument and interval, oldest first.

    Attributes:
        names: The columns of ``values``, k of them.
        feature_spec_hash: Of the set they belong to.
        as_of_ms: Shape (n,), int64, strictly increasing: the bar's end.
        known_ms: Shape (n,), int64.
        close: Shape (n,), quote per base.
        is_warm: Shape (n,), bool.
        values: Shape (n, k), float64, NaN where undefined.
    """

    names: tuple[str, ...]
    feature_spec_hash: str
    as_of_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
    is_warm: NDArray[np.bool_]
    values: NDArray[np.float64]


class FeatureCloses(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The closes of the bars behind stored features, oldest first; ``FeatureTable`` without its values.

    Attributes:
        as_of_ms: Shape (n,), int64, strictly increasing: the bar's end.
        known_ms: Shape (n,), int64.
        close: Shape (n,), quote per base.
    """

    as_of_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
