"""The collector over fakes: what is published, once, in which transaction, and what is said about sources."""

import json

import pytest

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.known import KnownRecords
from producers.jobs.collecting.metrics import CollectorMetrics
from producers.jobs.collecting.once import MOST_ROUNDS, collect_once
from producers.jobs.collecting.outcomes import read_round
from producers.jobs.collecting.printing import print_reports
from producers.jobs.collecting.reports import json_of
from producers.jobs.collecting.rounds import RejectedItem
from producers.sources.fetching import SourceBusyError, SourceRefusedError, SourceUnreachableError
from schemas.errors import BrokerUnavailableError, DecodeError
from schemas.events import AlertRaised, ArticlePublished, PriceObserved, SourceHealth, SourceHealthChanged
from schemas.wire.clocks import ManualClock
from tests.fakes.collected import NOW_MS, FakeLog, FakeSource, article, facts, price, round_of

REJECTED = RejectedItem(
    source="coindesk", place="https://a.example.com/1", rule="no_title", reason="none", raw=b"<item/>"
)


class Bench:
    """A collector over fakes; ``restart`` makes another one that knows what the log has."""

    def __init__(self, *sources: FakeSource) -> None:
        self.sources = sources
        self.log = FakeLog()
        self.clock = ManualClock(now_ms=NOW_MS)
        self.restart()

    def restart(self) -> None:
        known = KnownRecords("live")
        for event in self.log.events():
            known.add(event)
        for record in self.log.records:
            if record[0].startswith("dead_letters."):
                known.add_letter(record[2] or b"")
        self.collector = Collector(self.sources, known=known, outlet=self.log)

    def run(self, *, rounds: int = 1) -> None:
        for _ in range(rounds):
            for source in self.sources:
                self.collector.take(read_round(source, self.clock))
            self.clock.sleep(60)

    def once(self) -> None:
        collect_once(self.sources, self.collector, self.clock, is_stopped=lambda: False)


def test_articles_are_published_once_for_each_asset():
    both = [article(1, asset=asset, assets=("BTC", "ETH")) for asset in ("BTC", "ETH")]
    bench = Bench(FakeSource("coindesk", round_of("coindesk", *both, n_seen=1)))
    bench.run(rounds=3)
    assert facts(bench.log.events(ArticlePublished)) == facts(both)
    assert bench.collector.reports[0].n_new == 1
    keys = [key for topic, _, key, _ in bench.log.records if topic == "news.article.v1"]
    assert keys == [b"BTC", b"ETH"]


def test_a_restart_publishes_nothing_again():
    bench = Bench(FakeSource("coindesk", round_of("coindesk", article(1), article(2), rejected=(REJECTED,))))
    bench.run()
    for _ in range(3):
        bench.restart()
        bench.run()
    assert len(bench.log.events(ArticlePublished)) == 2
    assert len(bench.log.letters()) == 1


def test_a_crash_before_the_commit_loses_nothing():
    source = FakeSource("coindesk", round_of("coindesk", article(1)))
    bench = Bench(source)
    bench.log.failure = BrokerUnavailableError("gone")
    with pytest.raises(BrokerUnavailableError):
        bench.run()
    assert source.confirmed == []
    bench.log.failure = None
    bench.restart()
    bench.run()
    assert len(bench.log.events(ArticlePublished)) == 1
    assert len(source.confirmed) == 1


def test_a_part_of_an_article_that_a_killed_collector_left_is_completed():
    """The embedded broker shows records of transactions that were never committed."""
    both = [article(1, asset=asset, assets=("BTC", "ETH")) for asset in ("BTC", "ETH")]
    source = FakeSource("coindesk", round_of("coindesk", *both))
    bench = Bench(source)
    bench.log.publish("news.article.v1", _bytes(both[0]), key=b"BTC")
    bench.log.commit(timeout_s=1)
    bench.restart()
    assert source.known is not None
    assert source.known.versions == ()
    bench.run()
    assert sorted(facts(bench.log.events(ArticlePublished))) == sorted(facts(both))


