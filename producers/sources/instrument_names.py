"""Which instrument a symbol of a venue stands for, in every way in which the venue writes it."""

from collections.abc import Sequence
from typing import TypeVar

from producers.normalise.observations import Message
from producers.normalise.symbols import instrument_of_symbol
from producers.normalise.trades import Market, VenueTrade
from producers.sources.venues import Reading
from schemas.errors import InvariantError
from schemas.instruments import Instrument, parse_instrument

_Stated = TypeVar("_Stated")


class InstrumentNames:
    """The instruments of one venue, found by symbol.

    Args:
        instruments: Names on the wire, all of one venue and one market.

    Raises:
        ConfigurationError: If one is none.
    """

    def __init__(self, instruments: Sequence[str]) -> None:
        self.parsed = {name: parse_instrument(name) for name in instruments}
        some = next(iter(self.parsed.values()), None)
        self._venue = "" if some is None else some.venue
        self._market = Market.PERPETUAL if some is not None and some.is_perpetual else Market.SPOT
        self._known: dict[str, str] = {}

    def __getitem__(self, instrument: str) -> Instrument:
        """Return the parts of an instrument.

        Raises:
            ValueError: If it is none of the venue's.
        """
        found = self.parsed.get(instrument)
        if found is None:
            message = f"expected one of {', '.join(self.parsed)}, was {instrument}"
            raise ValueError(message)
        return found

    def of(self, symbol: str | None) -> str | None:
        """Return the instrument of a symbol; None if it is none of the venue's."""
        if symbol is None:
            return None
        known = self._known.get(symbol)
        return self._find(symbol) if known is None else known

    def _find(self, symbol: str) -> str | None:
        try:
            found = instrument_of_symbol(
                symbol, venue=self._venue, is_perpetual=self._market is Market.PERPETUAL
            )
        except InvariantError:
            return None
        name = str(found)
        if name not in self.parsed:
            return None
        self._known[symbol] = name
        return name

    def reading(self, message: Message) -> Reading:
        """Return what a message says, by instrument; what is of no instrument of the venue is left out."""
        return Reading(
            trades=self._trades(message.trades),
            repeated=self._trades(message.repeated),
            quotes=self._pairs(message.quotes, [each.symbol for each in message.quotes]),
            candles=self._pairs(message.candles, [each.symbol for each in message.candles]),
            prices=self._pairs(message.prices, [each.symbol for each in message.prices]),
            perpetual=self._pairs(message.perpetual, [each.symbol for each in message.perpetual]),
            notices=message.notices,
            replies=message.replies,
        )

    def _trades(self, trades: Sequence[VenueTrade]) -> Sequence[tuple[str, VenueTrade]]:
        of_market = [each for each in trades if each.market in {None, self._market}]
        return self._pairs(of_market, [each.symbol for each in of_market])

    def _pairs(self, stated: Sequence[_Stated], symbols: Sequence[str]) -> Sequence[tuple[str, _Stated]]:
        if not stated:
            return ()
        names = [self.of(symbol) for symbol in symbols]
        return tuple((name, each) for name, each in zip(names, stated, strict=True) if name is not None)
