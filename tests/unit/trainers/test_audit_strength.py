"""Leaks that a column's own accuracy does not show: given the others, and computed again from the bars."""

import functools
import re

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from stream_processors.features.batch import compute_table
from tests.fakes.candle_files import simulated_candles, written
from tests.unit.trainers import test_audit
from trainers.commands import commands
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.auditing import AuditCheck, given_others, permutation
from trainers.evaluation.column_rules import LEAK_ALARM, accuracy_alone
from trainers.evaluation.conditioning import LEAST_ROWS, PARTIAL_ALARM, conditional, standard_ranks
from trainers.inputs.bar_files import read_bars
from trainers.inputs.dataset_files import store
from trainers.inputs.evaluation_files import EvaluationFiles
from trainers.jobs.audit import audited_dataset

#: Of several families: returns, momentum, volume; and of others, of which a third tells more by itself.
HIDDEN = ("log_return_5", "log_return_10", "macd_12_26", "signed_volume_60")
MIXED = (*HIDDEN, "lower_wick", "hour_of_day_sine")


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return written(simulated_candles(n=3_000, seed=3), tmp_path_factory.mktemp("bars") / "a.parquet")


@pytest.fixture(scope="module")
def honest(bars):
    return decisions_of(bars)


def decisions_of(path) -> DecisionSet:
    file = read_bars(path)
    return decision_set(
        compute_table(file.bars), file.prices(), interval=file.interval, horizon=file.interval
    )


@functools.cache
def simulated(seed, n=1_500):
    """Decisions over a market without any memory."""
    return test_audit.decisions_of(test_audit.bars_of(n=n, seed=seed))


def with_column(decisions, name, values):
    """The decisions with a column changed, or one more."""
    values = np.asarray(values, np.float32)
    if name in decisions.names:
        rows = decisions.rows.copy()
        rows[:, decisions.names.index(name)] = values
        return msgspec.structs.replace(decisions, rows=rows)
    return msgspec.structs.replace(
        decisions, names=(*decisions.names, name), rows=np.column_stack([decisions.rows, values])
    )


def column(decisions, name):
    return decisions.rows[:, decisions.names.index(name)]


def ahead(decisions):
    """The return over the horizon in units of its own deviation, 0 where it is not known."""
    returns = decisions.own.log_return
    return np.nan_to_num(returns) / np.nanstd(returns)


def mixed(decisions, name, share=1 / 3):
    """A share of the next return, mixed into a column in units of each one's deviation over its horizon."""
    values = column(decisions, name)
    scale = np.nanstd(values) / np.sqrt(5)
    return with_column(decisions, name, values + share * scale * ahead(decisions))


def alone(decisions, name):
    returns = decisions.own.log_return
    counted = ~np.isnan(returns) & (returns != 0)
    return accuracy_alone(column(decisions, name)[counted], returns[counted] > 0)


def named(findings):
    return {finding.column for finding in findings}


# Given the others


@pytest.mark.parametrize("name", HIDDEN)
def test_a_third_of_the_next_return_is_found_given_the_others_and_not_by_itself(honest, name):
    """The audit knew of a column's own accuracy alone, at which such a column is no better than honest ones."""
    leaky = mixed(honest, name)
    assert alone(leaky, name) < LEAK_ALARM
    assert permutation(leaky, generator=np.random.default_rng(0)) == []
    findings, found = given_others(leaky)
    assert max(found.partial, key=lambda one: abs(found.partial[one])) == name
    assert name in named(findings)
    assert {finding.check for finding in findings} == {AuditCheck.CONDITIONAL}


def test_a_column_of_its_own_that_is_right_54_times_in_a_hundred_by_the_next_return_is_found():
    decisions = simulated(1, n=12_000)
    noise = np.random.default_rng(0).normal(size=len(decisions))
    leaky = with_column(decisions, "of_somebody", noise + ahead(decisions) / 6)
    assert 0.52 < alone(leaky, "of_somebody") < LEAK_ALARM
    findings, found = given_others(leaky)
    assert named(findings) == {"of_somebody"}
    assert found.limit <= abs(found.partial["of_somebody"])


def test_columns_that_all_leak_are_found_together(honest):
    """Each of them is explained by the others, the leak too, so that none stands out."""
    leaky = honest
    for name in _varying(honest):
        leaky = mixed(leaky, name)
    findings, found = given_others(leaky)
    assert "*" in named(findings)
    assert found.together > 2 * found.together_limit


