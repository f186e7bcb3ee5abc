"""What the judge of `make chaos-collect` calls lost, doubled, wrong and named."""

import msgspec
import pytest

from schemas.events import BarClosed, TickObserved
from schemas.gaps import Gap, GapKind
from schemas.time import Interval
from tests.chaos.collect.judging import BarVerdict, TradeVerdict, judge_bars, judge_trades
from tests.mirror.candles import MINUTE_MS
from tests.mirror.markets import Market, World
from tests.mirror.recordings import Recordings

pytestmark = pytest.mark.recorded
START_MS = 1_796_052_000_000


@pytest.fixture(scope="module")
def market(recordings: Recordings) -> Market:
    return World(recordings, START_MS).kraken


@pytest.fixture
def ticks(market: Market) -> list[TickObserved]:
    true = market.trades.between(START_MS, START_MS + 5_000)
    columns = (true.id, true.time_ms, true.price, true.size, true.is_buyer_maker)
    return [
        TickObserved(
            event_time_ms=time_ms,
            known_time_ms=time_ms,
            source="kraken",
            stream="mirror-x",
            instrument="BTC-USD.KRAKEN",
            trade_id=trade_id,
            price=price,
            size=size,
            is_buyer_maker=is_buyer_maker,
        )
        for trade_id, time_ms, price, size, is_buyer_maker in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def judged(market: Market, ticks: list[TickObserved], *gaps: Gap) -> TradeVerdict:
    return judge_trades(market, ticks, gaps, START_MS, START_MS + 5_000)


def test_all_trades_once_are_whole(market: Market, ticks: list[TickObserved]) -> None:
    assert judged(market, ticks) == TradeVerdict(n_true=len(ticks))


def test_the_same_record_twice_is_one(market: Market, ticks: list[TickObserved]) -> None:
    assert judged(market, ticks + ticks) == TradeVerdict(n_true=len(ticks))


def test_a_missing_trade_is_lost_unless_a_gap_names_its_time(
    market: Market, ticks: list[TickObserved]
) -> None:
    missing = ticks[3].event_time_ms
    kept = [tick for tick in ticks if tick.event_time_ms != missing]
    n = len(ticks) - len(kept)
    gap = Gap(
        stream="mirror-x", source="kraken", instrument="BTC-USD.KRAKEN", kind=GapKind.TRADES,
        start_ms=missing, end_ms=missing + 1, reason="cut", opened_ms=START_MS,
    )  # fmt: skip
    assert judged(market, kept) == TradeVerdict(n_true=len(ticks), n_lost=n)
    assert judged(market, kept, gap) == TradeVerdict(n_true=len(ticks), n_named=n)


def test_an_id_in_two_epochs_is_doubled(market: Market, ticks: list[TickObserved]) -> None:
    again = msgspec.structs.replace(ticks[0], id_epoch=1)
    assert judged(market, [*ticks, again]) == TradeVerdict(n_true=len(ticks), n_doubled=1)


def test_another_price_is_wrong(market: Market, ticks: list[TickObserved]) -> None:
    other = msgspec.structs.replace(ticks[0], price=ticks[0].price + 1)
    assert judged(market, [other, *ticks[1:]]) == TradeVerdict(n_true=len(ticks), n_wrong=1)


def bars_of(market: Market, until_ms: int) -> list[BarClosed]:
    rows = market.candles(MINUTE_MS, START_MS, until_ms, until_ms)
    return [
        BarClosed(
            event_time_ms=int(row["open_ms"]) + MINUTE_MS,
            known_time_ms=int(row["open_ms"]) + MINUTE_MS,
            source="kraken",
            stream="mirror-x",
            instrument="BTC-USD.KRAKEN",
            interval=Interval.ONE_MINUTE,
            start_ms=int(row["open_ms"]),
            open=float(row["open"]),
            high=float(row["high"]),
            low=float(row["low"]),
            close=float(row["close"]),
            volume=float(row["volume"]),
            buy_volume=None,
            n_trades=int(row["n_trades"]),
            n_late=0,
        )
        for row in rows
    ]


def test_a_bar_without_its_last_trades_is_wrong_though_the_next_one_counts_them_as_late(
    market: Market,
) -> None:
    """Such bars were excused once, and a source that vouched too early was not noticed."""
    until_ms = START_MS + 2 * MINUTE_MS
    first, second = bars_of(market, until_ms)
    assert judge_bars(market, [first, second], [], START_MS, until_ms) == BarVerdict(2, 0, 0, 0)

    short = msgspec.structs.replace(first, n_trades=(first.n_trades or 0) - 1)
    counting = msgspec.structs.replace(second, n_late=1)
    assert judge_bars(market, [short, counting], [], START_MS, until_ms).n_wrong == 1
