"""What a run can be told, by environment variables."""

from collections.abc import Mapping

import msgspec

from tests.benchmarks.stream.breadth.scales import FULL, QUICK, Scale
from tests.benchmarks.stream.competitors import PEERS
from tests.benchmarks.stream.markets import TICKS_PER_MINUTE

PARTS = ("throughput", "latency", "scaling", "growth", "breadth")
_TICKS_PER_MINUTE_OF_ALL = 8 * TICKS_PER_MINUTE


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        n_minutes: Of the market that is measured: 5,000 ticks each.
        n_repeats: Of us and the limit; peers run once, or twice where that is three or more.
        n_samples: Of the latency.
        n_growth_minutes: Of the market with which the topic grows.
        scales: Numbers of instruments of the breadth.
        intervals: Of the bars that the worker makes there.
    """

    parts: tuple[str, ...] = PARTS
    peers: tuple[str, ...] = tuple(PEERS)
    n_minutes: int = 200
    n_repeats: int = 3
    n_peer_repeats: int = 1
    n_samples: int = 2_000
    n_growth_minutes: int = 2_000
    scales: tuple[Scale, ...] = FULL
    intervals: str = "1m"

    @property
    def n_ticks(self) -> int:
        """Of the market that is measured."""
        return self.n_minutes * _TICKS_PER_MINUTE_OF_ALL


def read_options(environment: Mapping[str, str]) -> Options:
    """From ``PARTS``, ``PEERS``, ``ROWS``, ``REPEATS``, ``INSTRUMENTS``, ``INTERVALS`` and ``QUICK=1``.

    ``ROWS`` are ticks; ``PARTS``, ``PEERS``, ``INTERVALS`` and ``INSTRUMENTS``, which are numbers of
    them for the breadth, are separated by commas.

    Raises:
        ValueError: If one has no such value.
    """
    quick = environment.get("QUICK", "") not in {"", "0"}
    options = (
        Options(n_minutes=20, n_repeats=1, n_samples=60, n_growth_minutes=100, scales=QUICK)
        if quick
        else Options()
    )
    changes: dict[str, object] = {}
    if environment.get("PARTS"):
        changes["parts"] = _named("PARTS", environment["PARTS"], PARTS)
    if "PEERS" in environment and environment["PEERS"] != "":
        asked = environment["PEERS"]
        changes["peers"] = () if asked == "none" else _named("PEERS", asked, tuple(PEERS))
    if environment.get("ROWS"):
        changes["n_minutes"] = max(1, int(environment["ROWS"]) // _TICKS_PER_MINUTE_OF_ALL)
    if environment.get("REPEATS"):
        changes["n_repeats"] = int(environment["REPEATS"])
    if environment.get("INTERVALS"):
        changes["intervals"] = environment["INTERVALS"]
    if environment.get("INSTRUMENTS"):
        known = {str(scale.n_instruments): scale for scale in options.scales}
        asked = _named("INSTRUMENTS", environment["INSTRUMENTS"], tuple(known))
        changes["scales"] = tuple(known[number] for number in asked)
    return msgspec.structs.replace(options, **changes)


def _named(variable: str, value: str, known: tuple[str, ...]) -> tuple[str, ...]:
    asked = tuple(part.strip() for part in value.split(",") if part.strip())
    unknown = [part for part in asked if part not in known]
    if unknown:
        message = f"{variable} must be some of {', '.join(known)}, was {value!r}"
        raise ValueError(message)
    return tuple(name for name in known if name in asked)
