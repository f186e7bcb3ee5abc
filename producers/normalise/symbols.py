"""The instrument that a venue's symbol stands for: ``BTCUSDT``, ``BTC-USD``, ``XBT/USD``, ``BTCUSD_PERP``.

A symbol seldom says whether it is of the spot market or of futures, so the caller states that.
"""

import re
from collections.abc import Sequence

from schemas.errors import InvariantError
from schemas.instruments import Instrument

#: The quote currencies of symbols without a separator.
_QUOTES = (
    *(
        "USDT",
        "USDC",
        "DAI",
        "USD",
        "EUR",
        "GBP",
        "AUD",
        "CAD",
        "CHF",
        "JPY",
        "TRY",
        "BRL",
        "KRW",
        "PLN",
        "UAH",
    ),
    *("ZAR", "XBT", "BTC", "ETH", "BNB"),
)
#: Those that Binance has besides; at other venues DOTUSD is DOT in USD and ARBUSD is ARB in USD.
_QUOTES_OF_BINANCE = ("FDUSD", "BUSD", "TUSD", "USDP", "USD1", *_QUOTES)
_SEPARATED = re.compile(r"(?P<base>[A-Z0-9]+)[-/_:](?P<quote>[A-Z0-9]+)")
_PERPETUAL = re.compile(r"[-_/:]?(PERPETUAL|PERP|SWAP)$")
_DELIVERY = re.compile(r"[-_]?\d{6}$|[FGHJKMNQUVXZ]\d{2}$")
#: Names that venues have for a coin of another name.
_COINS = {
    "XBT": "BTC",
    "XXBT": "BTC",
    "XDG": "DOGE",
    "XXDG": "DOGE",
    "XETH": "ETH",
    "ZUSD": "USD",
    "ZEUR": "EUR",
}
#: What a venue names by its base alone, with the quote that it then has.
_DEFAULT_QUOTE = "USD"


def instrument_of_symbol(symbol: str, *, venue: str, is_perpetual: bool) -> Instrument:
    """Return the instrument of a symbol, with or without a separator between the two currencies.

    Args:
        symbol: As the venue writes it, in any case.
        venue: In capitals, as it stands in the name of an instrument.
        is_perpetual: Whether it is of perpetual futures; a symbol such as ``BTC-PERPETUAL`` says so itself.

    Raises:
        InvariantError: If the symbol does not end in a known quote currency, or is of a future with a day of delivery.

    Example:
        >>> str(instrument_of_symbol("XBT/USD", venue="KRAKEN", is_perpetual=False))
        'BTC-USD.KRAKEN'
    """
    upper = symbol.upper()
    if _DELIVERY.search(upper):
        message = (
            f"the symbol {symbol!r} is of a future with a day of delivery, expected a pair or a perpetual"
        )
        raise InvariantError(message)
    pair, n_endings = _PERPETUAL.subn("", upper)
    quotes = _QUOTES_OF_BINANCE if venue == "BINANCE" and n_endings == 0 else _QUOTES
    base, quote = _parts(pair, symbol, quotes, is_named_perpetual=n_endings > 0)
    return Instrument(
        base=_COINS.get(base, base),
        quote=_COINS.get(quote, quote),
        venue=venue,
        is_perpetual=is_perpetual or n_endings > 0,
    )


def _parts(pair: str, symbol: str, quotes: Sequence[str], *, is_named_perpetual: bool) -> tuple[str, str]:
    separated = _SEPARATED.fullmatch(pair)
    if separated is not None:
        return separated["base"], separated["quote"]
    for quote in quotes:
        base = pair.removesuffix(quote)
        if base and base != pair:
            return (base.removesuffix("Z") if base in {"XXBTZ", "XETHZ", "XXDGZ"} else base), quote
    if is_named_perpetual and pair.isalnum():
        return pair, _DEFAULT_QUOTE
    message = f"a symbol must end in one of {', '.join(quotes)}, was {symbol!r}"
    raise InvariantError(message)
