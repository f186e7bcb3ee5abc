"""Which instrument answers for an asset: the first healthy one of its ranked list."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Answering(NamedTuple):
    """The instrument that answers for an asset.

    Attributes:
        instrument: The first healthy one; None if none is.
        passed_over: Those that rank higher, each with the reason why it does not answer.
    """

    instrument: str | None
    passed_over: tuple[tuple[str, str], ...]


def answering_instrument(ranked: Sequence[str], unhealthy: Mapping[str, str]) -> Answering:
    """Return the instrument that answers for an asset.

    Prices are never mixed: the answer is that of one instrument, and names it.

    Args:
        ranked: The instruments of the asset, the preferred one first.
        unhealthy: The reason why an instrument may not answer, such as that its source is refused here.

    Example:
        >>> ranked = ["BTC-USDT.BINANCE", "BTC-USD.COINBASE"]
        >>> answering_instrument(ranked, {"BTC-USDT.BINANCE": "451"}).instrument
        'BTC-USD.COINBASE'
    """
    passed_over: list[tuple[str, str]] = []
    for instrument in ranked:
        reason = unhealthy.get(instrument)
        if reason is None:
            return Answering(instrument, tuple(passed_over))
        passed_over.append((instrument, reason))
    return Answering(None, tuple(passed_over))
