"""The quorum of an asset's sources, drawn as rounds: ``.`` agrees, ``x`` strays, ``-`` sends nothing."""

import pytest

from producers.normalise.quorum import LatestPrice, Quorum, QuorumRules

BINANCE, COINBASE, KRAKEN, GECKO = (
    "BTC-USDT.BINANCE",
    "BTC-USD.COINBASE",
    "BTC-USD.KRAKEN",
    "BTC-USD.COINGECKO",
)
NOW_MS = 1_735_689_600_000
ROUND_MS = 30_000


def verdicts(
    rounds: str, *, strays_by: float = 0.05, others: tuple[str, ...] = (BINANCE, COINBASE, GECKO)
) -> str:
    """What the quorum says of Kraken after each round: ``q`` for quarantined."""
    quorum, said = Quorum("BTC"), ""
    for n, mark in enumerate(rounds):
        now_ms = NOW_MS + n * ROUND_MS
        prices = [LatestPrice(each, 100_000.0 + n, now_ms) for each in others]
        if mark != "-":
            price = (100_000.0 + n) * (1 + (strays_by if mark == "x" else 0))
            prices.append(LatestPrice(KRAKEN, price, now_ms))
        standings = quorum.on_round(prices, now_ms=now_ms)
        assert not any(standings[each].is_quarantined for each in others)
        is_out = standings[KRAKEN].is_quarantined if mark != "-" else False
        said += "q" if is_out else "."
    return said


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ("....xxx....", "..........."),
        ("....xxxxx...", ".......qqqqq"),
        ("xxxxxx....", "...qqqq" + "qq."),
        ("xxxx...x....", "...qqqqqqqq."),
        ("xx-x-x", ".....q"),
        ("xxxx-....", "...q.qqq."),
    ],
)
def test_a_source_that_strays_for_four_rounds_is_quarantined_until_it_agrees_for_four(
    rounds: str, expected: str
) -> None:
    assert verdicts(rounds) == expected


def test_a_distance_within_the_band_is_no_stray() -> None:
    assert verdicts("xxxxxxxx", strays_by=0.004) == "........"
    assert verdicts("xxxxxxxx", strays_by=-0.006) == "...qqqqq"


def test_two_sources_are_no_quorum() -> None:
    assert verdicts("xxxxxxxx", others=(COINBASE,)) == "........"


def test_of_three_sources_the_one_that_strays_is_found() -> None:
    assert verdicts("xxxxxxxx....", others=(COINBASE, GECKO)) == "...qqqqqqqq."


def test_without_a_majority_within_the_band_nobody_is_judged() -> None:
    quorum = Quorum("BTC")
    for n in range(10):
        now_ms = NOW_MS + n * ROUND_MS
        prices = [
            LatestPrice(COINBASE, 100.0, now_ms),
            LatestPrice(KRAKEN, 104.0, now_ms),
            LatestPrice(GECKO, 97.0, now_ms),
        ]
        standings = quorum.on_round(prices, now_ms=now_ms)
        assert not any(each.is_quarantined or each.distance is not None for each in standings.values())


def test_a_price_that_is_old_or_of_the_future_takes_no_part() -> None:
    rules = QuorumRules()
    quorum = Quorum("BTC", rules)
    for n in range(8):
        now_ms = NOW_MS + n * ROUND_MS
        fresh = [LatestPrice(each, 100.0, now_ms) for each in (COINBASE, KRAKEN, BINANCE)]
        old = LatestPrice(GECKO, 50.0, now_ms - rules.fresh_ms - 1 if n % 2 else now_ms + rules.lead_ms + 1)
        standings = quorum.on_round([*fresh, old], now_ms=now_ms)
        assert not standings[GECKO].is_quarantined
        assert standings[GECKO].distance is None


def test_a_stablecoin_that_loses_its_peg_is_measured_where_it_is_quoted_itself() -> None:
    """Tether falls to 0.95 dollars at once, so Bitcoin costs 5 % more of it; nobody is wrong."""
    quorum = Quorum("BTC")
    for n in range(30):
        peg = 1.0 if n < 10 else 0.95
        now_ms = NOW_MS + n * ROUND_MS
        prices = [LatestPrice(each, 100_000.0, now_ms) for each in (COINBASE, KRAKEN, GECKO)]
        prices += [LatestPrice(BINANCE, 100_000.0 / peg, now_ms), LatestPrice("USDT-USD.KRAKEN", peg, now_ms)]
        standings = quorum.on_round(prices, now_ms=now_ms)
        assert not any(each.is_quarantined for each in standings.values())
    assert quorum.basis("USDT") == pytest.approx(1 / 0.95 - 1)
    assert set(standings) == {BINANCE, COINBASE, KRAKEN, GECKO}


def test_a_basis_is_measured_at_a_venue_that_quotes_the_asset_in_both_currencies() -> None:
    quorum = Quorum("BTC")
    for n in range(8):
        now_ms = NOW_MS + n * ROUND_MS
        dollars = [LatestPrice(each, 100.0, now_ms) for each in (COINBASE, KRAKEN, GECKO)]
        tethers = [LatestPrice(each, 103.0, now_ms) for each in (BINANCE, "BTC-USDT.KRAKEN")]
        standings = quorum.on_round([*dollars, *tethers], now_ms=now_ms)
    assert not any(each.is_quarantined for each in standings.values())
    assert quorum.basis("USDT") == pytest.approx(0.03)


def test_a_stray_does_not_become_the_basis() -> None:
    """Binance alone quotes in Tether, agrees for a while, and then strays for three hours."""
    quorum = Quorum("BTC")
    for n in range(400):
        now_ms = NOW_MS + n * ROUND_MS
        prices = [LatestPrice(each, 100.0, now_ms) for each in (COINBASE, KRAKEN, GECKO)]
        prices.append(LatestPrice(BINANCE, 100.1 if n < 40 else 103.0, now_ms))
        standings = quorum.on_round(prices, now_ms=now_ms)
        assert standings[BINANCE].is_quarantined == (n >= 43)
    assert standings[BINANCE].reason == "its price is +3.00% from the median of 4 sources, beyond 0.50%"
