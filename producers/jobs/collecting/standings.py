"""Marks prices of sources that stray from the others, by a quorum for each asset."""

from msgspec.structs import replace

from producers.jobs.collecting.prices import INTERVAL_S
from producers.normalise.quorum import LatestPrice, Quorum
from schemas.events import Event, PriceObserved
from schemas.instruments import parse_instrument

#: A round of the quorum holds a price of each source, so rounds come no oftener than prices do.
_ROUND_MS = round(0.9 * INTERVAL_S * 1000)


class PriceStandings:
    """Keeps the newest price of each instrument, and what the quorum of its asset says of it."""

    def __init__(self) -> None:
        self._newest: dict[str, LatestPrice] = {}
        self._quorums: dict[str, Quorum] = {}
        self._judged_ms: dict[str, int] = {}
        self._doubts: dict[str, str | None] = {}

    def judged(self, event: Event, *, now_ms: int) -> Event:
        """Return an event as it is published: a price in quarantine is marked, and everything else is as it was.

        Args:
            event: What is to be published.
            now_ms: When it was read.
        """
        if not isinstance(event, PriceObserved):
            return event
        self._newest[event.instrument] = LatestPrice(event.instrument, event.price, event.event_time_ms)
        self._judge(parse_instrument(event.instrument).base, now_ms)
        doubt = self._doubts.get(event.instrument)
        if doubt is None:
            return event
        return replace(event, is_quarantined=True, reason=doubt)

    def _judge(self, asset: str, now_ms: int) -> None:
        before_ms = self._judged_ms.get(asset)
        if before_ms is not None and now_ms - before_ms < _ROUND_MS:
            return
        self._judged_ms[asset] = now_ms
        quorum = self._quorums.setdefault(asset, Quorum(asset))
        standings = quorum.on_round(list(self._newest.values()), now_ms=now_ms)
        self._doubts.update({name: standing.reason for name, standing in standings.items()})
