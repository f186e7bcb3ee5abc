"""The training job on a history, a registry and a clock in memory."""

import msgspec
import numpy as np
import pytest

from schemas.arms import CHAMPION
from schemas.artifacts import ModelTarget
from schemas.companions import Companions
from schemas.errors import NotReadyError, StoreUnavailableError
from schemas.streams import StreamKind, StreamSource
from schemas.targets import TargetPair
from schemas.time import Interval
from schemas.topics import partition_of
from schemas.wire.clocks import ManualClock
from stream_processors.features.vector_declarations import spec_of
from stream_processors.features.vectors import with_companions
from tests.fakes.feature_tables import simulated_table
from tests.fakes.histories import InMemoryFeatureHistory, description_of
from tests.fakes.registries import InMemoryRegistry
from trainers.jobs.train import TrainingJob, TrainingPlan
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.training.fitting import FitOptions

MINUTE = Interval.ONE_MINUTE
INSTRUMENT = "BTC-USDT.SIMULATED"
TARGET = ModelTarget(instrument=INSTRUMENT, interval=MINUTE, horizon=MINUTE)
COIN = "ETH-USDT.SIMULATED"
N_ROWS = 700
UNTIL_MS = N_ROWS * 60_000


class Lines:
    """Remembers what was said."""

    def __init__(self):
        self.said, self.shares = [], []

    def say(self, line):
        self.said.append(line)

    def waited(self, *, share):
        self.shares.append(share)


class Job:
    """A training job with everything it touches."""

    def __init__(
        self,
        *,
        description=None,
        tables=None,
        watermarks=(UNTIL_MS,),
        registry=None,
        minimum_rows=300,
        companions=None,
        stream="simulation-1",
    ):
        self.registry = InMemoryRegistry() if registry is None else registry
        self.report, self.announced, self.is_stopped = Lines(), [], False
        table = simulated_table(n=N_ROWS, seed=4)
        self.history = InMemoryFeatureHistory(
            description,
            {(INSTRUMENT, MINUTE): table} if tables is None else tables,
            watermarks=watermarks,
        )
        self.training = TrainingJob(
            TrainingPlan(
                stream=stream,
                targets=(TargetPair(MINUTE, MINUTE),),
                options=FitOptions(
                    "xgboost", Boosting(parameters=BoostingParameters(n_rounds=10)), n_folds=2
                ),
                minimum_rows=minimum_rows,
                patience_s=60.0,
                code_version="test",
                companions=companions or {},
            ),
            streams=self.history,
            features=self.history,
            registry=self.registry,
            announce=self.announced.append,
            clock=ManualClock(now_ms=1_000),
            report=self.report,
            stop=lambda: self.is_stopped,
        )

    def champion(self):
        return self.registry.resolve(CHAMPION, TARGET, stream="simulation-1")


def job(**changes):
    return Job(**({"description": description_of(until_ms=UNTIL_MS)} | changes))


def test_a_missing_champion_is_trained_promoted_and_announced_from_the_end_of_the_warm_up():
    one = job()
    one.training.run()
    (event,) = one.announced
    entry = one.champion()
    assert (event.model_version, event.model_hash) == (entry.version, entry.model_hash)
    assert event.effective_from_ms == event.event_time_ms == event.known_time_ms == UNTIL_MS
    assert (event.source, event.stream, event.instrument) == ("simulated", "simulation-1", INSTRUMENT)


def test_a_run_that_follows_its_sources_is_trained_on_the_stored_minutes():
    description = msgspec.structs.replace(description_of(until_ms=UNTIL_MS), kind=StreamKind.MIRROR)
    stored_minutes = {(INSTRUMENT, MINUTE): simulated_table(n=N_ROWS, seed=4)}
    one = job(description=description, tables={})
    minutes = InMemoryFeatureHistory(description, stored_minutes, watermarks=(UNTIL_MS,))
    one.training._live_features = lambda: minutes
    one.training.run()
    assert len(one.announced) == 1
    assert minutes.spec_hashes
    assert not one.history.spec_hashes
    assert set(one.history.asked) == {"market.candle.v1"}


def vectors_of(companions):
    """The table of an instrument with another coin beside it, as it is stored live."""
    own, other = simulated_table(n=N_ROWS, seed=4), simulated_table(n=N_ROWS, seed=5)
    return with_companions(own, {COIN: other}, companions[INSTRUMENT], interval=MINUTE)


def test_an_instrument_with_companions_is_trained_on_its_vectors_and_a_mere_companion_not_at_all():
    companions = {INSTRUMENT: Companions(coin=COIN)}
    description = description_of(until_ms=UNTIL_MS, instruments=(INSTRUMENT, COIN))
    one = job(
        description=description, companions=companions, tables={(INSTRUMENT, MINUTE): vectors_of(companions)}
    )
    one.training.run()
    spec = spec_of(companions[INSTRUMENT])
    assert one.history.asked == {"features.vector.v1": {("simulated", partition_of(INSTRUMENT.encode(), 4))}}
    assert one.history.spec_hashes == [spec.hash]
    (event,) = one.announced
    assert (event.instrument, event.feature_spec_hash) == (INSTRUMENT, spec.hash)
    manifest = one.registry.load(event.model_version).manifest
    assert manifest.feature_names == spec.names


