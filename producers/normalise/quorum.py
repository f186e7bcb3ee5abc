"""The quorum of an asset: three or more sources compare their latest prices, and one that strays is quarantined.

One round::

    fresh prices -> minus the basis of their currency -> median -> distance of each from it -> beyond the band?

- **Median.** Of all fresh prices, or of those that are not quarantined if these are at least three.
- **Band.** Six robust standard deviations (1.4826 times the median absolute distance), at least 0.5 %, at most 2 %.
- **Quorum.** A round is judged only if at least three prices are fresh and more than half of them lie within the band.
  Otherwise nobody knows who is right, and nothing changes.
- **Quarantine** begins after four judged rounds in a row beyond the band, and ends after four in a row within it.
  A source without a fresh price keeps its standing.

Prices are never mixed or replaced: a quarantined source is marked (``PriceObserved.is_quarantined``), no more.

Source:
    Rousseeuw and Croux (1993) for the median absolute deviation as a robust scale.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import msgspec

from producers.normalise.bases import DOLLAR, Bases, QuotedPrice
from schemas.instruments import parse_instrument

_MAD_TO_DEVIATION = 1.4826


class QuorumRules(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a quorum.

    Attributes:
        least_band: As a fraction of the price. Sources differ by up to 0.3 % in fast minutes without any being wrong.
        largest_band: As a fraction; a larger distance is wrong in any market.
        n_deviations: Robust standard deviations.
        n_least: So many fresh prices make a quorum.
        n_rounds_out: Judged rounds in a row beyond the band until the quarantine.
        n_rounds_back: Judged rounds in a row within the band until its end.
        fresh_ms: An older price takes no part. CoinGecko's is up to a minute old.
        lead_ms: Nor does a price from so far in the future.
    """

    least_band: float = 0.005
    largest_band: float = 0.02
    n_deviations: float = 6.0
    n_least: int = 3
    n_rounds_out: int = 4
    n_rounds_back: int = 4
    fresh_ms: int = 180_000
    lead_ms: int = 60_000


class LatestPrice(NamedTuple):
    """A source's latest price.

    Attributes:
        instrument: Such as ``BTC-USD.KRAKEN``; or that of a stablecoin itself, such as ``USDT-USD.KRAKEN``.
        price: Quote units per base unit; one that is not positive takes no part.
        time_ms: By the source.
    """

    instrument: str
    price: float
    time_ms: int


class Standing(NamedTuple):
    """What the quorum says of one instrument after a round.

    Attributes:
        is_quarantined: Whether it is.
        reason: Why, as a sentence; None if it is not.
        distance: Of its price from the median in this round, as a fraction; None if the round was not judged for it.
    """

    is_quarantined: bool
    reason: str | None
    distance: float | None


class _Member:
    """The counters of one instrument."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.n_beyond = 0
        self.n_within = 0


class Quorum:
    """The quorum of one asset. It is a function of the rounds that it was given, in their order.

    Args:
        asset: Such as ``BTC``.
        rules: Its numbers.
    """

    def __init__(self, asset: str, rules: QuorumRules | None = None) -> None:
        self._asset = asset
        self._rules = QuorumRules() if rules is None else rules
        self._bases = Bases()
        self._members: dict[str, _Member] = {}

    def basis(self, currency: str) -> float:
        """Return how much higher the asset is priced in a currency than in dollars, as a fraction."""
        return math.expm1(self._bases.of(currency))

    def on_round(self, prices: Sequence[LatestPrice], *, now_ms: int) -> Mapping[str, Standing]:
        """Judge one round.

        Args:
            prices: The latest price of each source, in any order; of an instrument that comes twice, the newest.
            now_ms: The clock against which prices are fresh.

        Returns:
            The standing of each instrument of the asset in ``prices``.
        """
        newest = {each.instrument: each for each in sorted(prices, key=lambda each: each.time_ms)}
        oldest_ms, latest_ms = now_ms - self._rules.fresh_ms, now_ms + self._rules.lead_ms
        fresh = [
            each for each in newest.values() if oldest_ms <= each.time_ms <= latest_ms and each.price > 0
        ]
        quoted = sorted(each for each in map(self._quoted, fresh) if each is not None)
        distances = self._distances(quoted)
        band = self._judge(distances)
        trusted = [each for each in quoted if self._member(each.instrument).reason is None]
        strays = {name for name in distances if self._member(name).n_beyond > 0}
        self._bases.learn(trusted, strays, self._dollars(fresh))
        own = [name for name in newest if parse_instrument(name).base == self._asset]
        return {name: self._standing(name, distances if band is not None else {}) for name in own}

    def _quoted(self, latest: LatestPrice) -> QuotedPrice | None:
        parts = parse_instrument(latest.instrument)
        if parts.base != self._asset or parts.is_perpetual:
            return None
        return QuotedPrice(latest.instrument, parts.venue, parts.quote, math.log(latest.price))

    def _distances(self, quoted: Sequence[QuotedPrice]) -> Mapping[str, float]:
        adjusted = {each.instrument: each.log_price - self._bases.of(each.currency) for each in quoted}
        trusted = [value for name, value in adjusted.items() if not self._member(name).reason]
        judges = trusted if len(trusted) >= self._rules.n_least else list(adjusted.values())
        centre = median(judges) if judges else 0.0
        return {name: value - centre for name, value in adjusted.items()}

    def _judge(self, distances: Mapping[str, float]) -> float | None:
        """Count the round for each source; returns the band, None if there is no quorum."""
        if len(distances) < self._rules.n_least:
            return None
        scale = _MAD_TO_DEVIATION * median(abs(each) for each in distances.values())
        band = min(max(self._rules.n_deviations * scale, self._rules.least_band), self._rules.largest_band)
        n_within = sum(abs(each) <= band for each in distances.values())
        if 2 * n_within <= len(distances):
            return None
        for name, distance in distances.items():
            self._count(self._member(name), distance, band, len(distances))
        return band

    def _count(self, member: _Member, distance: float, band: float, n: int) -> None:
        if abs(distance) <= band:
            member.n_beyond, member.n_within = 0, member.n_within + 1
            if member.n_within >= self._rules.n_rounds_back:
                member.reason = None
            return
        member.n_beyond, member.n_within = member.n_beyond + 1, 0
        if member.reason is not None or member.n_beyond >= self._rules.n_rounds_out:
            member.reason = (
                f"its price is {math.expm1(distance):+.2%} from the median of {n} sources, beyond {band:.2%}"
            )

    def _member(self, name: str) -> _Member:
        return self._members.setdefault(name, _Member())

    def _standing(self, name: str, distances: Mapping[str, float]) -> Standing:
        member = self._member(name)
        distance = distances.get(name)
        stated = None if distance is None else math.expm1(distance)
        return Standing(member.reason is not None, member.reason, stated)

    def _dollars(self, prices: Sequence[LatestPrice]) -> Mapping[str, list[float]]:
        """The prices of stablecoins themselves in dollars."""
        found: dict[str, list[float]] = {}
        for each in prices:
            parts = parse_instrument(each.instrument)
            if parts.quote == DOLLAR and parts.base != self._asset:
                found.setdefault(parts.base, []).append(each.price)
        return found
