"""Which processes of a demo are killed: every one that its launcher lists and that does not end by itself."""

from typing import Any

from deploy.processes import PREPARE, MarketKind, processes_of_a_run
from tests.chaos.collect.demo import killed_names
from tests.fixtures.running_demo import Demo


class _ListedDemo(Demo):
    def __init__(self, names: list[str]) -> None:
        self._names = names

    def status(self) -> dict[str, Any]:
        """Return what a launcher lists."""
        return {"state": {"processes": [{"name": name} for name in self._names]}}


def test_every_listed_process_that_lives_on_is_killed() -> None:
    """Valkey, outcomes, the API and the monitor were never killed, because the names stood in the test."""
    table = (PREPARE, *processes_of_a_run(market=MarketKind.LIVE, has_news=True, is_learning=True))
    names = ["broker", "valkey", "postgres", "mirror", *(process.name for process in table), "of later"]
    assert set(names) - set(killed_names(_ListedDemo(names))) == {"prepare", "warm-up", "train"}
