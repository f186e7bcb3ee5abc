"""The audit finds what leaks, names it, and says by how much; honest features pass it."""

import io

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from schemas.errors import StateError
from schemas.time import Interval
from stream_processors.features.bars import CLOSE, bar_table
from stream_processors.features.batch import compute_table
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands
from trainers.datasets.decisions import decision_set
from trainers.datasets.joining import with_columns
from trainers.datasets.prices import ForwardReturn, PricePath
from trainers.datasets.stored import from_bytes, manifest_of, to_bytes, validate
from trainers.evaluation.auditing import AuditCheck, known_time, permutation, truncation, warm_up
from trainers.inputs.dataset_files import load, store


def bars_of(n=3_000, seed=1):
    table = simulated_candles(n=n, seed=seed)
    return bar_table(
        start_ms=table.column("timestamp").to_numpy().astype("datetime64[ms]").astype(np.int64),
        prices=np.column_stack([table.column(name).to_numpy() for name in ("open", "high", "low", "close")]),
        volume=table.column("volume").to_numpy(),
        interval=Interval.ONE_HOUR,
    )


def computing(**columns):
    """The registered features and more, each a function of the bars."""
    return lambda bars: with_columns(
        compute_table(bars), {name: column(bars) for name, column in columns.items()}
    )


def next_return(bars):
    close = np.log(bars.rows[:, CLOSE])
    return np.append(np.diff(close), np.nan)


def scaled_by_everything(bars):
    close = bars.rows[:, CLOSE]
    return (close - close.mean()) / close.std()


def decisions_of(bars, compute=compute_table):
    prices = PricePath(
        end_ms=bars.known_ms, known_ms=bars.known_ms, close=bars.rows[:, CLOSE].copy(), interval_ms=3_600_000
    )
    return decision_set(compute(bars), prices, interval=Interval.ONE_HOUR, horizon=Interval.ONE_HOUR)


def test_the_registered_features_pass():
    bars = bars_of()
    assert truncation(compute_table, bars) == []
    assert known_time(decisions_of(bars)) == []
    assert permutation(decisions_of(bars), generator=np.random.default_rng(0)) == []


@pytest.mark.parametrize("leak", [next_return, scaled_by_everything])
def test_a_column_that_knows_the_future_is_named_by_truncation(leak):
    findings = truncation(computing(leaky=leak), bars_of())
    assert [(one.check, one.column) for one in findings] == [(AuditCheck.TRUNCATION, "leaky")]
    assert findings[0].amount > 0


def test_a_column_that_counts_from_the_datas_beginning_is_named_by_warm_up():
    findings = warm_up(computing(age=lambda bars: np.arange(len(bars.start_ms), dtype=float)), bars_of())
    assert "age" in {one.column for one in findings}
    assert truncation(computing(age=lambda bars: np.arange(len(bars.start_ms), dtype=float)), bars_of()) == []


def test_a_column_that_tells_the_direction_is_named_with_its_accuracy():
    decisions = decisions_of(bars_of(), computing(leaky=next_return))
    (finding,) = permutation(decisions, generator=np.random.default_rng(0))
    assert finding.column == "leaky"
    assert finding.amount > 0.95


def test_a_label_that_was_known_too_soon_is_told():
    decisions = decisions_of(bars_of())
    early = ForwardReturn(log_return=decisions.own.log_return, known_ms=decisions.as_of_ms)
    (finding,) = known_time(msgspec.structs.replace(decisions, forward_returns={1: early}))
    assert "before it had happened" in finding.explanation


def test_the_same_query_stores_the_same_bytes_and_gives_them_back(tmp_path):
    decisions = decisions_of(bars_of(n=500))
    paths = [store(decisions_of(bars_of(n=500)), tmp_path / name, sources={}) for name in "ab"]
    assert paths[0].name == paths[1].name
    assert paths[0].read_bytes() == paths[1].read_bytes()
    back = load(paths[0])
    assert back.names == decisions.names
    assert np.array_equal(back.rows, decisions.rows, equal_nan=True)
    assert np.array_equal(back.own.known_ms, decisions.own.known_ms)
    assert back.feature_spec_hash == decisions.feature_spec_hash


