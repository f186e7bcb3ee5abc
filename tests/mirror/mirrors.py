"""What a mirror knows: the markets, the hosts, the failures, the log; and what tests may ask of it."""

from typing import Any

import msgspec

from tests.mirror.faults import Fault, Faults
from tests.mirror.hosts import Hosts
from tests.mirror.journal import Journal
from tests.mirror.markets import Clock, World
from tests.mirror.recordings import Recordings


class Mirror:
    """What a mirror knows and what it was told.

    Args:
        recordings: The recorded data.
        clock: Milliseconds of now.
        start_ms: When the market began; None for now.
        is_moving: Whether news and CoinGecko go on with the market, or have what was recorded and nothing else.
        rate: Trades a second on average; None plays them as recorded.
    """

    def __init__(
        self,
        recordings: Recordings,
        clock: Clock,
        *,
        start_ms: int | None = None,
        is_moving: bool = False,
        rate: float | None = None,
    ) -> None:
        self.clock = clock
        self.world = World(recordings, clock() if start_ms is None else start_ms, rate=rate)
        self.is_moving = is_moving
        self.faults = Faults()
        self.journal = Journal()
        self.hosts = Hosts(self.world, lambda: self.is_moving)

    def now_ms(self, host: str) -> int:
        """Return what the clock of a host shows."""
        return self.clock() + self.faults.skew_ms(host)

    def control(self, orders: dict[str, Any]) -> list[int]:
        """Obey, and return the ids of the failures that were added; ``tests/mirror/README.md`` lists the orders."""
        if orders.get("clear"):
            self.faults.remove()
        self.faults.remove(orders.get("remove", ()))
        if orders.get("forget"):
            self.journal.forget()
        self.is_moving = bool(orders.get("moving", self.is_moving))
        self.hosts.archive.publish(int(orders.get("publish", 0)), self.clock())
        self.hosts.archive.correct(int(orders.get("correct", 0)))
        return self.faults.add(msgspec.convert(orders.get("faults", []), list[Fault]))

    def state(self) -> dict[str, Any]:
        """Return what a test may want to know."""
        world = self.world
        return {
            "start_ms": world.start_ms, "tape_start_ms": world.tape_start_ms, "now_ms": self.clock(),
            "is_moving": self.is_moving, "faults": self.faults.present(),
        }  # fmt: skip
