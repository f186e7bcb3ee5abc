"""Decision sets: feature rows at decision times, and what the price did after each of them.

The one container that models are fitted on, evaluated on and compared on. It has outcomes over
several horizons, outcomes for an entry that comes late, and rows whose outcome is not known, which
are decided all the same. Prices may come in shorter bars than the features' (decide at the hour
mark, 30 minutes ahead): outcomes are read from the prices alone, by exact time.
"""

from collections.abc import Collection, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Length
from trainers.datasets.prices import ForwardReturn, PricePath
from trainers.models.vectors import model_input


class DecisionSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Decisions of one instrument, oldest first.

    Attributes:
        names: The k columns of ``rows``.
        as_of_ms: Shape (n,), strictly increasing: when each decision is made.
        rows: Shape (n, k), float32, NaN where undefined.
        forward_returns: By multiple of the horizon; 1 is what is judged.
        late: By lag in milliseconds: the forward return over one horizon that begins that long after the decision.
        trailing_log_return: Shape (n,), over the horizon that has just passed; NaN where undefined.
        companions: Decisions of other instruments with the same features, which models learn from besides
            these and which are never tested.
    """

    names: tuple[str, ...]
    feature_spec_hash: str
    interval: Length
    horizon: Length
    as_of_ms: NDArray[np.int64]
    rows: NDArray[np.float32]
    forward_returns: Mapping[int, ForwardReturn]
    late: Mapping[int, ForwardReturn]
    trailing_log_return: NDArray[np.float64]
    companions: "tuple[DecisionSet, ...]" = ()

    def __len__(self) -> int:
        """How many decisions there are."""
        return len(self.as_of_ms)

    @property
    def own(self) -> ForwardReturn:
        """The forward return that is predicted, over one horizon."""
        return self.forward_returns[1]

    def with_features(self, names: Collection[str]) -> "DecisionSet":
        """The same decisions with these features alone, and those of companions likewise."""
        columns = [column for column, name in enumerate(self.names) if name in names]
        return msgspec.structs.replace(
            self,
            names=tuple(self.names[column] for column in columns),
            rows=np.ascontiguousarray(self.rows[:, columns]),
            companions=tuple(companion.with_features(names) for companion in self.companions),
        )

    def first_known_ms(self) -> NDArray[np.int64]:
        """When the first of each row's outcomes was known, shape (n,); -1 where none is."""
        never = np.iinfo(np.int64).max
        known = np.array(
            [
                np.where(forward_return.known_ms >= 0, forward_return.known_ms, never)
                for forward_return in self.forward_returns.values()
            ]
        )
        first = known.min(axis=0)
        return np.where(first < never, first, -1)

    def known_at(self, time_ms: int) -> "DecisionSet":
        """What was known of the set at a time: no later decision, and no outcome that was known only later."""
        earlier = self.at(slice(int(np.searchsorted(self.as_of_ms, time_ms))))
        return msgspec.structs.replace(
            earlier,
            forward_returns=_known_by(earlier.forward_returns, time_ms),
            late=_known_by(earlier.late, time_ms),
        )

    def labelled(self, known_by_ms: int) -> "DecisionSet":
        """The decisions whose own outcome was known by a time; other outcomes not known by then are undefined."""
        known = self.known_at(known_by_ms)
        return known.at(np.flatnonzero(known.own.known_ms >= 0))

    def at(self, rows: slice | NDArray[np.int64]) -> "DecisionSet":
        """Some of the decisions, in their order; companions stay whole."""
        return msgspec.structs.replace(
            self,
            as_of_ms=self.as_of_ms[rows],
            rows=self.rows[rows],
            forward_returns=_at(self.forward_returns, rows),
            late=_at(self.late, rows),
            trailing_log_return=self.trailing_log_return[rows],
        )


def _at(
    outcomes: Mapping[int, ForwardReturn], rows: slice | NDArray[np.int64]
) -> Mapping[int, ForwardReturn]:
    return {key: outcome.at(rows) for key, outcome in outcomes.items()}


def _known_by(outcomes: Mapping[int, ForwardReturn], time_ms: int) -> Mapping[int, ForwardReturn]:
    return {key: outcome.known_by(time_ms) for key, outcome in outcomes.items()}


def decision_set(
    table: FeatureTable,
    prices: PricePath,
    *,
    interval: Length,
    horizon: Length,
    multiples: tuple[int, ...] = (1,),
    lags_ms: tuple[int, ...] = (),
    late_prices: PricePath | None = None,
) -> DecisionSet:
    """The warm rows of a table with their outcomes.

    Args:
        table: Features, oldest first; a row is decided at its as-of time.
        prices: Where outcomes are read.
        interval: Between decisions.
        horizon: How far ahead is predicted.
        multiples: Of the horizon, for models that learn from a neighbouring one.
        lags_ms: By how much an entry may come late.
        late_prices: Where outcomes of late entries are read, if closes come more often there; None means
            that they are read in ``prices``.
    """
    as_of_ms = table.as_of_ms[table.is_warm]
    length_ms = horizon.milliseconds
    entered = prices if late_prices is None else late_prices
    return DecisionSet(
        names=table.names,
        feature_spec_hash=table.feature_spec_hash,
        interval=interval,
        horizon=horizon,
        as_of_ms=as_of_ms,
        rows=model_input(table.values[table.is_warm]),
        forward_returns={
            multiple: prices.forward_returns(as_of_ms, as_of_ms + multiple * length_ms)
            for multiple in sorted({1, *multiples})
        },
        late={lag: entered.forward_returns(as_of_ms + lag, as_of_ms + lag + length_ms) for lag in lags_ms},
        trailing_log_return=prices.log_returns(as_of_ms - length_ms, as_of_ms),
    )
