"""Every case of a file of trades is read to the trades and bars that pandas finds in it."""

from collections.abc import Callable

import numpy as np
import pytest

from producers.jobs.planning import plan_of
from producers.jobs.reporting import inspected
from producers.normalise.watermarks import Reached
from producers.settings import ProducerSettings
from producers.sources.files.forms import ReadRequest
from schemas.errors import ConfigurationError
from schemas.events import TickObserved
from tests.unit.producers.trade_truths import TRUTHS

pytestmark = pytest.mark.recorded
READ_MS = 1_764_504_000_000
MINUTE_MS = 60_000
FOLDERS = ("capture_", "trade_dumps")


@pytest.fixture(scope="session")
def cases(recorded_data):
    return recorded_data / "cases"


def stated(truth):
    return truth.instrument if truth.is_stated else None


def test_every_file_of_trades_has_a_row_in_the_table(cases):
    files = {
        f"{folder.name}/{path.name}"
        for folder in cases.iterdir()
        if folder.name.startswith(FOLDERS)
        for path in folder.iterdir()
        if path.name != "README"
    }
    assert files == set(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_inspect_says_what_pandas_finds(cases, name):
    truth = TRUTHS[name]
    expected = truth.read(cases / name)

    report = inspected(cases / name, ReadRequest(READ_MS, instrument=stated(truth)))

    assert report.instrument == truth.instrument
    assert report.n_good == len(expected)
    assert report.n_rows == len(expected) + sum(truth.rejected.values()) + truth.n_other
    assert (report.first_ms, report.last_ms) == (expected["time"].min(), expected["time"].max())
    rules = {
        next(rule for rule in report.rejected if rule.startswith(words)): n
        for words, n in truth.rejected.items()
    }
    assert {rule: rows.count for rule, rows in report.rejected.items()} == rules
    if truth.warning is None:
        assert [warning for warning in report.warnings if "clock" in warning or "outage" in warning] == []
    else:
        assert any(truth.warning in warning for warning in report.warnings)


@pytest.mark.parametrize("name", TRUTHS)
def test_up_plays_the_trades_that_pandas_finds_between_the_same_minutes(cases, name):
    truth = TRUTHS[name]
    settings = ProducerSettings.from_environment({}, data=cases / name, instrument=stated(truth))
    if truth.played is not None:
        with pytest.raises(ConfigurationError, match=truth.played):
            plan_of(settings, None, now_ms=READ_MS)
        return
    expected = truth.read(cases / name)

    plan = plan_of(settings, None, now_ms=READ_MS)
    events = list(plan.sources[0].events(Reached(), until_ms=None, now_ms=READ_MS))
    again = plan_of(settings, plan.description, now_ms=READ_MS + MINUTE_MS)

    boundary_ms = plan.description.warm_up_until_ms
    played = expected[expected["time"] >= boundary_ms]
    assert boundary_ms - MINUTE_MS <= expected["time"].min() <= boundary_ms
    # The trades of another symbol tell, too, that the recorder was there.
    assert truth.n_other or 0 <= expected["time"].max() - plan.description.end_ms < 1_500
    assert all(isinstance(event, TickObserved) for event in events)
    columns: dict[str, Callable[[TickObserved], float]] = {
        "time": lambda tick: tick.event_time_ms,
        "price": lambda tick: tick.price,
        "size": lambda tick: tick.size,
        "known": lambda tick: tick.known_time_ms,
    }
    for column, of in columns.items():
        np.testing.assert_allclose([of(tick) for tick in events], played[column], rtol=1e-12, err_msg=column)
    assert len({tick.trade_id for tick in events}) == len(events)
    assert len(plan.rejects) == sum(truth.rejected.values()) or len(plan.rejects) == 1_000
    assert list(again.sources[0].events(Reached(), until_ms=None, now_ms=READ_MS)) == events


def test_trades_that_do_not_tell_their_market_are_asked_for(cases):
    path = cases / "capture_ways_of_recording" / "futures_without_X.gz"
    with pytest.raises(
        ConfigurationError, match=r"set INSTRUMENT=BTC-USDT\.BINANCE or INSTRUMENT=BTC-USDT-PERP"
    ):
        inspected(path, ReadRequest(READ_MS))
    with pytest.raises(
        ConfigurationError, match=r"set INSTRUMENT=BTC-USDT\.BINANCE or INSTRUMENT=BTC-USDT-PERP"
    ):
        plan_of(ProducerSettings.from_environment({}, data=path), None, now_ms=READ_MS)


def test_second_symbol_is_chosen_by_its_name(cases):
    path = cases / "capture_two_symbols" / "both.gz"
    report = inspected(path, ReadRequest(READ_MS, instrument="ETH-USDT.BINANCE"))
    assert (report.instrument, report.n_good, report.n_rows) == ("ETH-USDT.BINANCE", 4_000, 8_000)
