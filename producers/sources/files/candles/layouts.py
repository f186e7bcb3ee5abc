"""Recognises the form of a file of candles by its first bytes: how its table is written, and who writes so.

It imports nothing heavy, because the launcher asks it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from producers.sources.files.candles.amount_texts import amount_of
from producers.sources.files.candles.arrangements import arrangement_of
from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import Headings, plain_name
from producers.sources.files.candles.texts import TextShape, is_time, shape_of
from producers.sources.files.candles.time_order import order_by_time
from producers.sources.files.decompressing import FileHead
from producers.sources.files.json_rows import csv_of_json, is_json
from producers.sources.files.reports import Certainty

Container = Literal["csv", "json", "parquet", "feather"]

_MOST_NAMED_COLUMNS = 3
_LEAST_SHARE = 0.8
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_JSON_OF_CANDLES = re.compile(rb"[\"'](open|timestamp|time|date)[\"']\s*:\s*[{\[\"'\d]", re.IGNORECASE)


class Layout(NamedTuple):
    """How a file of candles is written.

    Attributes:
        form: The form's name.
        title: The form in words.
        container: What the file is written as.
        certainty: How sure it is that the file holds candles of this form.
        shape: Of a text; None for others.
        headings: Which column of a text means what.
    """

    form: str
    title: str
    container: Container
    certainty: Certainty
    shape: TextShape | None = None
    headings: Headings = Headings({})


def layout_of(head: FileHead) -> Layout | None:
    """Return how a file that begins so writes candles, or None if it does not seem to."""
    beginning = head.beginning
    if beginning.startswith(b"PAR1"):
        return Layout("parquet", "a parquet table", "parquet", Certainty.LIKELY)
    if beginning.startswith((b"ARROW1", b"FEA1")):
        return Layout(
            "feather", "a feather table, as pandas and freqtrade write", "feather", Certainty.LIKELY
        )
    if not is_json(beginning):
        return text_layout(beginning, "csv", is_whole=head.is_whole)
    found = text_layout(csv_of_json(beginning), "json", is_whole=True)
    if found is None and not head.is_whole and _JSON_OF_CANDLES.search(beginning):
        return Layout("json", "candles in JSON", "json", Certainty.GUESSED)
    return found


def text_layout(text: bytes, container: Container, *, is_whole: bool) -> Layout | None:
    """Return how a text writes candles, or None if it does not seem to.

    Args:
        text: The first bytes of the text.
        container: What the text was written as.
        is_whole: Whether the bytes are the whole text.
    """
    shape = shape_of(text, is_whole=is_whole)
    if shape is None:
        return None
    headings = shape.headings if shape.names is not None else _arranged(shape)
    if headings is None or (
        shape.names is not None and not _is_of_candles(headings) and _arranged(shape) is None
    ):
        return None
    form, title = _named(shape, headings, container)
    certainty = Certainty.CERTAIN if not headings.missing and shape.names is not None else Certainty.LIKELY
    if not _is_of_candles(headings):
        # The numbers seem to be candles, and the names say nothing: it is refused by its names.
        certainty = Certainty.GUESSED
    return Layout(form, title, container, certainty, shape, headings)


def _is_of_candles(headings: Headings) -> bool:
    """Whether enough columns of candles are there to say that the others are missing."""
    prices = sum(role in headings.positions for role in (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE))
    return prices >= _MOST_NAMED_COLUMNS


def _arranged(shape: TextShape) -> Headings | None:
    """What the columns of a text without a header mean."""
    rows = [row for row in shape.sample if len(row) == shape.n_columns]
    if not rows:
        return None
    times = [i for i in range(min(3, shape.n_columns)) if _mostly(is_time, rows, i)]
    if not times:
        return None
    first = times[-1] + 1
    has_clock = _mostly(lambda cell: bool(_CLOCK.fullmatch(cell.strip())), rows, first)
    by_time = [rows[i] for i in order_by_time(rows, [*times, first] if has_clock else times)]
    numbers = [
        [amount_of(cell, has_decimal_comma=shape.has_decimal_comma) for cell in row] for row in by_time
    ]
    found = arrangement_of(numbers, first + has_clock)
    if found is None:
        return None
    # A day may stand before the whole time; of equally fine columns the first is taken.
    finest = max(times, key=lambda column: len({row[column] for row in rows}))
    own = {Role.DATE: times[0], Role.TIME_OF_DAY: first} if has_clock else {Role.OPEN_TIME: finest}
    return Headings({**own, **found.positions})


def _mostly(says: Callable[[str], bool], rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether nearly all cells of a column are of a kind; single ones may be wrong."""
    return sum(says(row[column]) for row in rows) >= _LEAST_SHARE * len(rows)


