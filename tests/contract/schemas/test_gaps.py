"""The port of the ledger of gaps: what every ledger does, in memory and in Postgres."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from msgspec.structs import replace

from schemas.errors import RowRefusedError, StoreUnavailableError
from schemas.gaps import Gap, GapKind, GapLedger, MemoryGaps
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
def ledger(request: pytest.FixtureRequest) -> Iterator[GapLedger]:
    if request.param == "memory":
        yield MemoryGaps()
        return
    with PostgresPool(request.getfixturevalue("endpoints").database_url) as pool:
        yield StoredGaps(pool)


@pytest.fixture
def gap() -> Gap:
    return Gap(
        stream=f"live-{uuid4().hex[:12]}",
        source="binance",
        instrument=INSTRUMENT,
        kind=GapKind.TRADES,
        start_ms=T0,
        end_ms=T0 + MINUTE,
        reason="The connection was cut, and the venue gives no older trades.",
        opened_ms=T0 + 2 * MINUTE,
        n_missing=7,
    )


def test_gap_is_opened_once_and_comes_back_as_it_was(ledger: GapLedger, gap: Gap) -> None:
    assert ledger.open(gap)
    assert not ledger.open(replace(gap, reason="It was found again.", opened_ms=T0 + 9 * MINUTE))
    assert ledger.gaps(gap.stream) == [gap]


def test_closed_gap_says_who_closed_it_and_when(ledger: GapLedger, gap: Gap) -> None:
    ledger.open(gap)
    assert ledger.close(gap, by="backfill", at_ms=T0 + 5 * MINUTE)
    assert not ledger.close(gap, by="another", at_ms=T0 + 6 * MINUTE)
    assert ledger.gaps(gap.stream) == [replace(gap, closed_ms=T0 + 5 * MINUTE, closed_by="backfill")]


def test_closed_gap_stays_closed_when_it_is_found_again(ledger: GapLedger, gap: Gap) -> None:
    ledger.open(gap)
    ledger.close(gap, by="backfill", at_ms=T0 + 5 * MINUTE)
    assert not ledger.open(gap)
    assert ledger.gaps(gap.stream, is_open=True) == []


def test_gap_that_was_never_opened_cannot_be_closed(ledger: GapLedger, gap: Gap) -> None:
    assert not ledger.close(gap, by="backfill", at_ms=T0)
    assert ledger.gaps(gap.stream) == []


def test_rest_of_a_gap_is_opened_when_a_part_was_found(ledger: GapLedger, gap: Gap) -> None:
    rest = replace(gap, start_ms=T0 + MINUTE // 2, n_missing=3)
    ledger.open(gap)
    for _ in range(2):
        ledger.close(gap, by="reconnect", at_ms=T0 + 5 * MINUTE, remaining=[rest])
    assert ledger.gaps(gap.stream, is_open=True) == [rest]
    assert [one.closed_by for one in ledger.gaps(gap.stream, is_open=False)] == ["reconnect"]


def test_end_of_open_gaps_moves_and_that_of_others_does_not(ledger: GapLedger, gap: Gap) -> None:
    other, unknown = replace(gap, instrument="BTC-USD.KRAKEN"), replace(gap, instrument="BTC-USD.COINBASE")
    for one in (gap, other):
        ledger.open(one)
    assert ledger.move_end([gap, other], T0 + 3 * MINUTE)
    moved = [replace(one, end_ms=T0 + 3 * MINUTE) for one in (gap, other)]
    assert sorted(ledger.gaps(gap.stream), key=lambda one: one.instrument) == sorted(
        moved, key=lambda one: one.instrument
    )
    ledger.close(moved[0], by="backfill", at_ms=T0 + 5 * MINUTE)
    assert not ledger.move_end(moved, T0 + 4 * MINUTE)
    assert not ledger.move_end([unknown], T0 + 4 * MINUTE)
    ends = {one.instrument: one.end_ms for one in ledger.gaps(gap.stream)}
    assert ends == {gap.instrument: T0 + 3 * MINUTE, "BTC-USD.KRAKEN": T0 + 4 * MINUTE}


def test_gaps_are_found_by_stream_source_instrument_and_state(ledger: GapLedger, gap: Gap) -> None:
    later = replace(gap, start_ms=T0 + 3 * MINUTE, end_ms=T0 + 4 * MINUTE, kind=GapKind.CANDLES)
    news = replace(gap, source="coindesk", instrument="coindesk", kind=GapKind.ARTICLES, n_missing=None)
    for one in (later, news, gap, replace(gap, stream=f"{gap.stream}-other")):
        ledger.open(one)
    ledger.close(gap, by="backfill", at_ms=T0)
    assert [one.kind for one in ledger.gaps(gap.stream)] == [
        GapKind.TRADES,
        GapKind.ARTICLES,
        GapKind.CANDLES,
    ]
    assert ledger.gaps(gap.stream, instrument=INSTRUMENT, is_open=True) == [later]
    assert ledger.gaps(gap.stream, source="coindesk") == [news]


def test_gap_without_length_is_no_gap(gap: Gap) -> None:
    with pytest.raises(ValueError, match="end after its beginning"):
        replace(gap, end_ms=T0)


def test_ledger_that_is_away_is_a_transient_error(gap: Gap) -> None:
    with (
        PostgresPool("postgresql://nobody@127.0.0.1:1/nowhere", timeout_s=0.2) as away,
        pytest.raises(StoreUnavailableError),
    ):
        StoredGaps(away).open(gap)


@pytest.mark.servers
def test_gap_that_postgres_refuses_is_named_and_nothing_is_changed(
    request: pytest.FixtureRequest, gap: Gap
) -> None:
    with PostgresPool(request.getfixturevalue("endpoints").database_url) as pool:
        ledger = StoredGaps(pool)
        ledger.open(gap)
        with pytest.raises(RowRefusedError):
            ledger.close(
                gap, by="backfill", at_ms=T0, remaining=[replace(gap, start_ms=T0 + 1, n_missing=2**70)]
            )
        assert ledger.gaps(gap.stream) == [gap]