def _varying(decisions):
    return [
        name
        for name in decisions.names
        if len(np.unique(column(decisions, name)[:50])) > 1 and np.isfinite(column(decisions, name)).any()
    ]


@pytest.mark.parametrize("seed", range(8))
def test_honest_columns_raise_no_alarm_given_the_others(seed):
    decisions = simulated(100 + seed)
    noise = np.random.default_rng(seed).normal(size=(2, len(decisions)))
    slow = np.cumsum(noise[1])
    more = with_column(with_column(decisions, "noise", noise[0]), "slow", slow)
    assert given_others(more)[0] == []


@pytest.mark.parametrize("continuation", [0.45, 0.58])
def test_an_honest_market_with_a_memory_raises_no_alarm_given_the_others(tmp_path, continuation):
    path = written(simulated_candles(n=6_000, seed=2, continuation=continuation), tmp_path / "a.parquet")
    assert given_others(decisions_of(path))[0] == []


@pytest.mark.parametrize("n", [1_500, 6_000])
def test_what_is_stated_as_found_is_found_and_weaker_is_not_promised(n):
    """At one and a half times the stated strength nothing is missed, in ten of ten."""
    generator = np.random.default_rng(5)
    names = [str(i) for i in range(12)]
    missed, strength = 0, 0.0
    for _ in range(11):
        columns, returns = generator.normal(size=(n, 12)).astype(np.float32), generator.normal(size=n)
        columns[:, 7] = np.sqrt(1 - strength**2) * columns[:, 7] + strength * returns
        found = conditional(columns, names, returns, given=columns[:, :0])
        missed += strength > 0 and abs(found.partial["7"]) <= found.limit
        strength = 1.5 * found.limit
    assert missed == 0
    assert found.limit >= PARTIAL_ALARM


def test_overlapping_labels_make_the_limit_wider_and_raise_no_alarm():
    generator = np.random.default_rng(3)
    shocks = generator.normal(size=4_024)
    returns = np.convolve(shocks, np.ones(24), mode="valid")[:4_000]
    columns = np.cumsum(generator.normal(size=(4_000, 10)), axis=0)
    names = [str(i) for i in range(10)]
    found = conditional(columns, names, returns, given=columns[:, :0])
    assert found.limit > 2 * PARTIAL_ALARM
    assert max(map(abs, found.partial.values())) < found.limit


def test_too_few_rows_say_nothing():
    columns = np.random.default_rng(0).normal(size=(LEAST_ROWS - 1, 2))
    assert conditional(columns, ["a", "b"], columns[:, 0], given=columns[:, :0]) is None


def test_ranks_share_ties_and_put_what_is_undefined_in_the_middle():
    ranks = standard_ranks(np.array([3.0, 1.0, 1.0, np.nan, 7.0]))
    assert ranks[1] == ranks[2] < ranks[3] == 0.0 < ranks[0] < ranks[4]
    assert np.isclose(ranks.std(), 1)
    assert not standard_ranks(np.array([2.0, 2.0])).any()


# Computed again from the bars


def audited(decisions, folder, bars):
    manifest = store(decisions, folder, sources={"bars": bars})
    return audited_dataset(manifest, files=EvaluationFiles(bars))


def test_an_untouched_data_set_is_computed_again_to_the_bit(honest, bars, tmp_path):
    findings, notes = audited(honest, tmp_path, bars)
    assert findings == []
    assert f"{len(honest):,} rows were computed again: 0 columns or labels differ" in " ".join(notes)
    assert not any("cannot be computed" in note or "last digits" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "spoil", "n_rows"),
    [
        ("log_return_5", lambda honest: mixed(honest, "log_return_5"), None),
        ("log_return_5", lambda honest: mixed(honest, "log_return_5", share=1e-3), None),
        (
            "z_score_60",
            lambda honest: with_column(honest, "z_score_60", np.roll(column(honest, "z_score_60"), -1)),
            None,
        ),
        ("run_length", lambda honest: with_column(honest, "run_length", _one_changed(honest)), 1),
        ("body", lambda honest: with_column(honest, "body", _one_missing(honest)), 1),
    ],
)
def test_every_other_value_is_found_with_its_column_its_rows_and_by_how_much(
    honest, bars, tmp_path, name, spoil, n_rows
):
    spoilt = spoil(honest)
    findings, _ = audited(spoilt, tmp_path, bars)
    (finding,) = [one for one in findings if one.check is AuditCheck.RECOMPUTATION]
    assert finding.column == name
    assert finding.amount > 0
    n_changed = int(re.search(r"in ([\d,]+) of", finding.explanation)[1].replace(",", ""))
    assert n_changed == (n_rows or np.sum(column(spoilt, name) != column(honest, name)))