def _bytes(event: ArticlePublished) -> bytes:
    return json.dumps(
        {"type": "ArticlePublished", **{name: getattr(event, name) for name in event.__struct_fields__}}
    ).encode()


def test_a_new_version_is_published_and_the_old_one_stays():
    bench = Bench(
        FakeSource("coindesk", round_of("coindesk", article(1)), round_of("coindesk", article(1, version=1)))
    )
    bench.run(rounds=2)
    assert [event.version for event in bench.log.events(ArticlePublished)] == [0, 1]


def test_a_price_is_published_once_and_never_an_older_one():
    rounds = [round_of("coingecko", price(NOW_MS + ms)) for ms in (0, 0, 60_000, 30_000)]
    bench = Bench(FakeSource("coingecko", *rounds))
    bench.run(rounds=4)
    assert [event.event_time_ms - NOW_MS for event in bench.log.events(PriceObserved)] == [0, 60_000]


def test_a_price_that_strays_is_published_in_quarantine():
    names = ("BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN")
    rounds = []
    for minute in range(12):
        values = (100.0, 100.1, 150.0 if minute >= 3 else 100.2)
        at_ms = NOW_MS + minute * 60_000
        rounds.append(
            round_of(
                "coingecko",
                *(price(at_ms, instrument=n, value=v) for n, v in zip(names, values, strict=True)),
            )
        )
    bench = Bench(FakeSource("coingecko", *rounds))
    bench.run(rounds=12)
    doubted = [event for event in bench.log.events(PriceObserved) if event.is_quarantined]
    assert {event.instrument for event in doubted} == {names[2]}
    assert len(doubted) >= 5
    assert "median" in (doubted[0].reason or "")
    assert len(bench.log.events(PriceObserved)) == 36


def test_what_is_rejected_goes_to_the_dead_letters_once_with_its_reason():
    bench = Bench(FakeSource("coindesk", round_of("coindesk", rejected=(REJECTED,))))
    bench.run(rounds=3)
    assert [letter["reason"] for letter in bench.log.letters()] == [b"none"]
    assert bench.collector.reports[0].n_rejected == 1


def test_an_event_that_no_reader_could_read_is_put_aside():
    bench = Bench(FakeSource("coindesk", round_of("coindesk", article(1, title="x" * 5000), article(2))))
    bench.run()
    assert [event.title for event in bench.log.events(ArticlePublished)] == ["Article 2"]
    assert [letter["error-class"] for letter in bench.log.letters()] == [b"DecodeError"]


def test_an_article_of_the_future_is_put_aside():
    late = article(1, event_time_ms=NOW_MS + 3_600_000)
    bench = Bench(FakeSource("coindesk", round_of("coindesk", late)))
    bench.run()
    assert bench.log.events(ArticlePublished) == []
    assert len(bench.log.letters()) == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SourceRefusedError("a answered 451", status=451), SourceHealth.REFUSED),
        (SourceBusyError("a answered 429", retry_after_s=30), SourceHealth.LIMITED),
        (SourceBusyError("a failed 5 times", retry_after_s=30, is_asked=False), SourceHealth.FAILING),
        (SourceUnreachableError("a did not answer"), SourceHealth.FAILING),
        (DecodeError("HTML instead of RSS"), SourceHealth.FAILING),
        (ZeroDivisionError("a mistake in a parser"), SourceHealth.FAILING),
    ],
)
def test_a_source_that_fails_is_named_and_does_not_stop_the_others(error: Exception, state: SourceHealth):
    bench = Bench(FakeSource("kraken", error), FakeSource("coindesk", round_of("coindesk", article(1))))
    bench.run()
    said = {event.source: event for event in bench.log.events(SourceHealthChanged)}
    assert (said["kraken"].state, said["coindesk"].state) == (state, SourceHealth.HEALTHY)
    assert str(error) in said["kraken"].reason
    assert len(bench.log.events(ArticlePublished)) == 1
    assert [report.has_answered for report in bench.collector.reports] == [False, True]


