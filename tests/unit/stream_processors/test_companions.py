"""The setting that names companions: what it means, and how what is wrong with it is said."""

import pytest

from schemas.companions import Companions, check_present, parse_companions
from schemas.errors import ConfigurationError
from schemas.features import FeatureSpec
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import COIN, PERPETUAL, spec_of

BTC, ETH, SOL, PERP = "BTC-USDT.BINANCE", "ETH-USDT.BINANCE", "SOL-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"


@pytest.mark.parametrize("text", [None, "", " ; "])
def test_nothing_named_is_no_companions(text: str | None) -> None:
    assert parse_companions(text) == {}


def test_several_instruments_have_their_own() -> None:
    found = parse_companions(f"{BTC}: {PERP}, {ETH}; {ETH}:{BTC}")
    assert found == {BTC: Companions(coin=ETH, perpetual=PERP), ETH: Companions(coin=BTC)}
    assert found[BTC].instruments == (ETH, PERP)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BTC, "must look like"),
        (f"{BTC}:{ETH};{BTC}:{PERP}", "each instrument once"),
        (f"{BTC}:ether", "must look like"),
        (f"{BTC}:", "must look like"),
        (f"{BTC}:{BTC}", "another coin, or its perpetual"),
        (f"{PERP}:{BTC}", "another coin, or its perpetual"),
        (f"{BTC}:{ETH},{SOL}", "one other coin"),
    ],
)
def test_wrong_setting_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        parse_companions(text)
    assert "DRIFTLINE_COMPANIONS" in str(raised.value)


def test_run_without_a_companion_of_its_instrument_is_refused() -> None:
    companions = parse_companions(f"{BTC}:{ETH}")
    check_present(companions, (BTC, ETH))
    check_present(companions, (SOL,))
    with pytest.raises(ConfigurationError, match=r"ETH-USDT\.BINANCE, which the run does not hold"):
        check_present(companions, (BTC,))


def test_set_of_features_names_its_companions_and_the_allowance() -> None:
    def columns(spec: FeatureSpec) -> int:
        return len(spec.names) - len(SPEC.names)

    assert spec_of(None) is SPEC
    eth, sol = spec_of(Companions(coin=ETH)), spec_of(Companions(coin=SOL))
    assert columns(eth) == columns(sol) == len(COIN)
    assert columns(spec_of(Companions(coin=ETH, perpetual=PERP))) == len(COIN) + len(PERPETUAL)
    assert len({SPEC.hash, eth.hash, sol.hash}) == 3
    assert eth.join is not None
    assert eth.join.allowance_ms == 2_000
