"""The figures of ``make bench-arms``, of three runs with one arm and one run with three."""

from collections.abc import Mapping
from statistics import mean

from schemas.arms import CHAMPION
from tests.benchmarks.arms.records import n_differences
from tests.benchmarks.arms.running import ArmsRun
from tests.benchmarks.reporting import Figure

#: Whose memory is shown, by the names of the processes; none stands for all of them.
_PROCESSES: Mapping[str, tuple[str, ...]] = {
    "scoring worker": ("scoring",),
    "embedded broker, which keeps its log": ("broker",),
    "all processes": (),
}


def figures_of(alone: Mapping[str, ArmsRun], together: ArmsRun) -> list[Figure]:
    """Return what was compared, what differed, and what an arm costs in memory and time.

    Memory and time with one arm are those of the runs that found their version in the registry: the champion's own
    run trained it, and its Postgres was read for the training of the others.

    Args:
        alone: The runs with one version, by the arm that the version has in the run of all.
        together: The run of all arms.
    """
    found: list[Figure] = []
    for arm, run in alone.items():
        own, beside = run.stored[CHAMPION], together.stored[arm]
        found.append(_figure(f"{arm}: predictions and outcomes", beside.n_events, "records"))
        found.append(_held(f"{arm}: differences from its own run", n_differences(own, beside), "records"))
    scored = {arm: run for arm, run in alone.items() if arm != CHAMPION}
    for what, names in _PROCESSES.items():
        one = [_held_mb(run, names) for run in scored.values()]
        found += _memory(what, one, _held_mb(together, names), n_arms=len(alone))
    found.append(_figure("replay with one arm", mean(run.seconds for run in scored.values()), "s"))
    found.append(_figure("replay with three arms", together.seconds, "s"))
    return found


def _held_mb(run: ArmsRun, names: tuple[str, ...]) -> float:
    return sum(run.memory_mb[name] for name in names or run.memory_mb)


def _memory(what: str, alone_mb: list[float], together_mb: float, *, n_arms: int) -> list[Figure]:
    one_mb = mean(alone_mb)
    return [
        _figure(f"{what} with one arm (PSS, mean of {len(alone_mb)} runs)", one_mb, "MB"),
        _figure(f"{what} with {n_arms} arms (PSS)", together_mb, "MB"),
        _figure(f"{what}: one more arm", (together_mb - one_mb) / (n_arms - 1), "MB"),
    ]


def _figure(metric: str, value: float, unit: str) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=None, holds=None)


def _held(metric: str, n: int, unit: str) -> Figure:
    return Figure(metric=metric, value=n, unit=unit, bar=0, holds=n == 0)
