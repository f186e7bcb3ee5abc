"""Features: their declarations, the hash of a whole set, and tables of their values.

``feature_spec_hash`` tells *what* the features are, and ``features_as_of_ms`` tells their time. A
model states the hash of the set that it was trained on, and never gets another set.
"""

import hashlib
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray


class FeatureDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of one feature.

    Attributes:
        name: Full words and the window, such as ``log_return_5``.
        unit: ``dimensionless``, ``per bar``, ``radians`` and so on.
        memory_bars: The number of bars that it uses; 0 if older bars fade but never vanish.
        warm_up_bars: The number of bars that it needs before it is reliable.
        source: Its author and publication.
        version: Counts up when its numbers change.
        is_optional: Whether a vector may be used without it, because its window is longer than the
            others, or because not every source states its inputs. It is NaN then.
    """

    name: str
    unit: str
    memory_bars: int
    warm_up_bars: int
    source: str
    version: int = 1
    is_optional: bool = False


class CompanionJoin(msgspec.Struct, frozen=True, kw_only=True):
    """How the features of companions are joined, which is part of the declaration of a joined set.

    Attributes:
        companions: The companions, in the order of their groups of features.
        allowance_ms: How much later than the end of the own bar the row of a companion may have been known.
    """

    companions: tuple[str, ...]
    allowance_ms: int


class FeatureSpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An ordered set of features: the columns of a model's input.

    Attributes:
        features: In the order of the columns.
        join: The join of a set with named companions; None for market features, and for files without names.
    """

    features: tuple[FeatureDeclaration, ...]
    join: CompanionJoin | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON of the declarations, and of the join if there is one, in hexadecimal."""
        declared = self.features if self.join is None else (self.features, self.join)
        return hashlib.sha256(msgspec.json.encode(declared, order="deterministic")).hexdigest()

    @cached_property
    def warm_up_bars(self) -> int:
        """The number of bars after which every feature that is not optional is warm."""
        return max(feature.warm_up_bars for feature in self.features if not feature.is_optional)


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Feature vectors of one instrument and interval, oldest first.

    Attributes:
        names: The columns of ``values``, k of them.
        feature_spec_hash: The hash of their set.
        as_of_ms: Shape (n,), int64, strictly increasing: the end of the bar.
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


class NewsFeatureTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Features of the news about one asset, oldest first; each row was known at its as-of time.

    Attributes:
        names: The columns of ``values``, k of them.
        feature_spec_hash: The hash of their set.
        as_of_ms: Shape (n,), int64, strictly increasing: the ends of minutes.
        n_articles: Shape (n,), int64: the number of articles within seven days.
        values: Shape (n, k), float64, NaN where undefined.
    """

    names: tuple[str, ...]
    feature_spec_hash: str
    as_of_ms: NDArray[np.int64]
    n_articles: NDArray[np.int64]
    values: NDArray[np.float64]


class FeatureCloses(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The closes of the bars of stored features, oldest first: a ``FeatureTable`` without its values.

    Attributes:
        as_of_ms: Shape (n,), int64, strictly increasing: the bar's end.
        known_ms: Shape (n,), int64.
        close: Shape (n,), quote per base.
    """

    as_of_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
