"""Finds the coins that an article mentions.

The rules, from sure to doubtful:

1. ``$BTC``, ``#BTC``, ``(BTC)``, ``BTC/USDT`` and ``BTC-USD`` are mentions, whatever the ticker.
2. A ticker in capitals is a mention (``BTC``, ``BTC's``, ``BTC-backed``), unless it is a word as well (``LINK``, ``ONE``).
3. A ticker that is a word is a mention in capitals beside a word of the trade ("LINK token", "sold 5 LINK"), in a list with
   another ticker ("BTC, ETH and LINK"), or if the name of its coin is in the article. In a line that has no small
   letter it is none.
4. A name is a mention, also with ``'s``. A name inside a longer one is not: "Bitcoin Cash" is no mention of Bitcoin.
5. A name that is a word ("Stellar", "Near") is a mention with a capital and a word of the trade after it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.coins import COINS
from schemas.events import WHOLE_MARKET

_TRADE_AFTER = re.compile(
    r"(?:['\u2019]s)?[ \-](?:tokens?|coins?|altcoins?|prices?|blockchain|network|ledger|protocol|mainnet|foundation|"
    r"ecosystem|holders?|whales?|bulls?|bears?|etfs?|futures|perpetuals?|staking|stakers?|validators?|treasury|"
    r"traders?|memecoins?|stablecoins?)\b",
    re.IGNORECASE,
)
_TRADE_BEFORE = re.compile(
    r"(?:\b(?:tokens?|coins?|altcoins?|price of|holders of|worth of|buys?|buying|bought|sells?|selling|sold|stak(?:ed?|ing)|"
    r"holds?|holding|million|billion|thousand)|(?<![\w.,$])(?!(?:19|20)\d\d\s)\d[\d.,]*[kmb]?)\s$",
    re.IGNORECASE,
)
_IN_LIST = r"(?:,\s|,?\s(?:and|or|&)\s|/|,)"
_REACH = 30
_MOST_ASSETS = 100


class _Patterns(NamedTuple):
    """What finds mentions, and the ticker that each finding stands for."""

    marked: re.Pattern[str]
    plain: re.Pattern[str]
    word: re.Pattern[str]
    before_ticker: re.Pattern[str]
    after_ticker: re.Pattern[str]
    name: re.Pattern[str]
    doubtful: re.Pattern[str]
    tickers: dict[str, str]


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda word: (-len(word), word)))


def _name_pattern(name: str) -> str:
    """Return the pattern of a name: one that begins with a capital in the table needs it, another needs nothing."""
    return re.escape(name) if name[0].isupper() else f"(?i:{re.escape(name)})"


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    tickers = {ticker: coin.ticker for coin in COINS for ticker in (coin.ticker, *coin.other_tickers)}
    words = {coin.ticker for coin in COINS if coin.is_word}
    names = {name: coin.ticker for coin in COINS for name in coin.names}
    doubtful = {name.title(): coin.ticker for coin in COINS for name in coin.doubtful_names}
    every, plain = _any_of(tickers), _any_of(tickers.keys() - words)
    end = r"(?!\w|\.[a-z])"
    return _Patterns(
        marked=re.compile(
            rf"(?<![\w$#])[$#](?P<cash>(?i:{every})){end}|\((?:[\w ]{{1,10}}:\s?)?(?P<bracket>{every})\)"
            rf"|(?<!\w)(?P<pair>{every})[/\-](?:USDT?|USDC|BTC|ETH|EUR){end}"
        ),
        plain=re.compile(rf"(?<![\w$.])(?P<ticker>{plain}){end}"),
        word=re.compile(rf"(?<![\w$.\-&])(?P<ticker>{_any_of(words)}){end}(?!-)"),
        before_ticker=re.compile(rf"(?<!\w)(?:{every}){_IN_LIST}$"),
        after_ticker=re.compile(rf"{_IN_LIST}(?:{every})(?!\w)"),
        name=re.compile(
            rf"(?<![\w.])(?P<name>{'|'.join(_name_pattern(name) for name in sorted(names, key=lambda n: (-len(n), n)))}){end}"
        ),
        doubtful=re.compile(rf"(?<![\w.])(?P<name>{_any_of(doubtful)}){end}"),
        tickers={word.casefold(): ticker for word, ticker in (tickers | names | doubtful).items()},
    )


def assets_of(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Return the coins that the texts of an article mention, in alphabetical order; ``MARKET`` if they mention none.

    Args:
        texts: The title, the summary, the text, the categories.

    Example:
        >>> assets_of(["One whale moved BTC near $100K", "ONE MORE LINK"])
        ('BTC',)
    """
    lines = [line for text in texts if text for line in text.splitlines()]
    found: set[str] = set().union(*assets_by_line(lines))
    return tuple(sorted(found))[:_MOST_ASSETS] or (WHOLE_MARKET,)


def assets_by_line(lines: Sequence[str]) -> list[set[str]]:
    """Return the coins that each line mentions, such as each sentence of an article; an empty set where it is none.

    A ticker that is a word as well is a mention in every line once its coin is named in one of them.
    """
    by_line = [set(_sure(line)) for line in lines]
    found: set[str] = set().union(*by_line)
    for line, assets in zip(lines, by_line, strict=True):
        assets.update(_of_words(line, found))
        found |= assets
    return by_line


def _sure(line: str) -> Iterator[str]:
    patterns = _patterns()
    for match in patterns.marked.finditer(line):
        yield patterns.tickers[(match["cash"] or match["bracket"] or match["pair"]).casefold()]
    for pattern in (patterns.plain, patterns.name):
        for match in pattern.finditer(line):
            yield patterns.tickers[match[1].casefold()]
    for match in patterns.doubtful.finditer(line):
        if _TRADE_AFTER.match(line, match.end()):
            yield patterns.tickers[match["name"].casefold()]


def _of_words(line: str, sure: set[str]) -> Iterator[str]:
    """Yield the tickers of a line that are words as well, where something beside them says that a coin is meant."""
    patterns = _patterns()
    if line.isupper():
        return
    for match in patterns.word.finditer(line):
        before = line[max(0, match.start() - _REACH) : match.start()]
        is_coin = (
            match["ticker"] in sure
            or _TRADE_AFTER.match(line, match.end())
            or _TRADE_BEFORE.search(before)
            or patterns.before_ticker.search(before)
            or patterns.after_ticker.match(line, match.end())
        )
        if is_coin:
            yield match["ticker"]
