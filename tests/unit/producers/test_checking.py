"""A start says which targets its files can make: all of them, some, or none."""

import pytest

from producers.jobs.checking import check_run
from producers.settings import ProducerSettings
from schemas.errors import ConfigurationError

DAY_S = 86_400
NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A file of daily candles, as chart sites give them."""
    path = tmp_path_factory.mktemp("files") / "btcusd_kraken_spot_1d.csv"
    begin_s = 1_600_041_600
    rows = [f"{begin_s + i * DAY_S},{100 + i % 3},{104 + i % 3},{98},{101 + i % 3},5" for i in range(200)]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
    return path


def settings(path, **variables):
    return ProducerSettings.from_environment({"DRIFTLINE_DATA": str(path), **variables})


def test_bars_too_long_for_every_target_stop_the_start_and_the_setting_that_helps_is_named(days):
    with pytest.raises(ConfigurationError, match=r"needs shorter bars.*set DRIFTLINE_TARGETS=1d:1d"):
        check_run(settings(days), now_ms=NOW_MS)


def test_bars_too_long_for_some_targets_are_noted(days):
    notes = check_run(settings(days, DRIFTLINE_TARGETS="1d:1d,1h:1h"), now_ms=NOW_MS)
    assert any("no model is trained of 1h:1h" in note for note in notes)


def test_bars_that_make_every_target_need_no_note(days):
    notes = check_run(settings(days, DRIFTLINE_TARGETS="1d:1d"), now_ms=NOW_MS)
    assert not any("no model is trained" in note for note in notes)
