"""Companions: the other instruments, and the news, whose features are joined to those of an instrument, as configured.

The jobs that join, score, train and start share this module, because all must mean the same vector. A companion is
another coin, the perpetual of the same coin, or the news about the coin by some scorers. An instrument has at most one
of each, and an instrument without companions is predicted from its market features alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence

import msgspec

from schemas.errors import ConfigurationError
from schemas.instruments import Instrument, parse_instrument
from schemas.scorers import ScorerId, parse_scorer

VARIABLE = "DRIFTLINE_COMPANIONS"
#: The value that states that a run of several files has no companions.
NONE = "none"
CREDIBILITY_VARIABLE = "DRIFTLINE_NEWS_CREDIBILITY"
#: The source of all records that vouch for news, and the name of news among the companions of a vector.
NEWS = "news"
_FORM = (
    "BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE,news/vader@0123456789abcdef, "
    "several instruments separated by semicolons"
)
_CREDIBILITY_FORM = "coindesk:1.0,cryptoslate:0.8, each source once with a weight from 0 to 1"


class NewsCompanion(msgspec.Struct, frozen=True):
    """The news about the coin of an instrument: which scorers read it, and how far each source is believed.

    Attributes:
        scorers: The scorers, in the order of their features.
        credibility: The weight of each source whose weight is stated, by name; other sources have the weight 1.
    """

    scorers: tuple[ScorerId, ...]
    credibility: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        """Return the companion as the setting writes it, such as ``news/vader@0123456789abcdef``."""
        return "/".join([NEWS, *map(str, self.scorers)])


class Companions(msgspec.Struct, frozen=True, kw_only=True):
    """The companions of one instrument.

    Attributes:
        coin: The instrument of another coin, or None.
        perpetual: The perpetual of the same coin, or None.
        news: The news about the coin, or None.
    """

    coin: str | None = None
    perpetual: str | None = None
    news: NewsCompanion | None = None

    @property
    def instruments(self) -> tuple[str, ...]:
        """The instruments among the companions, the coin first."""
        return tuple(name for name in (self.coin, self.perpetual) if name is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """All companions as the setting writes them: the instruments, then the news."""
        return self.instruments if self.news is None else (*self.instruments, str(self.news))


def parse_companions(
    text: str | None, *, credibility: Mapping[str, float] | None = None
) -> dict[str, Companions]:
    """Return the companions of each instrument that has companions.

    Args:
        text: Such as ``BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE``; instruments are
            separated by semicolons. News is ``news/`` with the ids of its scorers, separated by slashes. None, an
            empty text and ``none`` state that there are no companions.
        credibility: What :func:`parse_credibility` returned; None states nothing.

    Raises:
        ConfigurationError: If the text has another form, or a companion is neither another coin nor the perpetual.

    Example:
        >>> parse_companions("BTC-USDT.BINANCE:ETH-USDT.BINANCE")["BTC-USDT.BINANCE"].coin
        'ETH-USDT.BINANCE'
    """
    found: dict[str, Companions] = {}
    stated = "" if text is None or text.strip() == NONE else text
    for part in stated.split(";"):
        if not part.strip():
            continue
        target, separator, names = (piece.strip() for piece in part.partition(":"))
        if not separator or target in found:
            message = f"{VARIABLE} must look like {_FORM}, each instrument once; was {text!r}"
            raise ConfigurationError(message)
        found[target] = _companions(
            _named(target), [name.strip() for name in names.split(",")], credibility or {}
        )
    return found


def parse_credibility(text: str | None) -> dict[str, float]:
    """Return the credibility of each source of news for which it is stated.

    Args:
        text: Such as ``coindesk:1.0,cryptoslate:0.8``. None and an empty text state nothing.

    Raises:
        ConfigurationError: If the text has another form, or a weight is not from 0 to 1.

    Example:
        >>> parse_credibility("coindesk:1.0, cryptoslate:0.8")
        {'coindesk': 1.0, 'cryptoslate': 0.8}
    """
    found: dict[str, float] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        source, _, weight = (piece.strip() for piece in part.partition(":"))
        number = float(weight) if re.fullmatch(r"[01](\.[0-9]{1,6})?", weight) else 2.0
        if not source or source in found or number > 1:
            message = f"{CREDIBILITY_VARIABLE} must look like {_CREDIBILITY_FORM}; was {text!r}"
            raise ConfigurationError(message)
        found[source] = number
    return found


def check_present(
    companions: Mapping[str, Companions], instruments: Collection[str], *, has_news: bool = False
) -> None:
    """Refuse a run that holds an instrument without one of its companions, because its vectors would wait for ever.

    Args:
        companions: The companions of each instrument.
        instruments: The instruments of the run.
        has_news: Whether the run has news.

    Raises:
        ConfigurationError: If a companion is missing; the message names it.
    """
    for target, beside in companions.items():
        if target in instruments and beside.news is not None and not has_news:
            message = (
                f"{VARIABLE}: {target} has news as a companion, and the run has no news: give a file of articles "
                "(DRIFTLINE_NEWS), or take it out of the setting"
            )
            raise ConfigurationError(message)
        missing = [name for name in beside.instruments if name not in instruments]
        if target in instruments and missing:
            message = (
                f"{VARIABLE}: {target} has the companion {missing[0]}, which the run does not hold "
                f"({', '.join(instruments)}): give its file too, or take it out of the setting"
            )
            raise ConfigurationError(message)


def predicted_of(companions: Mapping[str, Companions], instruments: Sequence[str]) -> tuple[str, ...]:
    """Return the instruments of a run that are predicted. A companion is only predicted if it has companions itself."""
    here = [found for target, found in companions.items() if target in instruments]
    beside = {name for found in here for name in found.instruments}
    return tuple(name for name in instruments if name in companions or name not in beside)


def usual_companions(instruments: Sequence[str]) -> dict[str, Companions]:
    """Return the usual companions of a run: to its first instrument, the first other coin and the perpetual of it."""
    first, *others = instruments
    target = parse_instrument(first)
    parsed = {name: parse_instrument(name) for name in others}
    coin = next((name for name, other in parsed.items() if other.base != target.base), None)
    perpetual = next(
        (name for name, other in parsed.items() if other.base == target.base and other.is_perpetual), None
    )
    found = Companions(coin=coin, perpetual=None if target.is_perpetual else perpetual)
    return {first: found} if found.instruments else {}


def text_of(companions: Mapping[str, Companions]) -> str:
    """Return the setting that names these companions, which :func:`parse_companions` reads."""
    if not companions:
        return NONE
    return ";".join(f"{target}:{','.join(beside.names)}" for target, beside in companions.items())


def _named(name: str) -> Instrument:
    try:
        return parse_instrument(name)
    except ConfigurationError as error:
        message = f"{VARIABLE}: {error}"
        raise ConfigurationError(message) from error


def _news(target: Instrument, name: str, credibility: Mapping[str, float]) -> NewsCompanion:
    try:
        scorers = tuple(parse_scorer(part) for part in name.split("/")[1:])
    except ConfigurationError as error:
        message = f"{VARIABLE}: {error}"
        raise ConfigurationError(message) from error
    if len({scorer.name for scorer in scorers}) < max(1, len(scorers)):
        message = f"{VARIABLE}: the news of {target} must name each of its scorers once; was {name!r}"
        raise ConfigurationError(message)
    stated = tuple(sorted((source, weight) for source, weight in credibility.items() if weight != 1))
    return NewsCompanion(scorers, stated)


def _companions(target: Instrument, names: list[str], credibility: Mapping[str, float]) -> Companions:
    coins, perpetuals = [], []
    news = [name for name in names if name.partition("/")[0] == NEWS]
    for name in (name for name in names if name not in news):
        companion = _named(name)
        if companion.base != target.base:
            coins.append(name)
        elif companion.is_perpetual and not target.is_perpetual:
            perpetuals.append(name)
        else:
            message = (
                f"{VARIABLE}: a companion of {target} must be another coin, or its perpetual; was {name}"
            )
            raise ConfigurationError(message)
    for kind, found in (("other coin", coins), ("perpetual", perpetuals), ("companion news", news)):
        if len(found) > 1:
            message = f"{VARIABLE}: {target} may have one {kind}, has {', '.join(found)}"
            raise ConfigurationError(message)
    return Companions(
        coin=next(iter(coins), None),
        perpetual=next(iter(perpetuals), None),
        news=_news(target, news[0], credibility) if news else None,
    )
