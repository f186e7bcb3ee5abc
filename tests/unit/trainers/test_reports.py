"""What jobs show to people: lines of progress, tables of versions, lines of the ledger."""

import json

import msgspec
import pytest
from rich.console import Console

from schemas.arms import CHAMPION, SHADOW
from schemas.artifacts import RIVER_FILE, ConformalStatement, Evidence, Metric
from schemas.events import PromotionTookEffect
from schemas.time import Interval
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from trainers.registry.cards import conformal_words, model_card, pick_words
from trainers.registry.figures import figure_words, interval_words, stated_metrics
from trainers.registry.summaries import summary_of
from trainers.reports.progress import PlainReport, fitting_progress, say_written, searching_progress
from trainers.reports.versions import (
    aliases_of,
    ledger_table,
    share,
    version_tables,
    versions_json,
    versions_table,
)
from trainers.selection.searching import SearchProgress


def shown(table):
    console = Console(width=400)
    with console.capture() as captured:
        console.print(table)
    return " ".join(captured.get().split())


def evidence(target, value, *, least=0.5, coverage=None, late=None):
    metric = Metric(value=value, low=value - 0.01, high=value + 0.01, n=1_000)
    return Evidence(
        target=target,
        least_confidence=least,
        coverage=target if coverage is None else coverage,
        at_close=metric,
        late=late or {},
    )


def judged(**changes):
    """A version with evidence at all decisions and at a tenth."""
    late = {60: Metric(value=0.55, low=0.53, high=0.57, n=90)}
    rows = (evidence(1.0, 0.53), evidence(0.1, 0.6, least=0.57, coverage=0.08, late=late))
    manifest = msgspec.structs.replace(manifest_of(b"model"), evidence=rows, picks_from=0.57)
    return msgspec.structs.replace(manifest, **changes)


# Progress


def test_waiting_prints_a_line_at_every_tenth_and_no_other(capsys):
    report = PlainReport()
    for share_done in (0.01, 0.05, 0.12, 0.15, 0.19, 0.34, 0.36, 1.0):
        report.waited(share=share_done)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"history for training: {share_done}%" for share_done in (12, 34, 100)]


def test_without_a_terminal_a_part_of_the_work_prints_nothing_and_a_line_is_printed_as_it_is(capsys):
    report = PlainReport()
    report.reached("decisions", 0.5)
    report.say("a [line] with brackets")
    assert capsys.readouterr().out == "a [line] with brackets\n"


def test_fitting_prints_each_tenth_once_on_standard_error(capsys):
    """Three tenths came twice, at 30 and at 35 %, since 0.3 is a little less than three times 0.1."""
    with fitting_progress("fitting") as bar:
        for step in range(1, 21):
            bar(step / 20)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"fitting: {tenth}0%" for tenth in range(1, 11)]


def test_searching_prints_the_pruned_trials_and_the_best_loss(capsys):
    with searching_progress("searching logistic") as told:
        told(SearchProgress(n_done=1, n_trials=2, n_pruned=0, best=None))
        told(SearchProgress(n_done=2, n_trials=2, n_pruned=1, best=0.69123))
    first, last = capsys.readouterr().err.splitlines()
    assert first == "searching logistic, trial 1 of 2, 0 pruned: 50%"
    assert last == "searching logistic, trial 2 of 2, 1 pruned, best 0.69123: 100%"


def test_only_files_that_were_asked_for_are_named(capsys, tmp_path):
    say_written(None, tmp_path / "out.json", None)
    assert capsys.readouterr().out == f"written to {tmp_path / 'out.json'}\n"


# Figures and words


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (None, "-"),
        (Metric(value=0.69314718, low=None, high=None, n=5), "0.6931"),
        (Metric(value=0.51, low=0.49, high=0.53, n=5), "0.5100 [0.4900, 0.5300]"),
    ],
)
def test_a_figure_has_its_interval_if_there_is_one(metric, words):
    assert figure_words(metric) == words


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (None, "-"),
        (Metric(value=0.5, low=None, high=None, n=1_234), "50.0% of 1,234"),
        (Metric(value=0.5, low=0.4, high=0.6, n=10), "50.0% [40.0%, 60.0%] of 10"),
    ],
)
def test_a_share_has_its_interval_and_its_number(metric, words):
    assert share(metric) == words


def test_the_accuracy_over_all_decisions_is_that_of_the_evidence_if_both_are_of_the_same_rows():
    whole = evidence(1.0, 0.52)
    manifest = manifest_of(b"model")
    other = msgspec.structs.replace(manifest, evidence=(whole,))
    assert stated_metrics(other)["accuracy"] == manifest.metrics["accuracy"]  # of ten rows, not of a thousand
    same = msgspec.structs.replace(other, metrics={"accuracy": evidence(1.0, 0.6).at_close})
    assert stated_metrics(same)["accuracy"] == whole.at_close


def test_the_method_of_the_intervals_depends_on_the_form_of_the_model():
    batch = manifest_of(b"model")
    online = msgspec.structs.replace(batch, files={RIVER_FILE: "0" * 64})
    assert "circular blocks" in interval_words(batch)
    assert "Wilson" in interval_words(online)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "at least 0.5700"),
        ({"picks_from": None}, "always abstains"),
        ({"picks_from": None, "evidence": ()}, "not stated"),
    ],
)
def test_when_a_version_decides_is_said_in_words(changes, words):
    assert words in pick_words(judged(**changes))


