"""Compiles the scan and the fold, so that no first start has to."""

from schemas import codec
from schemas.events import TickObserved
from stream_processors.operators.ticks.columns import Scanner
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.table import TickTable


def warm_up_ticks() -> None:
    """Scan and fold one trade twice: unknown at first, then known."""
    names, trade = (
        KnownNames(),
        codec.encode(
            TickObserved(
                event_time_ms=1,
                known_time_ms=1,
                source="simulated",
                stream="warm-up",
                instrument="BTC-USDT.SIMULATED",
                trade_id=1,
                price=1.5,
                size=1.5,
                is_buyer_maker=False,
            )
        ),
    )
    scanner, table = Scanner(names), TickTable(names)
    for _ in range(2):
        table.fold(scanner.columns([trade], lambda _number: ()), 0)
        table.due(0, 0)
        table.outlook(0)
