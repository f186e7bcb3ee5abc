"""What a path and its parameters mean."""

import pytest

from api.errors import UnknownNameError
from api.reading.names import instrument_of, target_of
from schemas.targets import TargetPair
from schemas.time import Interval
from tests.unit.api.events import H1, INSTRUMENT, M15, description

DEFAULT = TargetPair(M15, H1)


@pytest.mark.parametrize("name", ["BTC", "btc", INSTRUMENT, INSTRUMENT.lower()])
def test_an_asset_or_an_instrument_in_any_case_is_the_instrument(name):
    assert instrument_of(name, references={}, description=description) == INSTRUMENT


def test_an_asset_stands_for_its_configured_instrument():
    def both():
        return description(instruments=("BTC-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"))

    references = {"BTC": "BTC-USDT-PERP.BINANCE"}
    assert instrument_of("BTC", references=references, description=both) == "BTC-USDT-PERP.BINANCE"


@pytest.mark.parametrize("name", ["DOGE", "DOGE-USDT.BINANCE", "BTC-USDT.KRAKEN", "../etc", ""])
def test_an_unknown_name_is_answered_with_what_there_is(name):
    with pytest.raises(UnknownNameError, match=INSTRUMENT):
        instrument_of(name, references={}, description=description)


def test_a_configured_instrument_that_the_stream_lacks_is_unknown():
    with pytest.raises(UnknownNameError, match=r"has no BTC-USDT\.KRAKEN"):
        instrument_of("BTC", references={"BTC": "BTC-USDT.KRAKEN"}, description=description)


@pytest.mark.parametrize(
    ("interval", "horizon", "expected"),
    [
        (None, None, DEFAULT),
        (M15, None, DEFAULT),
        (H1, None, (H1, H1)),
        (None, M15, (M15, M15)),
        (Interval.ONE_MINUTE, H1, (Interval.ONE_MINUTE, H1)),
    ],
)
def test_what_is_not_named_comes_from_the_default_target(interval, horizon, expected):
    assert target_of(interval, horizon, default=DEFAULT) == expected
