"""Repeated trades: dropped, counted, and an alert when a run of them is long."""

from collections.abc import Sequence

import pytest

from schemas import codec
from schemas.events import AlertRaised, BarClosed, Event
from schemas.time import Interval
from schemas.topics import ALERTS, MARKET_TICK
from stream_processors.operators.market import MarketOperator
from stream_processors.operators.protocols import step_each
from stream_processors.operators.repeats import LONG_RUN
from tests.fixtures.keeping import kept, restored_from
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, tick, watermark

BATCHES = (1, 7, 10_000)


def operator() -> MarketOperator:
    return MarketOperator(intervals=[Interval.ONE_MINUTE])


def outputs(held: MarketOperator, events: Sequence[Event], *, batch: int) -> list[Event]:
    """What follows from events that are stepped in batches of a size."""
    values, found = [codec.encode(event) for event in events], list[Event]()
    for at in range(0, len(values), batch):
        stepped = held.step_values(MARKET_TICK, values[at : at + batch], lambda _number: ())
        found += [output.event for _, output in stepped.outputs]
    return found


def alerts(held: MarketOperator, events: Sequence[Event], *, batch: int) -> list[AlertRaised]:
    """The alerts among that."""
    return [event for event in outputs(held, events, batch=batch) if isinstance(event, AlertRaised)]


def trades(n: int, *, first_id: int = 0, at_ms: int = 0, id_epoch: int = 0) -> list[Event]:
    return [tick(at_ms + i, trade_id=first_id + i, id_epoch=id_epoch) for i in range(n)]


@pytest.mark.parametrize("batch", BATCHES)
def test_long_run_of_repeats_is_one_alert_that_the_next_new_trade_resolves(batch: int) -> None:
    said = trades(300)
    raised, resolved = alerts(operator(), [*said, *said, *trades(1, first_id=300, at_ms=300)], batch=batch)
    assert (raised.name, raised.subject, raised.stream) == ("repeated_trades", INSTRUMENT, STREAM)
    assert (raised.is_resolved, raised.value) == (False, LONG_RUN)
    assert (resolved.is_resolved, resolved.value, resolved.subject) == (True, 300, INSTRUMENT)


@pytest.mark.parametrize("batch", BATCHES)
def test_what_a_source_repeats_when_it_is_started_again_is_no_alert(batch: int) -> None:
    said = trades(300)
    again = said[301 - LONG_RUN :]
    assert not alerts(operator(), [*said, *again, *trades(300, first_id=300, at_ms=300)], batch=batch)


@pytest.mark.parametrize("batch", BATCHES)
def test_ids_that_start_again_in_the_same_epoch_are_an_alert(batch: int) -> None:
    """Nobody downstream can tell these from repeats; so they are dropped, and said to be."""
    events = [*trades(10, first_id=10**6), *trades(300, at_ms=10)]
    (raised,) = alerts(operator(), events, batch=batch)
    assert "without a new id_epoch" in raised.summary


@pytest.mark.parametrize("batch", BATCHES)
def test_ids_that_start_again_in_the_next_epoch_are_taken(batch: int) -> None:
    events = [*trades(10, first_id=10**6), *trades(300, at_ms=10, id_epoch=1), watermark(MINUTE)]
    assert not [event for event in outputs(operator(), events, batch=batch) if isinstance(event, AlertRaised)]
    (bar,) = [event for event in outputs(operator(), events, batch=batch) if isinstance(event, BarClosed)]
    assert (bar.n_trades, bar.volume) == (310, 310.0)


def test_run_goes_on_after_a_restart() -> None:
    said = trades(300)
    held = operator()
    alerts(held, [*said, *said[:50]], batch=1000)
    resumed = restored_from(operator(), kept(held))
    (raised,) = alerts(resumed, said[50:], batch=1000)
    assert raised.value == LONG_RUN


def test_alerts_of_batches_are_those_of_single_events() -> None:
    said = trades(250)
    values = [codec.encode(event) for event in [*said, *said, *trades(5, first_id=250, at_ms=250), *said]]
    single = step_each(operator(), MARKET_TICK, values, lambda _number: ()).outputs
    batched = operator().step_values(MARKET_TICK, values, lambda _number: ()).outputs
    assert batched == single
    assert sum(output.topic is ALERTS for _, output in single) == 3
