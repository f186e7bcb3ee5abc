"""Estimates the basis of a stablecoin: how much higher an asset is priced in it than in US dollars, as a logarithm.

It is **measured** in a round where one venue quotes the asset in both currencies, or quotes the stablecoin itself in dollars
(``USDT-USD``): the median of those samples. The basis is the median of the last five such rounds, so that it
follows a stablecoin that loses its peg, and one wrong round does not move it. Quarantined sources give no sample.

Otherwise it is **inferred**: the median price of the sources in the stablecoin against that of the sources in dollars, and
the median of sixty such rounds. A source that strays gives no sample, so that its error is not learned as a basis. A
round without a sample forgets the oldest one, so a basis that was learned from an error does not stay. Still, a
stablecoin that only one source quotes cannot be told from that source: a slow error of it is taken for the basis.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from statistics import median
from typing import NamedTuple

N_MEASURED = 5
N_INFERRED = 60
#: While fewer rounds are known, every source may teach; before that, the basis is taken as 0.
LEAST_ROUNDS = 3
#: No basis is larger; what is, is an error.
LARGEST = math.log(1.1)
DOLLAR = "USD"


class QuotedPrice(NamedTuple):
    """The price of an asset at one source.

    Attributes:
        instrument: Such as ``BTC-USDT.BINANCE``.
        venue: Such as ``BINANCE``.
        currency: In which it is quoted, such as ``USDT``.
        log_price: The logarithm of the price.
    """

    instrument: str
    venue: str
    currency: str
    log_price: float


class Bases:
    """The bases of all currencies in which one asset is quoted, as running medians."""

    def __init__(self) -> None:
        self._measured: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=N_MEASURED))
        self._inferred: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=N_INFERRED))

    def of(self, currency: str) -> float:
        """Return the basis of a currency; 0 for dollars and for a currency that is hardly known."""
        for known in (self._measured.get(currency, ()), self._inferred.get(currency, ())):
            if len(known) >= LEAST_ROUNDS:
                return median(known)
        return 0.0

    def learn(
        self, prices: Sequence[QuotedPrice], strays: AbstractSet[str], dollars: Mapping[str, Sequence[float]]
    ) -> None:
        """Take the samples of one round.

        Args:
            prices: Of the asset, of the sources that are not quarantined.
            strays: The instruments that stray in this round.
            dollars: The prices of each stablecoin itself in dollars.
        """
        by_currency: defaultdict[str, list[QuotedPrice]] = defaultdict(list)
        for each in prices:
            by_currency[each.currency].append(each)
        in_dollars = by_currency.pop(DOLLAR, [])
        for currency in {*by_currency, *dollars, *self._measured}:
            direct = [-math.log(each) for each in dollars.get(currency, ())]
            found = _possible([*direct, *_within_venues(by_currency[currency], in_dollars)])
            self._take(self._measured[currency], found)
            is_known = len(self._inferred[currency]) >= LEAST_ROUNDS
            left_out = strays if is_known else frozenset[str]()
            kept = [
                [each for each in some if each.instrument not in left_out]
                for some in (by_currency[currency], in_dollars)
            ]
            self._take(self._inferred[currency], _possible(_between_venues(*kept)))

    @staticmethod
    def _take(known: deque[float], samples: Sequence[float]) -> None:
        """A round without a sample forgets the oldest one, so that no basis stays that nobody confirms."""
        if samples:
            known.append(median(samples))
        elif known:
            known.popleft()


def _possible(samples: Iterable[float]) -> list[float]:
    return [each for each in samples if abs(each) <= LARGEST]


def _within_venues(prices: Iterable[QuotedPrice], in_dollars: Iterable[QuotedPrice]) -> list[float]:
    of_venue = {each.venue: each.log_price for each in in_dollars}
    return [each.log_price - of_venue[each.venue] for each in prices if each.venue in of_venue]


def _between_venues(prices: Sequence[QuotedPrice], in_dollars: Sequence[QuotedPrice]) -> list[float]:
    if not prices or not in_dollars:
        return []
    return [median(each.log_price for each in prices) - median(each.log_price for each in in_dollars)]
