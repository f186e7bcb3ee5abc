"""Everyone's ticks/s, in alternating order: medians, our ratio to each, and our share of the limit."""

from functools import partial
from pathlib import Path
from statistics import median

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.competitors import PEERS, Peer, running_peer
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.rates import (
    Job,
    Run,
    fresh_folder,
    make_job,
    measure,
    measure_limit,
    measure_worker,
)
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell

RATE_BAR = 400_000.0
_OURS, _LIMIT = "driftline", "limit"


def throughput(servers: Servers, options: Options, directory: Path) -> list[Figure]:
    """Measure everyone."""
    peers = [peer for name in options.peers for peer in PEERS[name]]
    runs: dict[str, list[Run]] = {name: [] for name in (_OURS, *(peer.title for peer in peers))}
    limits: list[float] = []
    jobs = {minutes: make_job(minutes) for minutes in {_minutes(peer, options) for peer in (None, *peers)}}
    for turn in range(options.n_repeats):
        ours = partial(_measure_ours, servers, jobs[_minutes(None, options)], runs[_OURS], turn)
        limit = partial(_measure_limit, servers, jobs[_minutes(None, options)], limits, turn)
        first, last = (ours, limit) if turn % 2 == 0 else (limit, ours)
        first()
        for peer in peers if turn < options.n_peer_repeats else ():
            run = _measure_peer(servers, jobs[_minutes(peer, options)], peer, directory)
            runs[peer.title].append(run)
            _tell(turn, peer.title, run.rate, run.n_ticks)
        last()
    figures = _figures(runs[_OURS], limits)
    rate = median(run.rate for run in runs[_OURS])
    return figures + [figure for peer in peers for figure in _figures_of_peer(peer, rate, runs[peer.title])]


def _minutes(peer: Peer | None, options: Options) -> int:
    return max(1, round(options.n_minutes * (1.0 if peer is None else peer.share)))


def _measure_ours(servers: Servers, job: Job, runs: list[Run], turn: int) -> None:
    runs.append(measure_worker(servers, job))
    _tell(turn, _OURS, runs[-1].rate, job.n_measured)


def _measure_limit(servers: Servers, job: Job, limits: list[float], turn: int) -> None:
    limits.append(measure_limit(servers, job))
    _tell(turn, _LIMIT, limits[-1], job.n_measured)


def _measure_peer(servers: Servers, job: Job, peer: Peer, directory: Path) -> Run:
    start = partial(running_peer, servers, peer, fresh_folder(directory, peer.name))
    return measure(servers, job, start, extra=peer.topics)


def _tell(turn: int, name: str, rate: float, n_ticks: int) -> None:
    tell(f"throughput, turn {turn + 1}: {name} {rate:,.0f} ticks/s of {n_ticks:,}")


def _figures(runs: list[Run], limits: list[float]) -> list[Figure]:
    ours, limit = median(run.rate for run in runs), median(limits)
    return [
        Figure(
            metric="one worker, transactions and Redis on",
            value=ours,
            unit="ticks/s",
            bar=RATE_BAR,
            holds=ours >= RATE_BAR,
            peer="the limit",
            ratio=ours / limit,
        ),
        Figure(
            metric="the limit: consume and decode only", value=limit, unit="ticks/s", bar=None, holds=None
        ),
        Figure(
            metric="watermarks among our ticks, not counted",
            value=runs[-1].n_watermarks,
            unit="records",
            bar=None,
            holds=None,
        ),
    ]


def _figures_of_peer(peer: Peer, ours: float, runs: list[Run]) -> list[Figure]:
    n_ticks = runs[-1].n_ticks
    title = peer.title if peer.share == 1.0 else f"{peer.title} ({n_ticks:,} ticks)"
    theirs = median(run.rate for run in runs)
    figures = [Figure(metric=title, value=theirs, unit="ticks/s", bar=None, holds=None)]
    compared = peer.package if peer.warm_share is None else f"{peer.package}, {peer.guarantee}"
    if peer.warm_share is not None:
        warm = median(run.rate_of_last(peer.warm_share) for run in runs)
        metric = f"{peer.title}: the last {round(peer.warm_share * n_ticks):,} of them"
        figures.append(Figure(metric=metric, value=warm, unit="ticks/s", bar=None, holds=None))
        theirs = max(theirs, warm)
    bar = peer.times_bar
    return [
        *figures,
        Figure(
            metric=f"our rate over {compared}'s" if peer.warm_share is None else f"our rate over {compared}",
            value=ours / theirs,
            unit="times",
            bar=bar,
            holds=None if bar is None else ours / theirs >= bar,
            peer=peer.package,
            ratio=ours / theirs,
        ),
    ]