def test_a_changed_data_set_is_refused():
    decisions = decisions_of(bars_of(n=500))
    data = to_bytes(decisions)
    manifest = manifest_of(decisions, data, sources={})
    with pytest.raises(StateError, match="make it again"):
        from_bytes(data + b"x", manifest)


def test_a_data_set_that_breaks_a_rule_is_refused():
    table = pa.table(
        {
            "as_of_ms": pa.array([3_600_000, 3_600_000]),
            "return:1": [0.1, float("inf")],
            "known_ms:1": pa.array([1, -1]),
            "feature:a": pa.array([0.0, 1.0], pa.float32()),
        }
    )
    with pytest.raises(StateError, match="as_of_ms"):
        validate(table)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (
            lambda table: table.append_column("as_of_ms", table.column("as_of_ms")),
            "two columns have one name",
        ),
        (
            lambda table: table.append_column("feature:odd", pa.array([[1.0]] * len(table))),
            "feature:odd is list",
        ),
        (
            lambda table: table.append_column("feature:odd", pa.array([1.0] * len(table))),
            "feature:odd is double",
        ),
        (lambda table: table.drop_columns(["return:1"]), "return:1 is missing"),
        (lambda table: table.drop_columns(["known_ms:1"]), "known_ms:1 is missing"),
        (lambda table: table.select(["as_of_ms"]), "no column begins with 'feature:'"),
        (
            lambda table: table.append_column("return:x", pa.array([1.0] * len(table))),
            "must end in a number",
        ),
    ],
)
def test_a_data_set_of_an_odd_structure_is_refused_in_one_sentence(spoil, complaint):
    """A manifest that states the hash of a table with nested or doubled columns ended in a traceback."""
    decisions = decisions_of(bars_of(n=300))
    buffer = io.BytesIO()
    parquet.write_table(spoil(parquet.read_table(io.BytesIO(to_bytes(decisions)))), buffer)
    odd = buffer.getvalue()
    with pytest.raises(StateError, match=complaint):
        from_bytes(odd, manifest_of(decisions, odd, sources={}))


def test_a_data_set_that_is_no_parquet_is_refused():
    decisions = decisions_of(bars_of(n=300))
    with pytest.raises(StateError, match="must be parquet"):
        from_bytes(b"no parquet", manifest_of(decisions, b"no parquet", sources={}))


def test_the_command_names_a_leak_and_ends_with_one(tmp_path):
    leaky = store(decisions_of(bars_of(), computing(tomorrow=next_return)), tmp_path, sources={})
    result = CliRunner().invoke(commands, ["audit", "--dataset", str(leaky)])
    assert result.exit_code == 1
    assert "tomorrow" in result.output


def test_the_command_passes_an_honest_feature(tmp_path):
    bars = written(simulated_candles(n=2_000, seed=3), tmp_path / "a.parquet")
    result = CliRunner().invoke(commands, ["audit", "--bars", str(bars), "--feature", "log_return_1"])
    assert result.exit_code == 0, result.output
    assert "nothing found" in result.output


def test_recursive_averages_are_expected_to_remember_and_are_no_leak(tmp_path):
    bars = written(simulated_candles(n=2_000, seed=3), tmp_path / "a.parquet")
    names = ("average_true_range_14", "exponential_distance_30", "log_return_1")
    options = [word for name in names for word in ("--feature", name)]
    result = CliRunner().invoke(commands, ["audit", "--bars", str(bars), *options])
    assert result.exit_code == 0, result.output
    assert "nothing found that leaks" in result.output
    assert "start-up of 2 recursive averages" in result.output
