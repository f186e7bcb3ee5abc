"""Whether an event costs the same however many were before it: ten million ticks, million by million.

Features tell how far the worker is: each stands for one bar's 625 ticks, whichever partition it is of.
"""

from itertools import pairwise
from pathlib import Path

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.markets import TICKS_PER_MINUTE
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.rates import make_job, measure_worker
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell

_N_STRETCHES = 10
#: Of the last stretch over the first; what is left for noise.
COST_BAR = 1.15


def growth(servers: Servers, options: Options, _directory: Path) -> list[Figure]:
    """Rates of each tenth of the topic, and what an event of the last costs over one of the first."""
    job = make_job(options.n_growth_minutes)
    tell(f"growth: {job.n_measured:,} ticks are being published")
    run = measure_worker(servers, job)
    n_bars = len(run.moments) // _N_STRETCHES
    ends = [0.0, *(run.moments[n_bars * (i + 1) - 1] for i in range(_N_STRETCHES))]
    n_ticks = n_bars * TICKS_PER_MINUTE
    rates = [n_ticks / (end - begin) for begin, end in pairwise(ends)]
    cost = rates[0] / rates[-1]
    return [
        *(
            Figure(
                metric=f"ticks {i * n_ticks:,} to {(i + 1) * n_ticks:,}",
                value=rate,
                unit="ticks/s",
                bar=None,
                holds=None,
            )
            for i, rate in enumerate(rates)
        ),
        Figure(
            metric="cost of an event, the last tenth over the first",
            value=cost,
            unit="times",
            bar=COST_BAR,
            holds=cost <= COST_BAR,
        ),
    ]
