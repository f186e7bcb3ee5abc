"""What a path and its parameters mean."""

import pytest

from api.errors import UnknownNameError
from api.reading.names import ranked_of, target_of
from schemas.assets import ranked_instruments
from schemas.targets import TargetPair
from schemas.time import Interval
from tests.unit.api.events import H1, INSTRUMENT, M15

DEFAULT = TargetPair(M15, H1)


HELD = ("BTC-USDT.BINANCE", "BTC-USD.KRAKEN", "BTC-USDT-PERP.BINANCE", "ETH-USDT.BINANCE")


def ranked(name: str, *references: str) -> tuple[str, ...]:
    return ranked_of(
        name,
        references={one.split("-")[0]: one for one in references},
        assets=ranked_instruments(HELD, preferred=references),
        instruments=HELD,
    )


@pytest.mark.parametrize("name", HELD)
def test_an_instrument_in_any_case_is_itself_alone(name):
    assert ranked(name) == ranked(name.lower()) == (name,)


def test_an_asset_is_its_ranked_instruments_of_one_kind():
    assert ranked("btc") == ("BTC-USDT.BINANCE", "BTC-USD.KRAKEN")
    assert ranked("ETH") == ("ETH-USDT.BINANCE",)


def test_the_configured_instrument_of_an_asset_comes_first():
    assert ranked("BTC", "BTC-USD.KRAKEN") == ("BTC-USD.KRAKEN", "BTC-USDT.BINANCE")
    assert ranked("BTC", "BTC-USDT-PERP.BINANCE") == ("BTC-USDT-PERP.BINANCE",)


@pytest.mark.parametrize("name", ["DOGE", "DOGE-USDT.BINANCE", "BTC-USDT.KRAKEN", "../etc", ""])
def test_an_unknown_name_is_answered_with_what_there_is(name):
    with pytest.raises(UnknownNameError, match=INSTRUMENT):
        ranked(name)


def test_a_configured_instrument_that_the_stream_lacks_is_unknown():
    with pytest.raises(UnknownNameError, match=r"has no BTC-USDT\.KRAKEN"):
        ranked("BTC", "BTC-USDT.KRAKEN")


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
