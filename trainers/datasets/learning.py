"""From samples to a decision set of the same rows: further horizons and late entries beside the label.

Rows, order and own outcome are the samples', so that one fold means the same rows to both.
"""

from collections.abc import Iterable

import numpy as np

from trainers.datasets.decisions import DecisionSet, ForwardReturn, PricePath, return_between
from trainers.datasets.samples import Samples


def decisions_of(
    samples: Samples,
    prices: PricePath,
    *,
    multiples: Iterable[int] = (),
    lags_ms: Iterable[int] = (),
    known_by_ms: int,
) -> DecisionSet:
    """The samples as decisions.

    Args:
        samples: Oldest first.
        prices: Where the further outcomes are read.
        multiples: Of the horizon.
        lags_ms: How late one might act.
        known_by_ms: Outcomes that were not known by then are undefined.
    """
    horizon_ms = samples.horizon.milliseconds
    start_ms = samples.as_of_ms

    def after(lag_ms: int, length_ms: int) -> ForwardReturn:
        found = return_between(prices, from_ms=start_ms + lag_ms, until_ms=start_ms + lag_ms + length_ms)
        return _known(found, known_by_ms)

    own = ForwardReturn(log_return=samples.log_return, known_ms=samples.label_known_ms)
    further = {multiple: after(0, multiple * horizon_ms) for multiple in sorted(set(multiples) - {1})}
    return DecisionSet(
        names=samples.names,
        feature_spec_hash=samples.feature_spec_hash,
        interval=samples.interval,
        horizon=samples.horizon,
        as_of_ms=start_ms,
        rows=samples.rows,
        forward_returns={1: own, **further},
        late={lag: after(lag, horizon_ms) for lag in lags_ms},
        trailing_log_return=samples.trailing_log_return,
    )


def _known(found: ForwardReturn, known_by_ms: int) -> ForwardReturn:
    is_known = (found.known_ms >= 0) & (found.known_ms <= known_by_ms)
    return ForwardReturn(
        log_return=np.where(is_known, found.log_return, np.nan),
        known_ms=np.where(is_known, found.known_ms, -1),
    )
