"""Ticks/s of our worker by the number of partitions, and of two workers in one group."""

from pathlib import Path
from statistics import median

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.rates import make_job, measure_worker
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell

#: Partitions, workers.
_SETTINGS = ((1, 1), (2, 1), (4, 1), (4, 2))


def scaling(servers: Servers, options: Options, _directory: Path) -> list[Figure]:
    """Measure each setting in turn, as often as the throughput; medians."""
    job = make_job(options.n_minutes)
    rates: dict[tuple[int, int], list[float]] = {setting: [] for setting in _SETTINGS}
    for turn in range(options.n_repeats):
        for n_partitions, n_workers in _SETTINGS:
            run = measure_worker(servers, job, n_partitions=n_partitions, n_workers=n_workers)
            rates[(n_partitions, n_workers)].append(run.rate)
            tell(
                f"scaling, turn {turn + 1}: {_named(n_partitions, n_workers)} {run.rate:,.0f} ticks/s",
            )
    alone = median(rates[(1, 1)])
    return [
        Figure(
            metric=_named(*setting),
            value=median(found),
            unit="ticks/s",
            bar=None,
            holds=None,
            peer=None if setting == (1, 1) else _named(1, 1),
            ratio=None if setting == (1, 1) else median(found) / alone,
        )
        for setting, found in rates.items()
    ]


def _named(n_partitions: int, n_workers: int) -> str:
    partitions = "1 partition" if n_partitions == 1 else f"{n_partitions} partitions"
    return f"{partitions}, {n_workers} worker{'s' if n_workers > 1 else ''}"
