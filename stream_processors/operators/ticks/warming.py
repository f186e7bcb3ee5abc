"""Compiles the scan and the fold before the first message comes."""

from schemas import codec
from schemas.events import TickObserved
from stream_processors.operators.ticks.columns import TickScanner
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.table import TickTable


def warm_up_ticks() -> None:
    """Scan and fold one trade twice: its names are unknown at first, and known the second time."""
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
    scanner, table = TickScanner(names), TickTable(names)
    for _ in range(2):
        table.fold(scanner.columns([trade], lambda _number: ()), 0)
        table.due(0, 0)
        table.outlook(0)
