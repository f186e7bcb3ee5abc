"""The job that learns, by the runtime's own driver: what it learns, publishes, and is after a kill."""

import random

import msgspec
import pytest

from api.scoring.jobs import decision
from schemas.arms import SHADOW
from schemas.codec import decode
from schemas.errors import SnapshotMismatchError, StateError
from schemas.events import VectorComputed
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MARKET_BAR, MODELS_EVENT, OUTCOMES, PREDICTIONS
from schemas.wire.clocks import ManualClock
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.runtime.driving import TopologyDriver
from tests.fakes.registries import InMemoryRegistry
from tests.fixtures.feature_rows import INTERVAL, NAMES, decisions_of_rows, feature_rows, feature_table
from tests.fixtures.keeping import keep, kept
from tests.fixtures.market_events import INSTRUMENT, STREAM, T0, bar, prediction, silence, watermark
from trainers.backtesting.decisions import decided, predictions
from trainers.evaluation.prequential import prequential
from trainers.inputs.backtested_models import asked_models
from trainers.jobs.promoting import AliasChange, promote
from trainers.models.online.recipes import OnlineForest, OnlineLogistic
from trainers.models.parity import parity_hash
from trainers.online.learner import learner_job
from trainers.online.metrics import LearnerMetrics
from trainers.online.operators import N_WAITING, LearnerOperator, LearnerOptions
from trainers.online.publishing import Publishing
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import LoadedModels, load_model

LOGISTIC = OnlineLogistic(learning_rate=0.05)
FOREST = OnlineForest(n_models=2, grace_period=60, delta=0.01, tau=0.1)
HOUR_MS = 3_600_000


def options(**changes):
    plain = LearnerOptions(
        targets=[(INTERVAL, INTERVAL)],
        recipes=[LOGISTIC],
        stream=None,
        every_rows=100,
        every_ms=10_000 * HOUR_MS,
    )
    return plain._replace(**changes)


def publishing(registry):
    return Publishing(registry, alias=SHADOW, clock=ManualClock(), code_version="test")


def learner(**changes):
    """A learner without a runtime, and what it published."""
    registry = InMemoryRegistry()
    return LearnerOperator(options(**changes), publish=publishing(registry)), registry


def stepped(operator, rows):
    return [output.event for row in rows for output in operator.step(FEATURES_MARKET, row)]


def only_learner(operator):
    (only,) = operator.learners
    return only


@pytest.mark.parametrize("horizon", [Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR])
def test_it_says_what_an_evaluation_of_the_same_rows_says(horizon):
    """One order of events, live and evaluated: a label that is known by a decision is learnt before it."""
    rows = feature_rows(300)
    operator, _ = learner(targets=[(INTERVAL, horizon)])
    said = []
    for row in rows:
        stepped(operator, [row])
        if row.is_warm:
            said.append(only_learner(operator).waiting[-1].said[0])
    evaluated = prequential(decisions_of_rows(rows, horizon=horizon), LOGISTIC.begin(NAMES), least_rows=0)
    assert said == evaluated.tolist()


def test_its_labels_are_those_of_the_label_join():
    rows = feature_rows(200)
    operator, _ = learner()
    stepped(operator, rows)
    driver = TopologyDriver(outcomes_job([]))
    for row in rows:
        if row.is_warm:
            as_of_ms = row.event_time_ms - T0
            made = prediction(as_of_ms, reference_price=row.close, interval=INTERVAL, horizon=INTERVAL)
            driver.send(PREDICTIONS, made, key=INSTRUMENT)
        start_ms = row.event_time_ms - T0 - INTERVAL.milliseconds
        driver.send(MARKET_BAR, bar(start_ms, row.close, interval=INTERVAL), key=INSTRUMENT)
    driver.run()
    outcomes = [decode(OUTCOMES, value).outcome for value in driver.values(OUTCOMES)]
    counts = only_learner(operator).counts
    assert counts.tied == outcomes.count("tie") > 0
    assert counts.learned == outcomes.count("up") + outcomes.count("down")
    assert only_learner(operator).models[0].record.n_up == outcomes.count("up")


