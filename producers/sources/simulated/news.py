"""Generates simulated news: short invented items whose source marks them as simulated.

The items are not published, because there is no news topic yet. They may follow the regime of the market:
then there are more of them, and more of them are negative, while the market is turbulent.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from producers.normalise.simulated import SOURCE
from producers.sources.simulated.chance import DrawPurpose, generator
from producers.sources.simulated.states import HOUR_MS, REGIMES, MarketStates

_MINUTE_MS = 60_000
_PER_HOUR = 3.0
_TURBULENT = REGIMES.index("turbulent")
_TONES = ("rising", "even", "falling")
#: Chance of each tone in a calm, normal and turbulent market, when the wire is linked to it.
_LINKED = ((0.45, 0.40, 0.15), (0.35, 0.40, 0.25), (0.10, 0.25, 0.65))
_UNLINKED = (0.30, 0.40, 0.30)
_HEADLINES = {
    "rising": (
        "{coin} demand picks up as {actor} adds to its holdings",
        "{actor} opens {coin} trading to more clients",
        "Inflows into {coin} funds reach a {span} high",
    ),
    "even": (
        "{coin} trades in a narrow range ahead of {event}",
        "{actor} publishes its {span} report on {coin}",
        "What {event} could mean for {coin} holders",
    ),
    "falling": (
        "{coin} slides as {actor} reports withdrawals",
        "{actor} halts {coin} deposits after an incident",
        "Outflows from {coin} funds are the largest in a {span}",
    ),
}
_SUMMARIES = {
    "rising": "Buyers outnumbered sellers through the session, and {actor} called the mood constructive.",
    "even": "Volumes were ordinary. {actor} expects little before {event}.",
    "falling": "Sellers set the pace. {actor} pointed to {event} and to thin order books.",
}
_WORDS = {
    "coin": ("Bitcoin", "BTC"),
    "actor": ("Larkfield Exchange", "Tallow Asset Management", "the Northmoor Fund", "Quillon Custody"),
    "event": ("the rate decision", "the quarterly expiry", "the network upgrade", "the court hearing"),
    "span": ("week", "month", "quarter"),
}


class NewsItem(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated news item. The companies and events in it do not exist.

    Attributes:
        item: The id of the item, unique in its market.
        published_ms: When it is published.
        headline: One line.
        summary: Two sentences.
        tone: The tone that the item was generated with: rising, even or falling.
        source: ``simulated``.
    """

    item: str
    published_ms: int
    headline: str
    summary: str
    tone: str
    source: str = SOURCE


class NewsWire:
    """Generates the news items of a seeded market from any time on.

    Args:
        states: The states of the market that the news may follow.
        seed: The seed of the draws.
        is_linked: Whether the tone and the number of items follow the regime of the market.
    """

    def __init__(self, states: MarketStates, *, seed: int, is_linked: bool = True) -> None:
        self._states = states
        self._seed = seed
        self._is_linked = is_linked

    def items(self, from_ms: int) -> Iterator[NewsItem]:
        """Generate the items that are published at or after a time, in order, without end."""
        hour = from_ms // HOUR_MS
        while True:
            yield from (item for item in self.hour(hour) if item.published_ms >= from_ms)
            hour += 1

    def hour(self, hour: int) -> list[NewsItem]:
        """Return the items of an hour since the epoch. They do not depend on what was generated before."""
        regimes = self._states.hour(hour).regime
        chance = generator(seed=self._seed, hour=hour, purpose=DrawPurpose.NEWS)
        is_busy = self._is_linked and bool((regimes == _TURBULENT).any())
        times = np.sort(chance.integers(0, HOUR_MS, chance.poisson(_PER_HOUR * (2 if is_busy else 1))))
        return [
            self._item(chance, hour, i, int(time_ms), int(regimes[time_ms // _MINUTE_MS]))
            for i, time_ms in enumerate(times)
        ]

    def _item(self, chance: np.random.Generator, hour: int, i: int, time_ms: int, regime: int) -> NewsItem:
        tone = str(chance.choice(_TONES, p=_LINKED[regime] if self._is_linked else _UNLINKED))
        words = {name: str(chance.choice(choices)) for name, choices in _WORDS.items()}
        headline = str(chance.choice(_HEADLINES[tone])).format(**words)
        return NewsItem(
            item=f"{SOURCE}-{hour}-{i}",
            published_ms=hour * HOUR_MS + time_ms,
            headline=headline[0].upper() + headline[1:],
            summary=_SUMMARIES[tone].format(**words),
            tone=tone,
        )