def test_a_champion_of_other_companions_is_trained_anew():
    first = job()
    first.training.run()
    companions = {INSTRUMENT: Companions(coin=COIN)}
    second = job(
        registry=first.registry,
        companions=companions,
        tables={(INSTRUMENT, MINUTE): vectors_of(companions)},
    )
    second.training.run()
    assert "of another set of features" in second.report.said[0]
    assert len(first.registry.ledger()) == 2


def test_the_manifest_says_what_the_model_was_made_of():
    one = job()
    one.training.run()
    manifest = one.registry.load(one.champion().version).manifest
    assert manifest.trained_until_ms == UNTIL_MS
    assert (manifest.source, manifest.code_version, manifest.created_ms) == ("simulated", "test", 1_000)
    assert set(manifest.baselines) == {
        "always_up",
        "majority_class",
        "persistence",
        "random_walk",
        "logistic_regression",
    }
    assert {"accuracy", "brier_score", "tie_share", "export_difference"} <= set(manifest.metrics)


def test_a_manifest_states_one_interval_of_the_accuracy_over_all_decisions():
    """The evidence had it by blocks of days and the metrics by a bootstrap of rows, so that two were shown."""
    one = job()
    one.training.run()
    manifest = one.registry.load(one.champion().version).manifest
    everything = manifest.evidence[0]
    assert everything.target == 1
    assert manifest.metrics["accuracy"] == everything.at_close


def test_running_again_trains_nothing_and_announces_the_same():
    first = job()
    first.training.run()
    second = job(registry=first.registry, tables={})
    second.training.run()
    assert second.announced == first.announced
    assert len(first.registry.ledger()) == 1


def test_a_champion_is_announced_without_waiting_for_history():
    first = job()
    first.training.run()
    second = job(registry=first.registry, watermarks=(None,))
    second.training.run()
    assert second.announced == first.announced


def test_too_little_history_is_said_in_a_line_and_is_no_failure():
    one = job(minimum_rows=5_000)
    one.training.run()
    assert one.announced == []
    (line,) = one.report.said
    assert "too little history" in line


def test_holes_are_named_where_they_leave_too_few_complete_rows():
    """Every fortieth bar is missing, and features need longer stretches than that."""
    whole = simulated_table(n=N_ROWS, seed=4)
    kept = np.arange(N_ROWS) % 40 != 0
    table = msgspec.structs.replace(
        whole,
        as_of_ms=whole.as_of_ms[kept],
        known_ms=whole.known_ms[kept],
        close=whole.close[kept],
        is_warm=np.zeros(kept.sum(), dtype=np.bool_),
        values=whole.values[kept],
    )
    one = job(tables={(INSTRUMENT, MINUTE): table})
    one.training.run()
    _, words = one.report.said
    assert f"{(N_ROWS - 1) // 40:,} holes between its bars are a cause" in words
    assert "NO_TRADE=60" in words


def test_no_features_at_all_are_too_little_history():
    one = job(tables={})
    one.training.run()
    assert one.announced == []