def test_what_can_be_learnt_is_learnt_and_its_record_says_so():
    operator, _ = learner()
    stepped(operator, feature_rows(1_500, strength=3.0))
    record = only_learner(operator).models[0].record
    assert record.accuracy.low > 0.8
    assert record.n == only_learner(operator).counts.learned
    assert record.baselines()["majority_class"]["accuracy"].high < 0.6


def test_a_version_comes_after_so_many_learnt_rows_and_says_what_the_learner_says():
    rows = feature_rows(260)
    operator, registry = learner()
    announced = []
    for row in rows:
        for event in stepped(operator, [row]):
            _, model = load_model(registry, event.model_version)
            assert model.probability_up(row.values) == only_learner(operator).waiting[-1].said[0]
            assert (event.alias, event.effective_from_ms) == (SHADOW, row.event_time_ms)
            announced.append(event)
    assert [manifest.n_rows for manifest in registry.versions()] == [100, 200]
    assert [event.model_version for event in announced] == [m.version for m in registry.versions()]
    newest = registry.versions()[-1]
    assert newest.metrics["accuracy"].n == newest.n_rows
    assert newest.baselines["always_up"]["accuracy"].n == newest.n_rows
    assert newest.trained_until_ms == announced[-1].effective_from_ms
    assert registry.resolve(SHADOW, newest.target, stream=STREAM).version == newest.version


def test_a_version_comes_after_so_long_too():
    operator, registry = learner(every_rows=10_000, every_ms=24 * HOUR_MS)
    stepped(operator, feature_rows(4 * 24 * 3 + 2))
    assert len(registry.versions()) == 3


def test_every_model_of_every_target_has_versions_of_its_own():
    operator, registry = learner(
        recipes=[LOGISTIC, FOREST], targets=[(INTERVAL, INTERVAL), (INTERVAL, Interval.ONE_HOUR)]
    )
    stepped(operator, feature_rows(220))
    kinds = {(manifest.kind, manifest.target.horizon) for manifest in registry.versions()}
    assert len(kinds) == 4


def test_a_tie_is_not_learnt():
    rows = [msgspec.structs.replace(row, close=100.0) for row in feature_rows(20)]
    operator, _ = learner()
    stepped(operator, rows)
    assert (only_learner(operator).counts.tied, only_learner(operator).counts.learned) == (16, 0)


def test_a_row_whose_label_fell_into_a_gap_is_void():
    """as-of   0  15  30  [gap: 45, 60]  75: the label of 30 would have been at 45."""
    rows = feature_rows(12)
    operator, _ = learner()
    stepped(operator, rows[:6])
    counts = msgspec.structs.replace(only_learner(operator).counts)
    stepped(operator, rows[8:9])
    assert only_learner(operator).counts.void == counts.void + 1
    assert only_learner(operator).counts.learned == counts.learned


def test_rows_that_come_again_or_late_change_nothing_but_their_count():
    rows = feature_rows(120)
    once, _ = learner()
    twice, registry = learner()
    stepped(once, rows)
    stepped(twice, [again for row in rows for again in (row, row, rows[0])])
    assert only_learner(twice).counts.repeated == 2 * len(rows)
    assert only_learner(twice).models[0].model.snapshot() == only_learner(once).models[0].model.snapshot()
    assert len(registry.versions()) == 1


def test_the_queue_of_waiting_rows_is_bounded():
    operator = LearnerOperator(
        options(targets=[(INTERVAL, Interval.ONE_DAY)]),
        publish=publishing(InMemoryRegistry()),
        n_waiting=10,
    )
    stepped(operator, feature_rows(60))
    assert len(only_learner(operator).waiting) == 10
    assert only_learner(operator).counts.evicted == 47


def test_the_usual_queue_holds_all_that_can_wait():
    longest = max(Interval, key=lambda one: one.milliseconds).milliseconds
    shortest = min(Interval, key=lambda one: one.milliseconds).milliseconds
    assert longest // shortest < N_WAITING


def test_what_a_source_says_of_itself_teaches_nothing():
    operator, _ = learner()
    assert list(operator.step(FEATURES_MARKET, silence(0))) == []


def test_another_set_of_features_begins_anew():
    rows = feature_rows(60)
    operator, _ = learner()
    stepped(operator, rows[:50])
    others = [msgspec.structs.replace(row, feature_spec_hash="00" * 32) for row in rows[50:]]
    stepped(operator, others)
    assert only_learner(operator).feature_spec_hash == "00" * 32
    assert only_learner(operator).counts.learned + only_learner(operator).counts.tied == 9


