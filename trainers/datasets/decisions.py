"""Decision sets: feature rows at decision times, and what the price did after each of them.

More than :class:`~trainers.datasets.samples.Samples`: outcomes over several horizons, outcomes as
one would have them who acts late, and rows whose outcome is not known, which are decided all the
same. Prices may come in shorter bars than the features' (decide at the hour mark, 30 minutes
ahead): outcomes are taken from the prices alone, by exact time.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from trainers.datasets.labels import exact_rows
from trainers.models.vectors import model_input


class PricePath(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Closes by time, of one instrument.

    Attributes:
        end_ms: Shape (m,), strictly increasing.
        known_ms: Shape (m,).
        close: Shape (m,), quote per base, > 0.
        interval_ms: The step at which closes usually come.
    """

    end_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
    interval_ms: int


def merged(first: PricePath, second: PricePath) -> PricePath:
    """The closes of both, of the first where both have one."""
    fresh = ~np.isin(second.end_ms, first.end_ms)
    end_ms = np.concatenate([first.end_ms, second.end_ms[fresh]])
    order = np.argsort(end_ms, kind="stable")
    return PricePath(
        end_ms=end_ms[order],
        known_ms=np.concatenate([first.known_ms, second.known_ms[fresh]])[order],
        close=np.concatenate([first.close, second.close[fresh]])[order],
        interval_ms=min(first.interval_ms, second.interval_ms),
    )


class ForwardReturn(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The forward returns over one stretch: what the price did after each decision.

    Attributes:
        log_return: Shape (n,); NaN where a close is missing, exactly 0 for a tie.
        known_ms: Shape (n,), int64: when it was known; -1 where it is undefined.
    """

    log_return: NDArray[np.float64]
    known_ms: NDArray[np.int64]


class DecisionSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Decisions of one instrument, oldest first.

    Attributes:
        names: The k columns of ``rows``.
        as_of_ms: Shape (n,), strictly increasing: when it is decided.
        rows: Shape (n, k), float32, NaN where undefined.
        forward_returns: By multiple of the horizon; 1 is what is judged.
        late: By lag in milliseconds: the forward return over one horizon that begins so long after the decision.
        trailing_log_return: Shape (n,), over the horizon just passed; NaN where undefined.
        companions: Decisions of other instruments with the same features, which are learnt from beside
            these and never tested.
    """

    names: tuple[str, ...]
    feature_spec_hash: str
    interval: Interval
    horizon: Interval
    as_of_ms: NDArray[np.int64]
    rows: NDArray[np.float32]
    forward_returns: Mapping[int, ForwardReturn]
    late: Mapping[int, ForwardReturn]
    trailing_log_return: NDArray[np.float64]
    companions: "tuple[DecisionSet, ...]" = ()

    def __len__(self) -> int:
        """How many."""
        return len(self.as_of_ms)

    @property
    def own(self) -> ForwardReturn:
        """The forward return that is predicted, over one horizon."""
        return self.forward_returns[1]

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

    def known_at(self, at_ms: int) -> "DecisionSet":
        """What could be had of it at a time: no later decision, and no outcome known only later."""
        n = int(np.searchsorted(self.as_of_ms, at_ms))
        return msgspec.structs.replace(
            self,
            as_of_ms=self.as_of_ms[:n],
            rows=self.rows[:n],
            forward_returns={
                multiple: _known_at(forward_return, n, at_ms)
                for multiple, forward_return in self.forward_returns.items()
            },
            late={lag: _known_at(forward_return, n, at_ms) for lag, forward_return in self.late.items()},
            trailing_log_return=self.trailing_log_return[:n],
        )


def _known_at(forward_return: ForwardReturn, n: int, at_ms: int) -> ForwardReturn:
    is_known = (forward_return.known_ms[:n] >= 0) & (forward_return.known_ms[:n] <= at_ms)
    return ForwardReturn(
        log_return=np.where(is_known, forward_return.log_return[:n], np.nan),
        known_ms=np.where(is_known, forward_return.known_ms[:n], -1),
    )


def decision_set(
    table: FeatureTable,
    prices: PricePath,
    *,
    interval: Interval,
    horizon: Interval,
    multiples: tuple[int, ...] = (1,),
    lags_ms: tuple[int, ...] = (),
) -> DecisionSet:
    """The warm rows of a table with their outcomes.

    Args:
        table: Features, oldest first; a row is decided at its as-of time.
        prices: Where outcomes are read.
        interval: Between decisions.
        horizon: How far ahead is predicted.
        multiples: Of the horizon, for models that learn from a neighbouring one.
        lags_ms: How late one might act.
    """
    as_of_ms = table.as_of_ms[table.is_warm]
    length_ms = horizon.milliseconds
    return DecisionSet(
        names=table.names,
        feature_spec_hash=table.feature_spec_hash,
        interval=interval,
        horizon=horizon,
        as_of_ms=as_of_ms,
        rows=model_input(table.values[table.is_warm]),
        forward_returns={
            multiple: return_between(prices, from_ms=as_of_ms, until_ms=as_of_ms + multiple * length_ms)
            for multiple in sorted({1, *multiples})
        },
        late={
            lag: return_between(prices, from_ms=as_of_ms + lag, until_ms=as_of_ms + lag + length_ms)
            for lag in lags_ms
        },
        trailing_log_return=return_between(
            prices, from_ms=as_of_ms - length_ms, until_ms=as_of_ms
        ).log_return,
    )


def return_between(
    prices: PricePath, *, from_ms: NDArray[np.int64], until_ms: NDArray[np.int64]
) -> ForwardReturn:
    """The log return between closes at exactly these times; undefined where either is missing.

    Args:
        prices: The closes.
        from_ms: Shape (n,), where each return begins.
        until_ms: Shape (n,), where it ends.
    """
    start, end = exact_rows(prices.end_ms, from_ms), exact_rows(prices.end_ms, until_ms)
    has = (start >= 0) & (end >= 0)
    log_return = np.full(len(from_ms), np.nan)
    log_return[has] = np.log(prices.close[end[has]] / prices.close[start[has]])
    known_ms = np.full(len(from_ms), -1, dtype=np.int64)
    known_ms[has] = np.maximum(prices.known_ms[end[has]], until_ms[has])
    return ForwardReturn(log_return=log_return, known_ms=known_ms)
