"""Assets and their ranked instruments: which instrument answers where only an asset, such as ``BTC``, is named.

Data of one instrument never fill those of another. So whoever asks for an asset is answered from one instrument, and
the answer names it. It stands here because the processes that follow venues and those that answer must rank alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.instruments import parse_instrument


class Answering(NamedTuple):
    """The instrument that answers for an asset.

    Attributes:
        instrument: Its name.
        passed_over: Those that rank higher, each with the reason why it does not answer.
    """

    instrument: str
    passed_over: tuple[tuple[str, str], ...] = ()


def ranked_instruments(
    instruments: Iterable[str], *, preferred: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the ranked instruments of each asset, the assets in the order in which a run names them.

    The preferred instruments come first, in their order, and then the others in the order of the run. A perpetual
    future is another product than a spot pair, so the list of an asset holds only instruments of the kind of its first.

    Args:
        instruments: The instruments of a run.
        preferred: Instruments that rank higher than the order of the run says; those that the run lacks are left out.

    Example:
        >>> ranked_instruments(["BTC-USDT.BINANCE", "BTC-USD.KRAKEN"], preferred=["BTC-USD.KRAKEN"])
        {'BTC': ('BTC-USD.KRAKEN', 'BTC-USDT.BINANCE')}
    """
    held = list(dict.fromkeys(instruments))
    order = dict.fromkeys([*(name for name in preferred if name in set(held)), *held])
    ranked: dict[str, list[str]] = {parse_instrument(name).base: [] for name in held}
    for name in order:
        parts = parse_instrument(name)
        higher = ranked[parts.base]
        if not higher or parse_instrument(higher[0]).is_perpetual == parts.is_perpetual:
            higher.append(name)
    return {asset: tuple(names) for asset, names in ranked.items()}


def answering_instrument(
    ranked: Sequence[str], unhealthy: Mapping[str, str], *, newest_ms: Mapping[str, int] | None = None
) -> Answering:
    """Return the instrument that answers for an asset: the first healthy one.

    If none is healthy, that with the newest data answers, and the first of those that are equally new.

    Args:
        ranked: The instruments of the asset, the preferred one first; at least one.
        unhealthy: The reason why an instrument should not answer, such as that its source is refused here.
        newest_ms: The time of the newest data of each instrument; one without data is left out.

    Example:
        >>> ranked = ["BTC-USDT.BINANCE", "BTC-USD.COINBASE"]
        >>> answering_instrument(ranked, {"BTC-USDT.BINANCE": "its source is refused here"}).instrument
        'BTC-USD.COINBASE'
    """
    times = newest_ms or {}
    found = next((name for name in ranked if name not in unhealthy), None)
    if found is None:
        # max takes the first of equal ones.
        found = max(ranked, key=lambda name: (name in times, times.get(name, 0)))
    higher = ranked[: list(ranked).index(found)]
    return Answering(found, tuple((name, unhealthy[name]) for name in higher))
