"""Companions whose bars fit better one bar apart: told by their returns, whatever else differs."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from schemas.companions import Companions
from schemas.time import Interval
from stream_processors.features.vectors import with_companions
from tests.fakes.candle_files import simulated_candles, written
from tests.fakes.feature_tables import simulated_table
from tests.unit.trainers.test_training import COIN, INSTRUMENT, MINUTE, job
from trainers.commands import commands
from trainers.datasets.alignment import LEAST_RETURNS, misalignment, misalignment_words
from trainers.datasets.prices import PricePath
from trainers.inputs.bar_files import read_bars
from trainers.inputs.evaluation_files import alignment_warning

HOUR_MS = 3_600_000
N = 2_000


def market(*, seed=1, n=N):
    """Log prices of two coins that move together within the hour."""
    generator = np.random.default_rng(seed)
    common, own, other = generator.normal(scale=0.01, size=(3, n))
    return np.cumsum(common + 0.3 * own), np.cumsum(common + 0.3 * other)


def closes(log_price, *, shift_bars=0, kept=slice(None)):
    end_ms = (np.arange(1, len(log_price) + 1, dtype=np.int64) + shift_bars) * HOUR_MS
    end_ms = end_ms[kept]
    close = 30_000 * np.exp(log_price)[kept]
    return PricePath(end_ms=end_ms, known_ms=end_ms, close=close, interval_ms=HOUR_MS)


@pytest.mark.parametrize("shift_bars", [-1, 1])
def test_a_companion_that_lies_one_bar_apart_is_found_with_the_side(shift_bars):
    own, other = market()
    found = misalignment(closes(own), closes(other, shift_bars=shift_bars))
    assert found is not None
    assert found.shift_bars == shift_bars
    assert found.correlation > 0.8
    assert abs(found.correlation_at_once) < 0.1


def test_companions_of_the_same_times_are_not_named():
    own, other = market()
    assert misalignment(closes(own), closes(other)) is None


def test_instruments_that_have_nothing_to_do_with_each_other_are_not_named():
    """A null control: the largest of two chance correlations is no finding."""
    for seed in range(200):
        own, _ = market(seed=seed, n=300)
        other, _ = market(seed=seed + 1_000, n=300)
        assert misalignment(closes(own), closes(other)) is None


def test_a_coin_that_falls_when_the_other_rises_is_found_too():
    own, other = market()
    found = misalignment(closes(own), closes(-other, shift_bars=1))
    assert found is not None
    assert found.correlation < -0.8


def test_gaps_and_one_wrong_price_change_nothing():
    own, other = market()
    other = other.copy()
    other[700] += np.log(1_000)
    kept = np.flatnonzero(np.arange(N) % 97 > 5)
    apart = misalignment(closes(own, kept=kept), closes(other, shift_bars=-1))
    assert apart is not None
    assert apart.shift_bars == -1
    assert misalignment(closes(own, kept=kept), closes(other)) is None


@pytest.mark.parametrize("n", [0, 1, 2, LEAST_RETURNS - 1])
def test_too_few_common_bars_tell_nothing(n):
    own, other = market()
    short = closes(other, shift_bars=1, kept=slice(n))
    assert misalignment(closes(own), short) is None
    assert misalignment(short, closes(own)) is None


def test_a_price_that_stands_still_tells_nothing():
    own, _ = market()
    assert misalignment(closes(own), closes(np.zeros(N))) is None


def test_the_words_say_what_the_shift_does():
    own, other = market()
    words = [
        misalignment_words(
            misalignment(closes(own), closes(other, shift_bars=shift)),
            own="btc.csv",
            companion="eth.csv",
        )
        for shift in (-1, 1)
    ]
    assert "one bar earlier" in words[0]
    assert "look a bar into the future" in words[0]
    assert "one bar later" in words[1]
    assert "older" in words[1]


# Files


def candles(log_price, *, close_stamped=False, step_hours=1):
    """Candles of these closes, by when they open, or by when they close."""
    table = simulated_candles(n=len(log_price), seed=1)
    close = 30_000 * np.exp(log_price)
    opened = np.concatenate([[30_000.0], close[:-1]])
    columns = {
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close,
    }
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    if close_stamped:
        stamp = table.column("timestamp").to_numpy() + np.timedelta64(step_hours, "h")
        table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", pa.array(stamp))
    return table


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    own, other = market(n=5_000)
    return {
        "own": written(candles(own), folder / "btcusdt_own.parquet"),
        "same": written(candles(other), folder / "ethusdt_open.parquet"),
        "later": written(candles(other, close_stamped=True), folder / "ethusdt_close.parquet"),
    }


def test_a_file_stamped_with_closes_beside_one_stamped_with_opens_is_named(files):
    own = read_bars(files["own"])
    assert alignment_warning(own, read_bars(files["same"])) is None
    words = alignment_warning(own, read_bars(files["later"]))
    assert "the bars of ethusdt_close.parquet fit those of btcusdt_own.parquet better one bar later" in words


ASKED = ["--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20"]


def test_evaluate_names_them_in_the_figures_and_on_the_terminal(files, tmp_path):
    output = tmp_path / "figures.json"
    words = ["--bars", files["own"], "--bars-eth", files["later"], *ASKED, "--model", "logistic"]
    done = CliRunner().invoke(commands, ["evaluate", *map(str, words), "--json", str(output)])
    assert done.exit_code == 0, done.output
    assert "WARNING: the bars of" in done.output
    assert "better one bar later" in output.read_text()


def test_compare_and_search_name_them_too(files, tmp_path):
    shared = ["--bars", files["own"], "--bars-eth", files["later"], *ASKED]
    compared = CliRunner().invoke(
        commands, ["compare", *map(str, shared), "--models", "logistic,lightgbm-extra"]
    )
    assert compared.exit_code == 0, compared.output
    searched = CliRunner().invoke(
        commands,
        [
            "search",
            *map(str, shared),
            "--model",
            "logistic",
            "--trials",
            "1",
            "--json",
            str(tmp_path / "f.json"),
        ],
    )
    assert searched.exit_code == 0, searched.output
    for done in (compared, searched):
        assert "warning: the bars of ethusdt_close.parquet" in done.output


def test_the_training_job_names_a_companion_of_the_stream_that_lies_one_bar_apart():
    own = simulated_table(n=700, seed=4)
    companions = {INSTRUMENT: Companions(coin=COIN)}
    for shift, expected in ((0, 0), (1, 1)):
        other = simulated_table(n=700 + shift, seed=4)
        moved = shifted(other, shift)
        vectors = with_companions(own, {COIN: moved}, companions[INSTRUMENT], interval=MINUTE)
        one = job(tables={(INSTRUMENT, MINUTE): vectors, (COIN, MINUTE): moved}, companions=companions)
        one.training.run()
        warnings = [line for line in one.report.said if "WARNING" in line]
        assert len(warnings) == expected
        assert all(COIN in line for line in warnings)


def shifted(table, n_bars):
    """The table with each row so many bars later."""
    by_ms = n_bars * Interval.ONE_MINUTE.milliseconds
    return msgspec.structs.replace(table, as_of_ms=table.as_of_ms + by_ms, known_ms=table.known_ms + by_ms)
