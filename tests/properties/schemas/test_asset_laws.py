"""The rule by which an instrument answers for its asset, over all rankings and states of health."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.assets import answering_instrument, ranked_instruments
from schemas.instruments import parse_instrument

LAWS = settings(max_examples=300, deadline=None)
NAMES = st.builds(
    "{}-{}{}.{}".format,
    st.sampled_from(["BTC", "ETH"]),
    st.sampled_from(["USD", "USDT"]),
    st.sampled_from(["", "", "-PERP"]),
    st.sampled_from(["BINANCE", "COINBASE", "KRAKEN"]),
)
LISTS = st.lists(NAMES, min_size=1, max_size=8, unique=True)


@st.composite
def asked(draw):
    """A ranked list, the reasons of some of its instruments, and the times of the data of some."""
    ranked = draw(LISTS)
    some = st.sets(st.sampled_from(ranked))
    unhealthy = {name: f"why {name}" for name in draw(some)}
    newest_ms = {name: draw(st.integers(0, 3)) for name in draw(some)}
    return ranked, unhealthy, newest_ms


@LAWS
@given(asked())
def test_no_healthy_instrument_ranks_above_the_one_that_answers(case):
    ranked, unhealthy, newest_ms = case
    found = answering_instrument(ranked, unhealthy, newest_ms=newest_ms)
    higher = ranked[: ranked.index(found.instrument)]
    assert found.passed_over == tuple((name, unhealthy[name]) for name in higher)
    assert (found.instrument in unhealthy) == (set(ranked) <= set(unhealthy))


@LAWS
@given(asked())
def test_without_a_healthy_instrument_the_newest_data_answer_and_rank_decides_between_equal_ones(case):
    ranked, _, newest_ms = case
    found = answering_instrument(ranked, dict.fromkeys(ranked, "down"), newest_ms=newest_ms).instrument
    newest = max(newest_ms.values(), default=None)
    assert found == next((name for name in ranked if newest_ms.get(name) == newest), None)


@LAWS
@given(asked())
def test_what_ranks_below_the_answer_changes_nothing(case):
    ranked, unhealthy, newest_ms = case
    found = answering_instrument(ranked, unhealthy, newest_ms=newest_ms)
    if found.instrument not in unhealthy:
        lower = ranked[ranked.index(found.instrument) + 1 :]
        assert answering_instrument(ranked, unhealthy | dict.fromkeys(lower, "down")) == found


@LAWS
@given(LISTS, st.lists(NAMES, max_size=4, unique=True))
def test_ranks_hold_each_instrument_of_the_run_once_and_mix_no_assets_and_no_products(instruments, preferred):
    found = ranked_instruments(instruments, preferred=preferred)
    assert set(found) == {parse_instrument(name).base for name in instruments}
    for asset, ranked in found.items():
        of_asset = [
            name
            for name in [*(name for name in preferred if name in instruments), *instruments]
            if parse_instrument(name).base == asset
        ]
        is_perpetual = parse_instrument(ranked[0]).is_perpetual
        kind = [name for name in of_asset if parse_instrument(name).is_perpetual == is_perpetual]
        assert ranked == tuple(dict.fromkeys(kind))
        assert ranked[0] == of_asset[0]
