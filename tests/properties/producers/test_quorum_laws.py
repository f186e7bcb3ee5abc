"""Laws of the quorum, for any rounds of any sources."""

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.normalise.quorum import LatestPrice, Quorum, QuorumRules, Standing

SOURCES = ("BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN", "BTC-USD.COINGECKO", "BTC-USD.BITSTAMP")
NOW_MS = 1_735_689_600_000
RULES = QuorumRules()
#: Per round, the deviation of each source that sends a price.
deviations = st.lists(
    st.dictionaries(st.sampled_from(SOURCES), st.floats(-0.2, 0.2), max_size=len(SOURCES)), max_size=30
)
quiet = st.lists(
    st.dictionaries(st.sampled_from(SOURCES), st.floats(-0.0012, 0.0012), max_size=len(SOURCES)), max_size=30
)


def judged(
    rounds: list[dict[str, float]], *, level: float = 100.0, is_reversed: bool = False
) -> list[dict[str, Standing]]:
    quorum, found = Quorum("BTC", RULES), []
    for n, each in enumerate(rounds):
        now_ms = NOW_MS + n * 30_000
        prices = [LatestPrice(name, level * (1 + off), now_ms) for name, off in each.items()]
        standings = quorum.on_round(prices[::-1] if is_reversed else prices, now_ms=now_ms)
        found.append(dict(sorted(standings.items())))
    return found


def quarantined(rounds: list[dict[str, Standing]]) -> list[set[str]]:
    return [{name for name, each in standings.items() if each.is_quarantined} for standings in rounds]


@given(deviations)
def test_the_order_of_the_sources_does_not_matter(rounds: list[dict[str, float]]) -> None:
    assert judged(rounds) == judged(rounds, is_reversed=True)


@given(deviations, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_level_of_the_price_does_not_matter(rounds: list[dict[str, float]], factor: float) -> None:
    assert quarantined(judged(rounds)) == quarantined(judged(rounds, level=100.0 * factor))


@given(quiet)
def test_sources_that_agree_are_never_quarantined(rounds: list[dict[str, float]]) -> None:
    """Two that differ by 0.12 % from the truth each way stay within half the band of any median."""
    assert not any(quarantined(judged(rounds)))


@given(deviations)
def test_a_quarantine_needs_four_rounds_and_has_a_reason(rounds: list[dict[str, float]]) -> None:
    n_seen = dict.fromkeys(SOURCES, 0)
    for prices, standings in zip(rounds, judged(rounds), strict=True):
        for name in prices:
            n_seen[name] += 1
        for name, each in standings.items():
            assert each.is_quarantined == (each.reason is not None)
            assert not each.is_quarantined or n_seen[name] >= RULES.n_rounds_out


@given(deviations)
def test_fewer_than_three_sources_change_nothing(rounds: list[dict[str, float]]) -> None:
    few = [dict(list(each.items())[:2]) for each in rounds]

    assert not any(quarantined(judged(few)))


@settings(max_examples=40)
@given(deviations, st.floats(0.03, 0.2), st.sampled_from(SOURCES[1:]))
def test_one_of_four_that_strays_is_found_and_comes_back(
    before: list[dict[str, float]], off: float, stray: str
) -> None:
    """Whatever was before, enough quiet rounds end every quarantine; then one strays, and then it agrees again."""
    calm: dict[str, float] = dict.fromkeys(SOURCES, 0.0)
    found = judged([*before, *[calm] * 80, *[{**calm, stray: off}] * 4, *[calm] * 4])

    assert quarantined(found)[-9:] == [set(), set(), set(), set(), {stray}, {stray}, {stray}, {stray}, set()]