def test_a_refusal_is_said_once_and_again_each_minute_only_as_health():
    bench = Bench(FakeSource("kraken", SourceRefusedError("a answered 451", status=451)))
    bench.run(rounds=5)
    assert len(bench.log.events(AlertRaised)) == 1
    assert {event.state for event in bench.log.events(SourceHealthChanged)} == {SourceHealth.REFUSED}


def test_health_alert_and_events_of_a_round_are_one_transaction():
    bench = Bench(FakeSource("coindesk", round_of("coindesk", article(100_000))))
    bench.run()
    assert bench.log.n_commits == 1
    kinds = [type(event) for event in bench.log.events()]
    assert kinds == [ArticlePublished, SourceHealthChanged, AlertRaised]
    assert bench.log.events(SourceHealthChanged)[0].state is SourceHealth.QUIET


def test_one_run_reads_until_a_source_has_no_more():
    rounds = [round_of("coindesk", article(number), is_waiting=number < 3) for number in range(4)]
    source = FakeSource("coindesk", *rounds)
    bench = Bench(source)
    bench.once()
    assert (source.n_collected, len(bench.log.events(ArticlePublished))) == (4, 4)


def test_a_source_that_always_has_more_ends_all_the_same():
    source = FakeSource("coindesk", round_of("coindesk", article(1), is_waiting=True))
    Bench(source).once()
    assert source.n_collected == MOST_ROUNDS


def test_the_json_names_what_is_asked_for(capsys: pytest.CaptureFixture[str]):
    bench = Bench(FakeSource("coindesk", round_of("coindesk", article(1), article(2), rejected=(REJECTED,))))
    bench.run(rounds=2)
    (found,) = json.loads(json_of("live", bench.collector.reports))["sources"]
    counts = {name: found[name] for name in ("requests", "seen", "new", "duplicate", "rejected", "state")}
    assert counts == {"requests": 2, "seen": 4, "new": 2, "duplicate": 2, "rejected": 1, "state": "healthy"}
    assert found["newest"].startswith("2025-06-15T")
    print_reports("live", bench.collector.reports, is_json=False)
    assert "coindesk" in capsys.readouterr().out


@pytest.mark.parametrize("is_json", [True, False])
def test_the_exit_code_is_1_if_no_source_answered(capsys: pytest.CaptureFixture[str], *, is_json: bool):
    bench = Bench(*(FakeSource(name, SourceUnreachableError(f"{name} is away")) for name in ("a", "b")))
    bench.run()
    with pytest.raises(SystemExit) as ended:
        print_reports("live", bench.collector.reports, is_json=is_json)
    assert ended.value.code == 1
    printed = capsys.readouterr()
    lines = [line for line in (printed.err if is_json else printed.out).splitlines() if "failing:" in line]
    assert lines == ["a is failing: a is away", "b is failing: b is away"]


def test_metrics_count_by_source():
    metrics = CollectorMetrics()
    known = KnownRecords("live")
    source = FakeSource("coindesk", round_of("coindesk", article(1)))
    collector = Collector([source], known=known, outlet=FakeLog(), metrics=metrics)
    for _ in range(2):
        collector.take(read_round(source, ManualClock(now_ms=NOW_MS)))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert value("driftline_collected_items_total", source="coindesk", kind="new") == 1
    assert value("driftline_collected_items_total", source="coindesk", kind="duplicate") == 1
    assert value("driftline_collected_requests_total", source="coindesk") == 2
    assert value("driftline_source_health", source="coindesk", state="healthy") == 1
    assert value("driftline_source_health", source="coindesk", state="quiet") == 0
