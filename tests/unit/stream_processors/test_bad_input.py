"""The issue's bad input through the whole market job, broker left out: named, counted, and passed by."""

import pytest

from schemas import codec
from schemas.events import BarClosed, Event
from schemas.sources import LARGEST_LEAD_MS
from schemas.topics import MARKET_BAR, MARKET_TICK, dead_letters, partition_of
from stream_processors.jobs.market import market_job
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.fixtures.bad_messages import REFUSED
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, tick, watermark

PARTITION = partition_of(INSTRUMENT.encode(), 4)
#: Minute 0 is joined midway, minutes 1 and 2 are whole.
#:   0        1        2        3
#:   |--t-----|t--t--t-|t--t--t-|w
GOOD: list[Event] = [
    tick(30_000, 99.0, trade_id=1),
    *(tick(MINUTE + i * 20_000, 100.0 + i, trade_id=10 * (i + 1)) for i in range(6)),
    watermark(3 * MINUTE),
]
Messages = list[Event | bytes | None]


def run(messages: Messages) -> TopologyDriver:
    driver = TopologyDriver(market_job(ProcessorSettings.from_environment({})))
    for message in messages:
        driver.send(MARKET_TICK, message, key=INSTRUMENT, partition=PARTITION)
    driver.run()
    return driver


def bars(driver: TopologyDriver) -> list[BarClosed]:
    found = [codec.decode(MARKET_BAR, value) for value in driver.values(MARKET_BAR)]
    return [event for event in found if isinstance(event, BarClosed) and event.stream == STREAM]


def reasons(driver: TopologyDriver) -> list[tuple[str, str]]:
    letters = driver.log.records(dead_letters("market").name)
    headers = [dict(record.headers) for record in letters]
    return [(found["error-class"].decode(), found["reason"].decode()) for found in headers]


def inserted(*bad: Event | bytes | None) -> Messages:
    """Bad messages in the middle of the good ones."""
    return [*GOOD[:4], *bad, *GOOD[4:]]


def test_good_messages_alone_make_two_bars() -> None:
    driver = run([*GOOD])
    assert [made.n_trades for made in bars(driver)] == [3, 3]
    assert reasons(driver) == []


def test_every_bad_message_is_named_in_its_dead_letter_and_changes_nothing_else() -> None:
    driver = run(inserted(*REFUSED.values()))
    assert bars(driver) == bars(run([*GOOD]))
    found = reasons(driver)
    assert len(found) == len(REFUSED)
    assert {error_class for error_class, _ in found} == {"DecodeError"}
    assert all(MARKET_TICK.name in reason and len(reason) <= 503 for _, reason in found)


def test_event_beyond_the_clock_skew_is_put_aside() -> None:
    beyond = tick(2 * MINUTE, trade_id=50, known_ms=2 * MINUTE - LARGEST_LEAD_MS - 1)
    driver = run(inserted(beyond))
    assert bars(driver) == bars(run([*GOOD]))
    ((error_class, reason),) = reasons(driver)
    assert error_class == "InvariantError"
    assert "ahead" in reason


def test_event_time_that_goes_backwards_is_counted_late_and_not_added() -> None:
    late = tick(MINUTE + 1, 1.0, trade_id=55, known_ms=2 * MINUTE + 30_000)
    driver = run([*GOOD[:6], late, *GOOD[6:]])
    assert [(made.n_trades, made.n_late, made.low) for made in bars(driver)] == [
        (3, 0, 100.0),
        (3, 1, 103.0),
    ]
    assert reasons(driver) == []


def test_duplicated_messages_change_nothing() -> None:
    driver = run([message for message in GOOD for _ in range(3)])
    assert bars(driver) == bars(run([*GOOD]))


@pytest.mark.parametrize("instrument", ["NOBODY-KNOWS.NOWHERE", "x", "日本"])
def test_unknown_symbol_is_an_instrument_of_its_own_and_changes_no_other(instrument: str) -> None:
    driver = run(inserted(tick(MINUTE, 5.0, trade_id=1, instrument=instrument)))
    assert [made for made in bars(driver) if made.instrument == INSTRUMENT] == bars(run([*GOOD]))
    assert reasons(driver) == []


def test_unknown_source_is_put_aside() -> None:
    stranger = codec.encode(tick(MINUTE, trade_id=50)).replace(b'"binance"', b'"nobody"')
    driver = run(inserted(stranger))
    assert bars(driver) == bars(run([*GOOD]))
    assert len(reasons(driver)) == 1


def test_unknown_version_is_named_when_the_bytes_do_not_decode() -> None:
    driver = TopologyDriver(market_job(ProcessorSettings.from_environment({})))
    headers = [("schema", b"TickObserved"), ("schema-version", b"2")]
    driver.log.append(MARKET_TICK.name, b"{}", key=b"x", partition=PARTITION, headers=headers)
    driver.run()
    ((error_class, reason),) = reasons(driver)
    assert error_class == "SchemaVersionError"
    assert "b'2'" in reason