def test_history_is_waited_for_with_its_progress_though_the_store_fails_meanwhile():
    """[nothing yet, half, store gone, half, all]."""
    gone = StoreUnavailableError("Postgres: gone")
    one = job(watermarks=(None, UNTIL_MS // 2, gone, UNTIL_MS // 2, UNTIL_MS))
    one.training.run()
    assert one.report.shares == [0.5]
    assert len(one.announced) == 1


class ReachedBySource(InMemoryFeatureHistory):
    """Answers for each source apart; a source that is not named has stored nothing."""

    def __init__(self, description, reached_ms):
        super().__init__(description, {}, watermarks=(None,))
        self._reached_ms = reached_ms

    def watermark_ms(self, stream, topic, *, places=None):
        found = [self._reached_ms.get(source) for source, _ in places]
        return None if None in found else min(found)


@pytest.mark.parametrize(
    ("kraken_ms", "kind"), [(None, StreamKind.LIVE), (UNTIL_MS - 60_000, StreamKind.MIRROR)]
)
def test_a_followed_run_is_trained_without_a_venue_whose_history_does_not_come(kraken_ms, kind):
    """One of three venues did not answer, or lacked a minute, and no model of any venue was trained."""
    names = (INSTRUMENT, "BTC-USD.KRAKEN")
    sources = tuple(
        StreamSource(name=source, instruments=(name,), lateness_ms=0)
        for source, name in zip(("simulated", "kraken"), names, strict=True)
    )
    description = msgspec.structs.replace(
        description_of(until_ms=UNTIL_MS, instruments=names), kind=kind, sources=sources
    )
    one = job(description=description)
    one.training._streams = ReachedBySource(description, {"simulated": UNTIL_MS, "kraken": kraken_ms})
    minutes = {(INSTRUMENT, MINUTE): simulated_table(n=N_ROWS, seed=4)}
    one.training._live_features = lambda: InMemoryFeatureHistory(description, minutes, watermarks=(None,))
    one.training.run()
    assert [event.instrument for event in one.announced] == [INSTRUMENT]
    assert any("goes on without" in line for line in one.report.said)


@pytest.mark.parametrize("watermark", [None, UNTIL_MS - 1])
def test_history_that_does_not_grow_is_given_up(watermark):
    with pytest.raises(NotReadyError, match="did not grow"):
        job(watermarks=(watermark,)).training.run()


def test_a_stream_that_nobody_registers_is_given_up():
    with pytest.raises(NotReadyError, match="not registered"):
        job(description=None).training.run()


def test_an_empty_warm_up_is_not_waited_for_and_the_option_that_helps_is_named():
    """Nothing preceded a capture: its features were waited for up to the capture, and the start hung."""
    description = capture_without_history()
    one = job(description=description, tables={}, watermarks=(None,))
    one.training.run()
    assert one.announced == []
    assert "HISTORY=FILE" in one.report.said[0]
    assert "no model" in one.report.said[1]


def test_a_long_wait_is_named_with_what_would_end_it():
    one = job(watermarks=(UNTIL_MS // 2,))
    with pytest.raises(NotReadyError):
        one.training.run()
    named = [line for line in one.report.said if line.startswith("waited")]
    assert [line.split()[1] for line in named] == ["15", "30", "60"]
    assert all(
        "must be stored up to 1970-01-01 11:40 UTC, are stored up to 1970-01-01 05:50" in line
        for line in named
    )
    assert all("the jobs market and history" in line for line in named)


def test_a_stream_that_nobody_registers_is_named_while_it_is_waited_for():
    one = job(description=None)
    with pytest.raises(NotReadyError):
        one.training.run()
    assert [line.split()[1] for line in one.report.said] == ["15", "30", "60"]


def capture_without_history(*, stream="simulation-1", at_ms=UNTIL_MS):
    """A run that begins with what is played."""
    description = description_of(stream=stream, until_ms=at_ms)
    return msgspec.structs.replace(
        description, origin_ms=at_ms, end_ms=at_ms + 1, parameters={"history": None}
    )


def trained_elsewhere():
    """A registry with the champion of another run, trained on its data up to ``UNTIL_MS``."""
    other = job()
    other.training.run()
    return other.registry


@pytest.mark.parametrize(
    ("at_ms", "says"),
    [
        (UNTIL_MS, "predicts here"),  # . . trained . |capture
        (0, "later than this run"),  # capture| . . trained . .
    ],
)
def test_a_run_without_history_takes_over_the_champion_of_another(at_ms, says):
    registry = trained_elsewhere()
    (champion,) = registry.ledger()
    description = capture_without_history(stream="simulation-2", at_ms=at_ms)
    one = job(description=description, tables={}, registry=registry, stream="simulation-2")
    one.training.run()
    (event,) = one.announced
    assert (event.stream, event.model_version) == ("simulation-2", champion.version)
    assert event.effective_from_ms == at_ms
    assert says in registry.ledger()[-1].reason
    assert registry.ledger()[-1].reason in one.report.said[-1]


def test_a_champion_that_has_seen_the_run_is_not_taken_over():
    registry = trained_elsewhere()
    description = capture_without_history(stream="simulation-2", at_ms=UNTIL_MS // 2)
    one = job(description=description, tables={}, registry=registry, stream="simulation-2")
    one.training.run()
    assert one.announced == []


def test_a_champion_of_other_features_is_not_taken_over():
    registry = trained_elsewhere()
    one = job(
        description=capture_without_history(stream="simulation-2"),
        tables={},
        registry=registry,
        stream="simulation-2",
        companions={INSTRUMENT: Companions(coin=COIN)},
    )
    one.training.run()
    assert one.announced == []


def test_a_champion_for_shorter_bars_than_the_candles_is_not_taken_over():
    registry = trained_elsewhere()
    hourly = msgspec.structs.replace(
        capture_without_history(stream="simulation-2"), parameters={"interval": "1h"}
    )
    one = job(description=hourly, tables={}, registry=registry, stream="simulation-2")
    one.training.run()
    assert one.announced == []


def test_being_asked_to_stop_ends_the_waiting():
    one = job(watermarks=(None,))
    one.is_stopped = True
    one.training.run()
    assert one.announced == []


def test_every_instrument_gets_a_model_of_its_own():
    two = (INSTRUMENT, "ETH-USDT.SIMULATED")
    tables = {(name, MINUTE): simulated_table(n=N_ROWS, seed=seed) for seed, name in enumerate(two)}
    one = job(description=description_of(until_ms=UNTIL_MS, instruments=two), tables=tables)
    one.training.run()
    assert [event.instrument for event in one.announced] == list(two)
    assert len({event.model_hash for event in one.announced}) == 2
