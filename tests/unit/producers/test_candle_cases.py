"""Every case of a file of candles is read to the rows that pandas finds in it, or is refused in one sentence."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from producers.commands import commands
from producers.jobs.planning import plan_of
from producers.jobs.reporting import inspected
from producers.normalise.watermarks import Reached
from producers.settings import ProducerSettings
from producers.sources.files.forms import ReadRequest
from producers.sources.files.reports import as_json
from schemas.errors import ConfigurationError
from tests.fakes.candle_files import READ_MS, read_file
from tests.unit.producers.candle_truths import COLUMNS, PRICES, REFUSED, TRUTHS
from trainers.inputs.bar_files import read_bars

pytestmark = pytest.mark.recorded
NOT_CANDLES = ("capture_", "trade_dumps")


@pytest.fixture(scope="session")
def cases(recorded_data):
    return recorded_data / "cases"


def test_every_file_of_candles_has_a_row_in_the_table(cases):
    files = {
        f"{folder.name}/{path.name}"
        for folder in cases.iterdir()
        if not folder.name.startswith(NOT_CANDLES)
        for path in folder.iterdir()
        if path.name != "README"
    }
    assert files == set(TRUTHS) | set(REFUSED)


@pytest.mark.parametrize("name", TRUTHS)
def test_a_file_is_read_to_the_rows_that_pandas_finds(cases, name):
    truth = TRUTHS[name]
    expected = truth.read(cases / name)

    found = read_file(cases / name)

    n_rows = len(expected) - truth.n_added + sum(truth.rejected.values())
    assert {rule: rows.count for rule, rows in found.report.rejected.items()} == truth.rejected
    assert (found.report.n_rows, found.report.n_good) == (n_rows, len(expected) - truth.n_added)
    assert (found.report.interval, found.report.instrument) == (truth.interval, truth.instrument)
    assert (found.report.first_ms, found.report.last_ms) == (
        expected["time"].iloc[0],
        expected["time"].iloc[-1],
    )
    columns = {"start_ms" if column == "time" else column: expected[column] for column in COLUMNS}
    for column, values in columns.items():
        np.testing.assert_allclose(found.columns[column], values.to_numpy(), rtol=1e-12, err_msg=column)


@pytest.mark.parametrize("name", TRUTHS)
def test_inspect_evaluate_and_up_agree_about_a_file(cases, name):
    path, truth = cases / name, TRUTHS[name]
    report = inspected(path, ReadRequest(READ_MS, instrument=truth.instrument))

    bars = read_bars(path, ReadRequest(READ_MS, instrument=truth.instrument))
    settings = ProducerSettings(data=path, instrument=truth.instrument or "BTC-USD.OKX")
    if truth.played is not None:
        with pytest.raises(ConfigurationError, match=truth.played):
            plan_of(settings, None, now_ms=READ_MS)
    else:
        plan = plan_of(settings, None, now_ms=READ_MS)
        events = list(plan.sources[0].events(Reached(), until_ms=None, now_ms=READ_MS))
        assert len(events) == report.n_bars
        assert (events[0].start_ms, events[-1].start_ms) == (report.first_ms, report.last_ms)
        assert len({reject.row for reject in plan.rejects}) == report.n_rows - report.n_good
    assert len(bars.bars.start_ms) == report.n_bars
    assert bars.n_left_out == report.n_rows - report.n_good


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(cases, name):
    path = cases / name
    refusals = []
    for reading in (
        lambda: inspected(path, ReadRequest(READ_MS)),
        lambda: read_bars(path, ReadRequest(READ_MS)),
        lambda: plan_of(ProducerSettings(data=path, instrument="BTC-USDT.BINANCE"), None, now_ms=READ_MS),
    ):
        with pytest.raises(ConfigurationError, match=REFUSED[name]) as refused:
            reading()
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 1
    assert refusals[0].isprintable()


def test_inspect_prints_json_and_says_in_it_why_a_file_is_refused(cases):
    good, bad = (str(cases / name) for name in (next(iter(TRUTHS)), next(iter(REFUSED))))
    done = CliRunner().invoke(commands, ["inspect", good, "--json"], obj={})
    refused = CliRunner().invoke(commands, ["inspect", bad, "--json"], obj={})

    told = json.loads(done.stdout)
    assert (done.exit_code, told["refused"], told["rejected"]) == (0, None, {})
    assert isinstance(refused.exception, ConfigurationError)
    assert set(json.loads(refused.stdout)) == set(told)
    assert set(told) == set(as_json(inspected(cases / next(iter(TRUTHS)), ReadRequest(READ_MS))))


def test_convert_writes_what_was_read(cases, tmp_path):
    path, out = cases / "kraken_ohlcvt/XBTUSD_1.csv", tmp_path / "out.parquet"
    done = CliRunner().invoke(commands, ["convert", str(path), str(out)], obj={}, catch_exceptions=False)

    found, expected = read_file(out), read_file(path)
    assert done.exit_code == 0
    n_added = expected.holes.n_added
    assert n_added > 0
    assert f"{n_added:,} of them are bars without a trade that were added (n_trades 0)" in done.stdout
    assert any(f"{n_added:,} bars of the file had no trade" in text for text in found.report.warnings)
    assert found.report.instrument == "BTC-USD.KRAKEN"
    for name in ("start_ms", *PRICES, "volume", "n_trades"):
        np.testing.assert_array_equal(found.columns[name], expected.columns[name])