class _Clues(NamedTuple):
    """What tells the forms of text apart: names as they are and plain, the order of the roles, the container."""

    written: tuple[str, ...]
    names: tuple[str, ...]
    order: tuple[Role, ...]
    container: Container


def _named(shape: TextShape, headings: Headings, container: Container) -> tuple[str, str]:
    written = shape.names or ()
    order = tuple(sorted(headings.positions, key=lambda role: headings.positions[role]))
    clues = _Clues(written, tuple(plain_name(name) for name in written), order, container)
    found = next((form for form, says in _FORMS if says(clues)), None)
    return (container, f"candles in {container.upper()}") if found is None else (found, _TITLES[found])


_Says = Callable[[_Clues], bool]


def _has(*needed: str) -> _Says:
    return lambda clues: set(needed) <= set(clues.names)


def _begins(*roles: Role) -> _Says:
    return lambda clues: not clues.names and clues.order[: len(roles)] == roles


_O, _H, _L, _C, _V, _T = Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE, Role.VOLUME, Role.OPEN_TIME
_KAGGLE = ("Timestamp", "Open", "High", "Low", "Close", "Volume")
_KRAKEN = (_T, _O, _H, _L, _C, _V, Role.N_TRADES)
_TITLES = {
    "binance-klines": "candles as Binance's data archive gives them",
    "coinmarketcap": "history as CoinMarketCap gives it",
    "yahoo": "history as Yahoo gives it",
    "yfinance": "history as yfinance writes it",
    "investing": "history as Investing.com gives it",
    "cryptodatadownload": "candles as CryptoDataDownload gives them",
    "kaggle-minutes": "candles as Kaggle's Bitcoin history has them",
    "coinbase": "candles as Coinbase gives them",
    "kucoin": "candles as KuCoin gives them",
    "kraken-ohlcvt": "candles as Kraken's archive gives them",
    "ohlcv-arrays": "arrays of candles, as ccxt and freqtrade write them",
}
#: The first form whose test holds is taken.
_FORMS: Sequence[tuple[str, _Says]] = (
    ("binance-klines", _has("opentime", "closetime")),
    ("binance-klines", _begins(_T, _O, _H, _L, _C, _V, Role.CLOSE_TIME)),
    ("coinmarketcap", _has("timeopen", "timehigh")),
    ("yahoo", _has("date", "adjclose")),
    ("yfinance", lambda clues: clues.names[:1] == ("price",)),
    ("investing", _has("price", "vol", "change")),
    ("cryptodatadownload", _has("unix", "symbol")),
    ("cryptodatadownload", _has("date", "symbol", "open")),
    ("kaggle-minutes", _has("weightedprice")),
    ("kaggle-minutes", lambda clues: clues.written == _KAGGLE and clues.container == "csv"),
    ("coinbase", lambda clues: clues.order[:6] == (_T, _L, _H, _O, _C, _V)),
    ("kucoin", _begins(_T, _O, _C, _H, _L, _V)),
    ("kraken-ohlcvt", lambda clues: clues.container == "csv" and not clues.names and clues.order == _KRAKEN),
    ("ohlcv-arrays", lambda clues: clues.container == "json" and not clues.names),
)
