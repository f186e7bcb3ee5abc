"""Settings: what is understood, and what a wrong value says."""

import pytest

from api.settings import ApiSettings
from schemas.errors import ConfigurationError


def test_the_default_listens_on_this_machine_alone():
    settings = ApiSettings.from_environment({})
    assert (settings.host, settings.port, settings.stream) == ("127.0.0.1", 8000, "live")


def test_served_targets_start_with_the_default_one():
    settings = ApiSettings.from_environment(
        {"DRIFTLINE_DEFAULT_TARGET": "1h:1h", "DRIFTLINE_TARGETS": "1m:1m, 1h:1h"}
    )
    assert [str(name) for name in settings.served] == ["1h:1h", "1m:1m"]


def test_the_default_target_is_the_first_of_the_targets():
    settings = ApiSettings.from_environment({"DRIFTLINE_TARGETS": "1d:1d, 1h:1h"})
    assert str(settings.default) == "1d:1d"


def test_a_reference_instrument_is_told_by_its_asset():
    settings = ApiSettings.from_environment(
        {"DRIFTLINE_REFERENCE_INSTRUMENT": "BTC-USDT-PERP.BINANCE, ETH-USDT.BINANCE"}
    )
    assert settings.references == {"BTC": "BTC-USDT-PERP.BINANCE", "ETH": "ETH-USDT.BINANCE"}


def test_the_instruments_of_a_live_run_are_ranked_as_they_are_listed():
    listed = ApiSettings.from_environment({"DRIFTLINE_LIVE_INSTRUMENTS": "BTC-USD.KRAKEN, BTC-USD.COINBASE,"})
    assert listed.live_names == ("BTC-USD.KRAKEN", "BTC-USD.COINBASE")
    assert ApiSettings.from_environment({}).live_names == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRIFTLINE_PORT", "seventy"),
        ("DRIFTLINE_PORT", "70000"),
        ("DRIFTLINE_DEFAULT_TARGET", "15m"),
        ("DRIFTLINE_DEFAULT_TARGET", "7m:7m"),
        ("DRIFTLINE_TARGETS", "15m:15m,,"),
        ("DRIFTLINE_REFERENCE_INSTRUMENT", "bitcoin"),
        ("DRIFTLINE_LIVE_INSTRUMENTS", "BTC-USDT.BINANCE,bitcoin"),
    ],
)
def test_a_wrong_value_names_its_variable(variable, value):
    with pytest.raises(ConfigurationError, match=variable):
        ApiSettings.from_environment({variable: value})