def test_what_conformal_sets_are_meant_to_do_and_did_is_said_in_words():
    assert conformal_words(judged()) == "not stated"
    statement = ConformalStatement(
        miscoverage=0.1, least_up=0.4, least_down=0.4, n_up=1_200, n_down=1_100, coverage=None
    )
    assert "90% of the time" in conformal_words(judged(conformal=statement))
    measured = msgspec.structs.replace(statement, coverage=Metric(value=0.895, low=0.88, high=0.91, n=500))
    words = conformal_words(judged(conformal=measured))
    assert "did 0.8950 [0.8800, 0.9100] of the time" in words
    assert "1,200 ups and 1,100 downs" in words


def test_the_line_of_the_trainer_has_the_accuracy_the_best_baseline_and_the_picks():
    words = summary_of(judged())
    assert words.startswith(
        "xgboost-a-1, out of sample 51.0% [49.0%, 53.0%] of 10 decisions (always up 50.0%)"
    )
    assert "of its picks, 8.0% of all, 60.0% [59.0%, 61.0%]" in words
    assert "leak" not in words


def test_the_line_of_the_trainer_says_that_it_abstains_or_was_not_judged():
    assert "abstains from every decision" in summary_of(judged(picks_from=None))
    assert "nobody knows how good it is" in summary_of(judged(metrics={}))


def test_a_card_of_a_version_that_was_not_measured_says_so():
    card = model_card(judged(metrics={}, baselines={}, evidence=(), feature_names=()))
    assert "None were measured: nothing is known of how good this model is." in card
    assert card.rstrip().endswith("none")


def test_a_card_escapes_what_would_break_its_tables():
    card = model_card(judged(parameters={"kind": "a|b"}))
    assert "a\\|b" in card


# Tables


def test_an_alias_is_listed_with_the_version_that_it_means_now_alone():
    first, second = manifest_of(b"one", version="xgboost-one"), manifest_of(b"two", version="xgboost-two")
    ledger = [entry_of(first), entry_of(first, alias=SHADOW), entry_of(second)]
    assert aliases_of(ledger) == {"xgboost-one": [SHADOW], "xgboost-two": [CHAMPION]}


def test_one_version_may_have_several_aliases_in_several_streams():
    manifest = manifest_of(b"one", version="xgboost-one")
    ledger = [entry_of(manifest), entry_of(manifest, alias=SHADOW), entry_of(manifest, stream="replay-2")]
    assert aliases_of(ledger) == {"xgboost-one": [CHAMPION, SHADOW]}


def test_the_table_of_versions_has_the_best_baseline_beside_the_accuracy():
    baselines = {
        "always_up": {"accuracy": Metric(value=0.5, low=None, high=None, n=10)},
        "persistence": {"accuracy": Metric(value=0.52, low=None, high=None, n=10)},
        "random_walk": {"log_loss": Metric(value=0.69, low=None, high=None, n=10)},
    }
    words = shown(
        versions_table([judged(baselines=baselines), judged(version="xgboost-b", baselines={})], [])
    )
    assert "52.0% persistence" in words
    assert "xgboost-b" in words


def test_versions_as_json_can_be_read_and_have_every_figure():
    (found,) = json.loads(versions_json([judged()], [entry_of(judged())]))
    assert found["version"] == "xgboost-a-1"
    assert found["aliases"] == [CHAMPION]
    assert found["metrics"]["accuracy"]["value"] == 0.51
    assert found["leak_alarm"]["is_ringing"] is False


def test_one_version_is_shown_with_its_evidence_at_every_lag():
    words = " ".join(shown(table) for table in version_tables(judged(), [entry_of(judged())]))
    for part in ("60 s late", "0.5700", "8.0%", "a test", "55.0% [53.0%, 57.0%] of 90", "does not ring"):
        assert part in words


def took_effect(entry, at_ms, *, n_let_go=0):
    return PromotionTookEffect(
        event_time_ms=at_ms,
        known_time_ms=at_ms,
        source="binance",
        stream=entry.stream,
        instrument=TARGET.instrument,
        interval=Interval.FIFTEEN_MINUTES,
        horizon=Interval.FIFTEEN_MINUTES,
        alias=entry.alias,
        model_version=entry.version,
        model_hash=entry.model_hash,
        effective_from_ms=entry.effective_from_ms,
        n_let_go=n_let_go,
    )


def test_the_ledger_states_when_a_promotion_took_effect_and_which_bars_were_lost():
    first, second = entry_of(manifest_of(b"model")), entry_of(manifest_of(b"model"), alias=SHADOW)
    plain = shown(ledger_table([first, second], title="ledger"))
    assert "predicts from" not in plain
    recorded = [took_effect(first, 900_000, n_let_go=3)]
    words = shown(ledger_table([first, second], title="ledger", recorded=recorded))
    assert "predicts from" in words
    assert "1970-01-01 00:15, 3 earlier bars lost" in words
