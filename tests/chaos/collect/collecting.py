"""Collects the news of a mirror once in the midst of each failure, and once after it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.wire.settings import Endpoints
from tests.chaos.collect.judging import articles_of
from tests.chaos.collect.processes import run_to_end
from tests.chaos.collect.scenarios import SITES, NewsScenario
from tests.mirror.running import RunningMirror

COLLECT = ("producers", "collect", "--once", "--json")
N_NEW = 2


class NewsResult(NamedTuple):
    """What came of one failure.

    Attributes:
        n_true: How many articles the sites have.
        n_lost: How many of them are not in the log after the failure.
        n_more: How many articles are in the log that the sites do not have.
        n_versions: How many versions after the first there are, though nothing was corrected.
        n_misdated: How many have another time than the site stated.
        n_again: How many are new to a further run, in which nothing happened.
        n_impolite: How many requests a host got right after it had refused to serve us.
    """

    name: str
    code: int
    n_true: int
    n_lost: int
    n_more: int
    n_versions: int
    n_misdated: int
    n_again: int
    n_impolite: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost, doubled or misdated."""
        return not any(self[3:])


class NewsCourse:
    """One run of rounds on a mirror."""

    def __init__(
        self,
        mirror: RunningMirror,
        endpoints: Endpoints,
        environment: Mapping[str, str],
        stream: str,
        logs: Path,
    ) -> None:
        self._mirror = mirror
        self._endpoints = endpoints
        self._environment = environment
        self._stream = stream
        self._logs = logs

    def suffer(self, scenario: NewsScenario) -> NewsResult:
        """Let articles appear while the sites fail or the collector is killed; then collect in peace, twice."""
        self._mirror.mirror.control({"publish": N_NEW, "faults": list(scenario.faults)})
        code, _ = self._collect(kill_after_s=scenario.kill_after_s)
        self._mirror.heal()
        n_impolite = self._asked_again() if scenario.is_refusal else 0
        self._forget_pauses()
        self._collect()
        before = len(self._keys())
        self._collect()
        return self._judged(scenario.name, code, n_again=len(self._keys()) - before, n_impolite=n_impolite)

    def _asked_again(self) -> int:
        """Collect while the sites have just refused, and count what they are asked all the same."""
        seen = max((entry["n"] for entry in self._mirror.log()), default=0)
        self._collect()
        return sum(len(self._mirror.log(host=host, after=seen)) for host in SITES)

    def _forget_pauses(self) -> None:
        """Act as if the ten minutes had passed for which a host that refused is left alone."""
        for pause in (self._logs / "data" / "web" / self._stream).glob("pauses/*.json"):
            pause.unlink()

    def _collect(self, *, kill_after_s: float | None = None) -> tuple[int, str]:
        return run_to_end("collect", COLLECT, self._environment, self._logs, kill_after_s=kill_after_s)

    def _keys(self) -> set[tuple]:
        found = articles_of(self._endpoints.kafka, self._stream)
        return {(each.article_id, each.version, each.asset) for each in found}

    def _judged(self, name: str, code: int, *, n_again: int, n_impolite: int) -> NewsResult:
        archive = self._mirror.mirror.hosts.archive
        true = {
            each.link.rstrip("/"): each for each in [*archive.told, *archive.coindesk, *archive.cryptoslate]
        }
        found = articles_of(self._endpoints.kafka, self._stream)
        urls = {each.url.rstrip("/"): each for each in found}
        misdated = [
            url
            for url, each in urls.items()
            if url in true and each.event_time_ms != round(true[url].published.timestamp() * 1000)
        ]
        return NewsResult(
            name=name,
            code=code,
            n_true=len(true),
            n_lost=len(true.keys() - urls.keys()),
            n_more=len(urls.keys() - true.keys()),
            n_versions=len({(each.article_id, each.version) for each in found if each.version > 0}),
            n_misdated=len(misdated),
            n_again=n_again,
            n_impolite=n_impolite,
        )
