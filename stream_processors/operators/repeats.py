"""The alert about trades that are dropped as repeats in succession.

A source that is started again publishes some trades a second time, and these are dropped. A long run of them
means something else: a source goes through old trades again, or its ids start again and ``id_epoch`` does not
say so, and then every trade is lost. So the trade that makes a run long raises an alert, and the first trade
that is taken after such a run resolves it.
"""

from collections.abc import Iterator

from schemas.events import AlertRaised, Severity, TickObserved
from schemas.time import text_of_time
from schemas.topics import ALERTS
from stream_processors.operators.alerting import REPEATED_TRADES
from stream_processors.operators.protocols import Output

#: So many repeats in succession raise an alert. A producer that restarts repeats a few, since it asks the log
#: or the store how far it got.
LONG_RUN = 100


def alerts_of_run(tick: TickObserved, *, n_before: int, n_now: int) -> Iterator[Output]:
    """Yields the alert that a trade raises, or the end of the alert that it resolves.

    Args:
        tick: The trade, which was dropped as a repeat or taken.
        n_before: How many trades in succession before it were repeats.
        n_now: The same with this trade; 0 if it was taken.
    """
    if n_before < LONG_RUN <= n_now:
        yield _output(tick, _trouble(tick, n_now), n=n_now, is_resolved=False)
    elif n_now == 0 and n_before >= LONG_RUN:
        relief = f"trades of {tick.instrument} are taken again, after {n_before} repeats in succession"
        yield _output(tick, relief, n=n_before, is_resolved=True)


def _trouble(tick: TickObserved, n: int) -> str:
    return (
        f"{n} trades of {tick.instrument} in succession were dropped as repeats, the last one with id {tick.trade_id} "
        f"of {text_of_time(tick.event_time_ms)}: {tick.source} publishes old trades again, or its trade ids start "
        "again without a new id_epoch and its trades are lost"
    )


def _output(tick: TickObserved, summary: str, *, n: int, is_resolved: bool) -> Output:
    alert = AlertRaised(
        event_time_ms=tick.event_time_ms,
        known_time_ms=tick.known_time_ms,
        source=tick.source,
        stream=tick.stream,
        name=REPEATED_TRADES,
        subject=tick.instrument,
        severity=Severity.WARNING,
        summary=summary,
        value=float(n),
        is_resolved=is_resolved,
    )
    return Output(ALERTS, alert, f"{alert.name}/{alert.subject}")
