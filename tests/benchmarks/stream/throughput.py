"""Everyone's ticks/s, in alternating order: medians, our ratio to each, and our share of the limit."""

from functools import partial
from pathlib import Path
from statistics import median

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.competitors import PEERS, Peer, running_peer
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.rates import Job, fresh_folder, make_job, measure, measure_limit, measure_worker
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell

RATE_BAR = 400_000.0
_OURS, _LIMIT = "driftline", "limit"


def throughput(servers: Servers, options: Options, directory: Path) -> list[Figure]:
    """Measure everyone."""
    jobs = {minutes: make_job(minutes) for minutes in _all_minutes(options)}
    rates: dict[str, list[float]] = {name: [] for name in (_OURS, _LIMIT, *options.peers)}
    n_watermarks = 0
    for turn in range(options.n_repeats):
        order = [_OURS, _LIMIT] if turn % 2 == 0 else [_LIMIT, _OURS]
        peers = list(options.peers) if turn < options.n_peer_repeats else []
        for name in order[:1] + peers + order[1:]:
            job = jobs[_minutes(name, options)]
            if name == _OURS:
                run = measure_worker(servers, job)
                rate, n_watermarks = run.rate, run.n_watermarks
            elif name == _LIMIT:
                rate = measure_limit(servers, job)
            else:
                rate = _measure_peer(servers, job, PEERS[name], directory)
            rates[name].append(rate)
            tell(f"throughput, turn {turn + 1}: {name} {rate:,.0f} ticks/s of {job.n_measured:,}")
    return _figures(rates, options, n_watermarks)


def _minutes(name: str, options: Options) -> int:
    share = PEERS[name].share if name in PEERS else 1.0
    return max(1, round(options.n_minutes * share))


def _all_minutes(options: Options) -> set[int]:
    return {_minutes(name, options) for name in (_OURS, *options.peers)}


def _measure_peer(servers: Servers, job: Job, peer: Peer, directory: Path) -> float:
    start = partial(running_peer, servers, peer, fresh_folder(directory, peer.name))
    return measure(servers, job, start, extra=peer.topics).rate


def _figures(rates: dict[str, list[float]], options: Options, n_watermarks: int) -> list[Figure]:
    ours, limit = median(rates[_OURS]), median(rates[_LIMIT])
    figures = [
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
            value=n_watermarks,
            unit="records",
            bar=None,
            holds=None,
        ),
    ]
    for name in options.peers:
        figures += _figures_of_peer(PEERS[name], ours, median(rates[name]), options)
    return figures


def _figures_of_peer(peer: Peer, ours: float, theirs: float, options: Options) -> list[Figure]:
    n_ticks = _minutes(peer.name, options) * options.n_ticks // options.n_minutes
    title = peer.title if peer.share == 1.0 else f"{peer.title} ({n_ticks:,} ticks)"
    return [
        Figure(metric=title, value=theirs, unit="ticks/s", bar=None, holds=None),
        Figure(
            metric=f"our rate over {peer.package}'s",
            value=ours / theirs,
            unit="times",
            bar=peer.times_bar,
            holds=ours / theirs >= peer.times_bar,
            peer=peer.package,
            ratio=ours / theirs,
        ),
    ]
