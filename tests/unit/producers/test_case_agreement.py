"""The three commands agree about a file of each folder of cases; ``make check-cases`` holds all files against it."""

import pytest

from tests.agreement.judging import disagreements
from tests.agreement.readings import Reading, Readings, readings_of

READ = Reading(None, "BTC-USDT.BINANCE", "1h", 720, 3)
REFUSED = Reading("it is empty")
#: The first file of each folder, by name.
N_FOLDERS = 24


@pytest.mark.recorded
@pytest.mark.parametrize("number", range(N_FOLDERS))
def test_inspect_evaluate_and_up_agree_about_the_first_file_of_a_folder(recorded_data, tmp_path, number):
    folder = sorted(path for path in (recorded_data / "cases").iterdir() if path.is_dir())[number]
    path = min(path for path in folder.iterdir() if path.name != "README")
    assert disagreements(readings_of(path, tmp_path)) == []


def readings(kind, *, inspect=READ, evaluate=READ, up=READ):
    return Readings(kind, inspect, evaluate, up, seconds=0.0)


def test_equal_readings_agree():
    assert disagreements(readings("candles")) == []
    assert disagreements(readings(None, inspect=REFUSED, evaluate=REFUSED, up=REFUSED)) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (readings("candles", evaluate=READ._replace(n_bars=719)), "evaluate has n_bars 719, inspect 720"),
        (readings("candles", up=READ._replace(interval="4h")), "up has interval 4h, inspect 1h"),
        (readings("candles", evaluate=REFUSED), "evaluate refuses it: it is empty"),
        (readings("candles", up=REFUSED), "up refuses it: it is empty"),
        (readings(None, inspect=REFUSED, evaluate=REFUSED), "inspect refuses it, up does not"),
        (readings("trades"), "evaluate takes trades for candles"),
    ],
)
def test_each_contradiction_is_named(found, words):
    assert words in disagreements(found)
