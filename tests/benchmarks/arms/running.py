"""One run of the platform on recorded candles, up to its last outcome: what it stored, and the memory it held."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from schemas.targets import Target
from schemas.time import bar_start_ms
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.streams import StoredStreams
from tests.benchmarks.arms.records import StoredArm
from tests.fixtures.running_demo import INSTRUMENT, Demo, running_demo
from trainers.registry.folders import FolderRegistry

_ALL = 10_000_000
_DEADLINE_S = 1_800.0
#: The launcher measures memory every ten seconds.
_SETTLE_S = 12.0
_MB = 1e6


class Stretch(NamedTuple):
    """What is replayed: a file of candles, from a time until another, and what is predicted of it."""

    candles: Path
    from_text: str
    until_text: str
    targets: str


class ArmsRun(NamedTuple):
    """What a run left.

    Attributes:
        stored: What Postgres holds, by arm.
        memory_mb: What each process holds at the end, by its name.
        seconds: From the start to the last stored outcome.
    """

    stored: dict[str, StoredArm]
    memory_mb: dict[str, float]
    seconds: float


def run_arms(
    folder: Path,
    stretch: Stretch,
    *,
    meanwhile: Callable[[Demo, str], None] = lambda _demo, _stream: None,
) -> ArmsRun:
    """Replay a stretch at full speed until every target of every arm is judged.

    Args:
        folder: The folder of the run; its data directory may hold a registry already.
        stretch: What is replayed.
        meanwhile: Called after the measurements, with the running platform and its stream.
    """
    began_s = time.monotonic()
    with (
        running_demo(
            folder / "data",
            stretch.candles,
            log=folder / "demo.log",
            speed="max",
            stretch=(stretch.from_text, stretch.until_text),
            targets=stretch.targets,
        ) as demo,
        PostgresPool(demo.database_url()) as pool,
    ):
        stream = str(demo.status()["state"]["stream"])
        _wait_until(lambda: _is_trained(demo), demo, "the training to end")
        ledger = FolderRegistry(demo.registry()).ledger()
        targets = [
            Target(stream, INSTRUMENT, line.target.interval, line.target.horizon, line.alias)
            for line in ledger
        ]
        _wait_until_judged(demo, pool, targets)
        seconds = time.monotonic() - began_s
        time.sleep(_SETTLE_S)
        memory_mb = {
            name: held / _MB for name, held in demo.status()["state"]["memory"]["by_process"].items()
        }
        arms = dict.fromkeys(target.arm for target in targets)
        stored = {arm: _stored(pool, [one for one in targets if one.arm == arm]) for arm in arms}
        meanwhile(demo, stream)
    return ArmsRun(stored, memory_mb, seconds)


def _is_trained(demo: Demo) -> bool:
    states = {process["name"]: process["state"] for process in demo.status()["state"]["processes"]}
    return bool(states["train"] == "done")


def _wait_until_judged(demo: Demo, pool: PostgresPool, targets: Sequence[Target]) -> None:
    """Wait until the last close of the stretch is predicted, and the last one that has an outcome is judged."""
    description = StoredStreams(pool).stream(targets[0].stream)
    assert description is not None
    assert description.end_ms is not None
    for target in targets:
        is_judged = partial(_is_judged, pool, target, description.end_ms)
        _wait_until(is_judged, demo, f"the last outcome of {target}")


def _wait_until(is_so: Callable[[], bool], demo: Demo, what: str) -> None:
    ends_s = time.monotonic() + _DEADLINE_S
    while not is_so():
        assert demo.process.poll() is None, f"the platform ended with {demo.process.returncode}"
        assert time.monotonic() < ends_s, f"waited in vain for {what}"
        time.sleep(1.0)


def _is_judged(pool: PostgresPool, target: Target, end_ms: int) -> bool:
    last_close_ms = bar_start_ms(end_ms, target.interval)
    last_judged_ms = bar_start_ms(end_ms - target.horizon.milliseconds, target.interval)
    page = StoredPredictions(pool).predictions(target, limit=200)
    judged = [made.features_as_of_ms for made, resolved in page if resolved is not None]
    return (
        bool(page)
        and page[0][0].features_as_of_ms >= last_close_ms
        and max(judged, default=0) >= last_judged_ms
    )


def _stored(pool: PostgresPool, targets: Sequence[Target]) -> StoredArm:
    stored = StoredPredictions(pool)
    found = [stored.predictions_with_record(target, limit=_ALL) for target in targets]
    pairs = [pair for page, _ in found for pair in page]
    return StoredArm(
        predictions=tuple(made for made, _ in pairs),
        outcomes=tuple(resolved for _, resolved in pairs if resolved is not None),
        counts={str(target.pair): record for target, (_, record) in zip(targets, found, strict=True)},
    )
