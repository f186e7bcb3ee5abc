"""The part ``breadth``: one number of instruments after the other."""

from pathlib import Path

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.breadth import stores
from tests.benchmarks.stream.breadth.figures import figures_of
from tests.benchmarks.stream.breadth.running import run
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell


def breadth(servers: Servers, options: Options, _directory: Path) -> list[Figure]:
    """Measure every number of instruments that the options name."""
    with stores.running_database(servers) as url:
        found = [run(servers, url, scale, intervals=options.intervals) for scale in options.scales]
    for each in found:
        for stretch, logged in (("at full speed", each.logged), ("by the clock", each.paced.logged)):
            kinds = ", ".join(f"{kind} {n:,}" for kind, n in logged.n_bytes.most_common())
            tell(
                f"breadth, {each.scale.n_instruments:,} instruments, {stretch}: bytes logged by kind: {kinds}"
            )
    return [figure for each in found for figure in figures_of(each, fewest=found[0])]