def test_other_runs_and_watermarks_are_not_learnt_from():
    operator, _ = learner(stream="live")
    stepped(operator, [*feature_rows(5), watermark(0)])
    assert not list(operator.learners)


def test_an_instrument_with_companions_is_learnt_from_its_vectors_and_a_mere_companion_is_not():
    rows = feature_rows(80)
    vectors = [
        VectorComputed(**{name: getattr(row, name) for name in row.__struct_fields__}, joined={}, n_late=0)
        for row in rows
    ]
    operator, _ = learner(joined=frozenset({INSTRUMENT}))
    stepped(operator, rows)
    assert not list(operator.learners)
    stepped(operator, vectors)
    assert only_learner(operator).counts.learned > 50
    beside, _ = learner(beside=frozenset({INSTRUMENT}))
    stepped(beside, rows)
    assert not list(beside.learners)


def test_a_state_of_another_form_is_refused():
    operator, _ = learner()
    stepped(operator, feature_rows(50))
    ((key, whole),) = kept(operator).items()
    for broken in (b"", b"no state", whole[:-5], whole[:40]):
        with pytest.raises(SnapshotMismatchError, match="learner"):
            learner()[0].restore({key: broken})


def test_a_model_whose_recipe_changed_begins_anew_and_the_other_goes_on():
    rows = feature_rows(120)
    before, _ = learner(recipes=[LOGISTIC, FOREST])
    stepped(before, rows[:100])
    after, _ = learner(recipes=[OnlineLogistic(learning_rate=0.01), FOREST])
    after.restore(kept(before))
    fresh, same = only_learner(after).models
    assert fresh.model.n_learned == 0
    assert same.model.snapshot() == only_learner(before).models[1].model.snapshot()
    stepped(after, rows[100:])
    assert fresh.model.n_learned > 0


@pytest.mark.parametrize("cut", [0, 4, 99, 163])
def test_a_learner_restored_at_any_cut_publishes_the_same(cut):
    rows = feature_rows(240)
    recipes = [LOGISTIC, FOREST]
    whole, _ = learner(recipes=recipes)
    expected = stepped(whole, rows)
    first, _ = learner(recipes=recipes)
    before = stepped(first, rows[:cut])
    second, _ = learner(recipes=recipes)
    entries = kept(first)
    second.restore(entries)
    assert not list(second.changes())
    assert before + stepped(second, rows[cut:]) == expected
    keep(second, entries)
    assert entries == kept(whole)


def driven(rows, crash_at=(), *, checkpoint_every_s=1.0):
    """The job over its log, with crashes at some rows, each before, at or after the commit of its step."""
    registry = InMemoryRegistry()
    job = learner_job(options(recipes=[LOGISTIC, FOREST], every_rows=60), publish=publishing(registry))
    driver = TopologyDriver(job, checkpoint_every_s=checkpoint_every_s)
    chance = random.Random(4)
    for number, row in enumerate(rows):
        driver.send(FEATURES_MARKET, row, key=row.instrument)
        if number in crash_at:
            chance.choice(
                (
                    driver.crash,
                    lambda: (driver.step(), driver.crash()),
                    lambda: (driver.run(), driver.crash()),
                )
            )()
        if chance.random() < 0.3:
            driver.run()
        driver.clock.sleep(chance.random())
    driver.run()
    announced = [decode(MODELS_EVENT, value) for value in driver.values(MODELS_EVENT)]
    return announced, {m.version: registry.load(m.version).files for m in registry.versions()}, registry


@pytest.mark.parametrize("checkpoint_every_s", [0.0, 3.0, 1e9])
def test_kills_at_any_moment_change_neither_what_is_published_nor_how_often_it_is_announced(
    checkpoint_every_s,
):
    rows = feature_rows(220)
    announced, files, undisturbed = driven(rows)
    again, same_files, registry = driven(
        rows, set(random.Random(2).sample(range(220), 15)), checkpoint_every_s=checkpoint_every_s
    )
    assert again == announced
    assert same_files == files
    assert registry.versions() == undisturbed.versions()
    assert len(files) == len(announced) >= 6
    assert [line.version for line in registry.ledger()] == [event.model_version for event in announced]


