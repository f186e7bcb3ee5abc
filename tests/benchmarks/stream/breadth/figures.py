"""The rows of the table: what was seen of each number of instruments, beside what is promised."""

from collections.abc import Sequence

import numpy as np

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.breadth.running import MINUTE_S, Found, LoggedPosition

#: Of the rate with the fewest instruments, at a thousand.
_SHARE_BAR, _SHARE_AT = 0.6, 1_000
_LOGGED_BAR_BYTES = 2_000.0
#: Kinds of key that change with ticks and not at closes.
_OF_TICKS = {"open", "clock", "spec", "head"}


def figures_of(found: Found, *, fewest: Found) -> list[Figure]:
    """Of one number of instruments.

    Args:
        fewest: What was found of the smallest number, in the same run.
    """
    scale, paced = found.scale, found.paced
    ratio = found.rate / fewest.rate
    has_bar = scale.n_instruments == _SHARE_AT
    name = f"{scale.n_instruments:,} instruments"
    figures = [
        Figure(
            metric=f"{name}: at full speed",
            value=found.rate,
            unit="ticks/s",
            bar=_SHARE_BAR * fewest.rate if has_bar else None,
            holds=ratio >= _SHARE_BAR if has_bar else None,
            peer=f"{fewest.scale.n_instruments} instruments",
            ratio=ratio,
        ),
        *_percentiles(f"{name}: closing record to the minute's last row", paced.closes_s, scale.close_bar_s),
        _figure(
            f"{name}: to its last view in Redis, longest", max(d.views_s for d in paced.delays), "s", MINUTE_S
        ),
        _figure(
            f"{name}: to its last row in Postgres, longest",
            max(d.rows_s for d in paced.delays),
            "s",
            MINUTE_S,
        ),
        _figure(f"{name}: the history sink behind, at the end", paced.sink_lag, "offsets"),
        _figure(f"{name}: until it had them", paced.sink_caught_up_s, "s", MINUTE_S),
        *_logged(f"{name}, at full speed", found.logged, bar=None),
        *_logged(f"{name}, by the clock", paced.logged, bar=_LOGGED_BAR_BYTES),
        _figure(f"{name}: memory of the worker, peak", found.peak_bytes / 1e6, "MB"),
    ]
    if paced.recoveries_s:
        n_kills = len(paced.recoveries_s)
        p95 = float(np.quantile(paced.recoveries_s, 0.95))
        metric = f"{name}: kill -9 to committing again, p95 of {n_kills}"
        figures.append(_figure(metric, p95, "s", scale.recovery_bar_s))
    return figures


def _percentiles(metric: str, samples: Sequence[float], bar: float | None) -> list[Figure]:
    p50, p99 = np.percentile(samples, [50, 99]).tolist()
    return [
        _figure(f"{metric}, p50 of {len(samples)} minutes", p50, "s"),
        _figure(f"{metric}, p99", p99, "s", bar),
    ]


def _logged(name: str, logged: LoggedPosition, *, bar: float | None) -> list[Figure]:
    of_ticks = sum(n for kind, n in logged.n_bytes.items() if kind in _OF_TICKS)
    of_closes = logged.n_bytes.total() - of_ticks
    return [
        _figure(f"{name}: changelog, all of it, per tick", logged.n_bytes.total() / logged.n_ticks, "bytes"),
        _figure(f"{name}: changelog, of closes, per close", of_closes / logged.n_closes, "bytes", bar),
    ]


def _figure(metric: str, value: float, unit: str, bar: float | None = None) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=bar, holds=None if bar is None else value <= bar)
