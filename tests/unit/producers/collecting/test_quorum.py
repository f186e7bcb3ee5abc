"""Prices of one asset, compared across sources."""

import pytest

from producers.normalise.quorum import FRESH_MS, PriceQuorum, SeenPrice

NOW_MS = 1_750_000_000_000
NAMES = ("BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN", "BTC-USD.COINGECKO")
FACTORS = dict(zip(NAMES, (1.0008, 1.0, 0.9999, 1.0001), strict=True))


def minutes(quorum: PriceQuorum, n: int, *, basis: float = 1.0) -> list[str | None]:
    """So many minutes of prices that agree, the first instrument being in another unit by a basis."""
    found = []
    for minute in range(n):
        price = 100_000 * (1 + 0.001 * (minute % 7))
        for name in NAMES:
            factor = FACTORS[name] * (basis if name == NAMES[0] else 1.0)
            found.append(quorum.judge(name, SeenPrice(NOW_MS + minute * 60_000, price * factor)))
    return found


def test_prices_that_agree_are_not_doubted():
    assert not any(minutes(PriceQuorum(), 60))


@pytest.mark.parametrize("factor", [0.9, 1.02, 1.5, 1e6])
def test_a_price_that_strays_is_doubted_and_then_forgiven(factor: float):
    quorum = PriceQuorum()
    minutes(quorum, 20)
    at_ms = NOW_MS + 20 * 60_000
    doubt = quorum.judge(NAMES[2], SeenPrice(at_ms, 100_000 * factor))
    assert doubt is not None
    assert "median" in doubt
    assert quorum.judge(NAMES[2], SeenPrice(at_ms + 1_000, 100_050)) is None


def test_the_basis_of_a_stablecoin_is_learned():
    quorum = PriceQuorum()
    assert not any(minutes(quorum, 20, basis=1.015))
    at_ms = NOW_MS + 20 * 60_000
    assert quorum.judge(NAMES[0], SeenPrice(at_ms, 100_000 * 1.015)) is None
    assert quorum.judge(NAMES[0], SeenPrice(at_ms, 100_000)) is not None


def test_two_sources_are_no_quorum():
    quorum = PriceQuorum()
    assert quorum.judge(NAMES[0], SeenPrice(NOW_MS, 100.0)) is None
    assert quorum.judge(NAMES[1], SeenPrice(NOW_MS, 200.0)) is None


def test_old_prices_and_other_assets_do_not_count():
    quorum = PriceQuorum()
    for name in NAMES[:3]:
        quorum.judge(name, SeenPrice(NOW_MS, 100.0))
    assert quorum.judge(NAMES[3], SeenPrice(NOW_MS + FRESH_MS + 1, 500.0)) is None
    assert quorum.judge("ETH-USD.COINGECKO", SeenPrice(NOW_MS, 5.0)) is None


def test_a_doubted_price_does_not_move_the_median():
    quorum = PriceQuorum()
    minutes(quorum, 20)
    at_ms = NOW_MS + 20 * 60_000
    for _ in range(50):
        assert quorum.judge(NAMES[1], SeenPrice(at_ms, 150_000)) is not None
    assert quorum.judge(NAMES[2], SeenPrice(at_ms, 100_500)) is None