@pytest.mark.parametrize("recipe", [LOGISTIC, FOREST], ids=lambda recipe: recipe.name)
def test_scoring_and_a_backtest_say_the_same_of_a_published_version(recipe):
    operator, registry = learner(recipes=[recipe])
    (announced,) = stepped(operator, feature_rows(150))
    later = [row for row in feature_rows(150, seed=9) if row.is_warm]
    decide_by = decision(LoadedModels(registry).model)
    live = [decide_by(row, announced) for row in later]

    served = asked_models(registry, announced.model_version, stream=None, target=None, as_served=False)
    said = decided(
        feature_table(later),
        served.schedule,
        target=served.manifest.target,
        from_ms=0,
        to_ms=later[-1].event_time_ms + 1,
        every_ms=1,
    )
    replayed = list(predictions(said, served.schedule, source="binance", stream=STREAM))
    assert parity_hash(replayed) == parity_hash(live)
    assert len(live) == 147


def test_a_promoted_version_is_loaded_and_checked_first(tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    operator = LearnerOperator(options(), publish=publishing(registry))
    (announced,) = stepped(operator, feature_rows(120))
    change = AliasChange("champion", STREAM, announced.effective_from_ms, 1, "it did well")
    said = []
    assert promote(registry, announced.model_version, change, announce=said.append).alias == "champion"
    assert [event.alias for event in said] == ["champion"]
    (stored,) = (tmp_path / "registry" / "objects").glob("*/*")
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    with pytest.raises(StateError, match="not what its name says"):
        load_model(registry, announced.model_version)


def test_the_metrics_are_those_of_the_course():
    metrics = LearnerMetrics()
    registry = InMemoryRegistry()
    operator = LearnerOperator(options(), publish=publishing(registry), watch=metrics.watch)
    stepped(operator, feature_rows(120))
    where = {"stream": STREAM, "instrument": INSTRUMENT, "interval": "15m", "horizon": "15m"}
    value = metrics.registry.get_sample_value
    assert (
        value("driftline_learner_rows", where | {"outcome": "learned"})
        == only_learner(operator).counts.learned
    )
    record = only_learner(operator).models[0].record
    shown = value("driftline_learner_accuracy", where | {"model": LOGISTIC.name})
    assert shown == record.accuracy.value


# The leak alarm


def foretold_rows():
    """Rows in which the direction of the next close stands: an accuracy that no real market gives."""
    generator = random.Random(5)
    closes = [100.0]
    rises = [generator.random() < 0.5 for _ in range(400)]
    for rises_next in rises:
        closes.append(closes[-1] * (1.01 if rises_next else 0.99))
    rows = feature_rows(401)
    return [
        msgspec.structs.replace(row, close=close, values=dict.fromkeys(NAMES, 1.0 if up else -1.0))
        for row, close, up in zip(rows, closes, [*rises, True], strict=False)
    ]


def published_as(alias, registry):
    publish = Publishing(registry, alias=alias, clock=ManualClock(), code_version="test")
    operator = LearnerOperator(options(every_rows=200), publish=publish)
    return stepped(operator, foretold_rows())


def test_a_challenger_whose_leak_alarm_rings_is_kept_and_not_announced():
    registry = InMemoryRegistry()
    assert published_as("challenger", registry) == []
    assert list(registry.ledger()) == []
    assert registry.versions()
    assert all(manifest.leak_alarm.is_ringing for manifest in registry.versions())


def test_a_shadow_whose_leak_alarm_rings_is_announced_since_nobody_acts_on_it():
    registry = InMemoryRegistry()
    announced = published_as(SHADOW, registry)
    assert [event.model_version for event in announced] == [line.version for line in registry.ledger()]
    assert announced
    assert all(manifest.leak_alarm.is_ringing for manifest in registry.versions())


def test_a_challenger_that_was_confirmed_by_hand_is_announced_when_the_rows_come_again():
    registry = InMemoryRegistry()
    published_as("challenger", registry)
    first = registry.versions()[0]
    change = AliasChange("challenger", first.stream, 10, 10, "looked at the rows", "Ada")
    promote(registry, first.version, change, announce=lambda _event: None)
    again = published_as("challenger", registry)
    assert first.version in [event.model_version for event in again]
