"""The faults, one function each: what is done, and what is waited for before the next."""

import signal
import time

from schemas import codec
from schemas.errors import StoreUnavailableError
from schemas.topics import FEATURES_MARKET
from schemas.wire.administration import Administration
from schemas.wire.redis import Views, connect, features_key
from tests.benchmarks.stream.markets import listings
from tests.benchmarks.stream.records import STREAM
from tests.benchmarks.stream.telling import tell
from tests.chaos.stream.runs import Run

KILLED = "killed worker"
RESTARTED = "restarted broker"
BEHIND = "restarted broker, from its return"
LOST = "lost broker, one of three"
STORM = "workers come and go"
PAUSED = "worker that stood still"
EMPTIED = "emptied Redis"
RESTARTED_REDIS = "restarted Redis"
#: How often a worker is killed again before it has recovered.
_AGAIN = 0.2
_AWAY_S = 2.0


def kill_workers(run: Run, n_kills: int) -> None:
    """One or the other at a random moment, sometimes again while it recovers."""
    n_left = n_kills
    while n_left > 0:
        run.pause(run.chance.uniform(0.2, 2.0))
        victim = run.chance.choice(run.fleet.ids)
        since_s = _kill(run, victim)
        n_left -= 1
        while n_left > 0 and run.chance.random() < _AGAIN:
            run.pause(run.chance.uniform(0.0, 4.0))
            since_s = _kill(run, victim)
            n_left -= 1
        took_s = run.recovery_s(KILLED, since_s)
        tell(f"  {n_kills - n_left}/{n_kills}: worker {victim}, {took_s:.2f} s")


def _kill(run: Run, victim: str) -> float:
    run.wait_until(lambda: run.fleet.is_running(victim), f"worker {victim} runs")
    since_s = time.monotonic()
    run.fleet.send(victim, signal.SIGKILL)
    return since_s


def restart_broker(run: Run, n_restarts: int) -> None:
    """The only one is killed and started at once, its log as it was."""
    (node,) = run.servers.cluster.nodes
    for number in range(1, n_restarts + 1):
        run.pause(run.chance.uniform(1.0, 3.0))
        since_s = time.monotonic()
        node.kill()
        node.start()
        took_s = run.recovery_s(RESTARTED, since_s)
        back_s = run.flow.passed_at_s(since_s) - run.flow.resumed_at_s(since_s)
        run.samples.setdefault(BEHIND, []).append(back_s)
        tell(f"  {number}/{n_restarts}: {took_s:.2f} s, {back_s:.2f} s from the broker's return")


def lose_brokers(run: Run, n_lost: int) -> None:
    """Each of three in turn is killed, and comes back when the flow has."""
    nodes = run.servers.cluster.nodes
    administration = Administration(run.servers.kafka)
    for number in range(1, n_lost + 1):
        run.pause(run.chance.uniform(1.0, 3.0))
        node = nodes[number % len(nodes)]
        since_s = time.monotonic()
        node.kill()
        took_s = run.recovery_s(LOST, since_s)
        tell(f"  {number}/{n_lost}: broker {node.node_id}, {took_s:.2f} s")
        run.pause(_AWAY_S)
        node.start()
        run.wait_until(lambda: not administration.under_replicated(), "every copy is up to date")


def storm(run: Run, seconds: float) -> None:
    """Every second or so a worker is added, or one that was added is removed, by asking or by killing."""
    extra = {str(number) for number in range(2, 5)}
    start_s = time.monotonic()
    n_changes = 0
    while time.monotonic() - start_s < seconds:
        run.pause(run.chance.uniform(0.5, 1.5))
        victim = run.chance.choice(sorted(extra))
        if victim in run.fleet.ids:
            run.fleet.dismiss(victim, run.chance.choice([signal.SIGTERM, signal.SIGKILL]))
        elif not run.fleet.is_leaving(victim):
            run.fleet.add(victim)
        n_changes += 1
    for victim in extra & set(run.fleet.ids):
        run.fleet.dismiss(victim, signal.SIGTERM)
    over_s = time.monotonic()
    run.wait_until(lambda: run.flow.has_passed(over_s), "the end of the storm")
    longest_s = run.flow.longest_wait_s(start_s, over_s)
    run.samples[STORM] = [longest_s]
    tell(f"  {n_changes} changes, the longest wait for a bar {longest_s:.2f} s")


def pause_worker(run: Run, n_paused: int) -> None:
    """One stands still until the other has its share, then goes on as if nothing had been."""
    for _ in range(n_paused):
        victim = run.chance.choice(run.fleet.ids)
        since_s, n_ends = time.monotonic(), len(run.fleet.ends)
        run.fleet.send(victim, signal.SIGSTOP)
        took_s = run.recovery_s(PAUSED, since_s)
        run.fleet.send(victim, signal.SIGCONT)
        run.wait_until(lambda n=n_ends: len(run.fleet.ends) > n, f"worker {victim} notices")  # type: ignore[misc]
        woken_s = time.monotonic()
        run.wait_until(lambda s=woken_s: run.flow.has_passed(s), "the share comes back")  # type: ignore[misc]
        tell(f"  worker {victim}: {took_s:.2f} s until the other had its share")


def empty_redis(run: Run, n_emptied: int) -> None:
    """Emptied while bars flow; and once its process is killed and started again."""
    for _ in range(n_emptied):
        run.pause(run.chance.uniform(0.5, 1.5))
        since_s = time.monotonic()
        with connect(run.servers.valkey.url) as client:
            client.flushall()
        _await_views(run, EMPTIED, since_s)
    run.pause(run.chance.uniform(0.5, 1.5))
    since_s = time.monotonic()
    run.servers.valkey.kill()
    run.servers.valkey.start()
    _await_views(run, RESTARTED_REDIS, since_s)


def _await_views(run: Run, kind: str, since_s: float) -> None:
    """Until every view is there again, none older than before."""
    newest = {
        p: run.flow.subscriber.newest_ms(FEATURES_MARKET.name, p) for p in range(FEATURES_MARKET.n_partitions)
    }
    oldest_ms = min(newest.values())
    with connect(run.servers.valkey.url) as client:
        views = Views(client, job="chaos")
        names = [listing.instrument for listing in listings(run.options.n_instruments)]
        run.wait_until(lambda: all(_as_of_ms(views, name) >= oldest_ms for name in names), kind)
    run.samples.setdefault(kind, []).append(time.monotonic() - since_s)
    tell(f"  {kind}: {run.samples[kind][-1]:.2f} s")


def _as_of_ms(views: Views, instrument: str) -> int:
    try:
        body = views.read(features_key(STREAM, instrument, "1m"))
    except StoreUnavailableError:
        return -1
    return -1 if body is None else int(codec.decode(FEATURES_MARKET, body).event_time_ms)
