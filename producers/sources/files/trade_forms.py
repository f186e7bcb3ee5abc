"""The forms of files of trades."""

from producers.normalise.trades import TradeKind
from producers.sources.files.reports import Certainty
from producers.sources.files.trades.forms import TableForm, TradeForm
from producers.sources.files.trades.layouts import TableLayout
from producers.sources.files.trades.venues import NamedTrades


def _is_binance(layout: TableLayout, kind: TradeKind) -> Certainty | None:
    is_of_binance = "maker" in layout.columns and "symbol" not in layout.columns and layout.market is not None
    return Certainty.CERTAIN if is_of_binance and layout.kind is kind else None


def _is_tardis(layout: TableLayout) -> Certainty | None:
    return Certainty.CERTAIN if {"exchange", "symbol", "local"} <= layout.columns.keys() else None


def _is_dump_of(layout: TableLayout, exchange: str) -> Certainty | None:
    return Certainty.CERTAIN if layout.exchange == exchange else None


def _is_kraken(layout: TableLayout, named: NamedTrades | None) -> Certainty | None:
    if not layout.is_time_and_sales:
        return None
    return Certainty.GUESSED if named is None else Certainty.LIKELY


def _is_table(layout: TableLayout) -> Certainty | None:
    if not layout.has_heading:
        return None
    says_more = {"id", "side", "maker"} & layout.columns.keys()
    return Certainty.LIKELY if says_more else Certainty.GUESSED


TRADE_FORMS: tuple[TradeForm, ...] = (
    TableForm(
        "binance-trades",
        "trades as data.binance.vision gives them",
        lambda layout, _: _is_binance(layout, TradeKind.SINGLE),
    ),
    TableForm(
        "binance-agg-trades",
        "aggregate trades as data.binance.vision gives them",
        lambda layout, _: _is_binance(layout, TradeKind.AGGREGATE),
    ),
    TableForm("tardis-trades", "trades as Tardis gives them", lambda layout, _: _is_tardis(layout)),
    TableForm(
        "bitmex-trades", "trades as BitMEX gives them", lambda layout, _: _is_dump_of(layout, "bitmex")
    ),
    TableForm("bybit-trades", "trades as Bybit gives them", lambda layout, _: _is_dump_of(layout, "bybit")),
    TableForm("kraken-trades", "Kraken's time and sales", _is_kraken),
    TableForm("trade-table", "a table of trades with a heading", lambda layout, _: _is_table(layout)),
)