def _one_changed(honest):
    values = column(honest, "run_length").copy()
    values[1_000] += 1
    return values


def _one_missing(honest):
    values = column(honest, "body").copy()
    values[1_000] = np.nan
    return values


def test_labels_that_were_moved_are_found(honest, bars, tmp_path):
    """A label that is the return already past makes every feature a prophet."""
    moved = ForwardReturn(log_return=np.roll(honest.own.log_return, 1), known_ms=honest.own.known_ms)
    findings, _ = audited(msgspec.structs.replace(honest, forward_returns={1: moved}), tmp_path, bars)
    assert "the return over the horizon" in named(findings)


def test_rows_at_times_of_no_bar_are_found_and_rows_left_out_are_said(honest, bars, tmp_path):
    shifted = msgspec.structs.replace(honest, as_of_ms=honest.as_of_ms + 60_000)
    findings, _ = audited(shifted, tmp_path / "shifted", bars)
    assert "*" in named(findings)
    every_second = msgspec.structs.replace(
        honest,
        as_of_ms=honest.as_of_ms[::2],
        rows=honest.rows[::2],
        forward_returns={
            1: ForwardReturn(log_return=honest.own.log_return[::2], known_ms=honest.own.known_ms[::2])
        },
        trailing_log_return=honest.trailing_log_return[::2],
    )
    findings, notes = audited(every_second, tmp_path / "second", bars)
    assert findings == []
    assert "of the data set that it lacks" in " ".join(notes)


def test_columns_that_the_bars_do_not_give_are_named_and_judged_by_what_they_tell(honest, bars, tmp_path):
    generator = np.random.default_rng(1)
    noise = generator.normal(size=(2, len(honest)))
    more = with_column(honest, "of_somebody", noise[0])
    findings, notes = audited(more, tmp_path / "clean", bars)
    assert findings == []
    assert "1 columns cannot be computed from these files" in " ".join(notes)
    leaky = with_column(more, "of_another", noise[1] + ahead(honest) / 4)
    findings, notes = audited(leaky, tmp_path / "leaky", bars)
    assert "of_another" in named(findings)
    assert "of_somebody" not in named(findings)
    assert "of_somebody, of_another" in " ".join(notes)


def test_bars_of_another_file_are_said_to_be_such(honest, bars, tmp_path):
    other = written(simulated_candles(n=3_000, seed=4), tmp_path / "b.parquet")
    manifest = store(honest, tmp_path, sources={"bars": bars})
    findings, notes = audited_dataset(manifest, files=EvaluationFiles(other))
    assert "the return over the horizon" in named(findings)
    assert "not the file that the data set was made of" in " ".join(notes)


# The command


def invoked(*words):
    return CliRunner().invoke(commands, ["audit", *map(str, words)])


def test_the_command_states_what_it_can_find_and_finds_it(honest, bars, tmp_path):
    clean = store(honest, tmp_path / "clean", sources={"bars": bars})
    passed = invoked("--dataset", clean)
    assert passed.exit_code == 0, passed.output
    stated = " ".join(passed.output.split())
    assert re.search(r"tells the direction right in at least 56\.\d%", stated)
    assert re.search(r"partial rank correlation with the next return is 0\.[12]\d\d or more", stated)
    leaky = store(mixed(honest, "log_return_5"), tmp_path / "leaky", sources={"bars": bars})
    for words in (("--dataset", leaky), ("--dataset", leaky, "--bars", bars)):
        failed = invoked(*words)
        assert failed.exit_code == 1
        assert "log_return_5" in failed.output


def test_on_recorded_hours_mixed_columns_are_found_and_the_honest_ones_are_not(recorded_data):
    decisions = _recorded(recorded_data)
    assert given_others(decisions)[0] == []
    for name in MIXED[::2]:
        findings, found = given_others(mixed(decisions, name))
        assert max(found.partial, key=lambda one: abs(found.partial[one])) == name
        assert name in named(findings)


def _recorded(folder):
    """The newest 6,000 hours."""
    file = read_bars(folder / "prices" / "btcusdt_binance_spot_1h.parquet")
    newest = msgspec.structs.replace(
        file.bars,
        start_ms=file.bars.start_ms[-6_000:],
        rows=file.bars.rows[-6_000:].copy(),
        known_ms=file.bars.known_ms[-6_000:],
    )
    return decision_set(compute_table(newest), file.prices(), interval=file.interval, horizon=file.interval)
