"""What is said of a data file: its form, what it holds, and which rows were set aside by which rule."""

from enum import StrEnum
from typing import Any

import msgspec


class DataKind(StrEnum):
    """What a data file holds."""

    CANDLES = "candles"
    TRADES = "trades"
    CAPTURE = "capture"

    @property
    def is_candles(self) -> bool:
        """Whether the file is a table of candles."""
        return self is DataKind.CANDLES


class Certainty(StrEnum):
    """How sure it is that a file has a form, the surest first."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESSED = "guessed"


class RowsSetAside(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that broke one rule.

    Attributes:
        count: How many rows broke it.
        first_row: The number of the first of them; the first row of data is 1.
        first_value: What stood there, printable and short.
    """

    count: int
    first_row: int
    first_value: str


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a data file is.

    Attributes:
        form: The name of the form, such as ``binance-klines``.
        title: The form in words, such as ``candles as data.binance.vision gives them``.
        kind: What it holds.
        certainty: How sure that is.
        instrument: Such as ``BTC-USDT.BINANCE``; None where the file cannot tell.
        interval: Of candles, such as ``1h`` or ``2h``; None for others.
        n_rows: Rows or lines of data.
        n_good: Those that are used.
        n_bars: Of candles: the bars that they give, those in which nothing was traded included.
        rejected: The rows that were set aside, by the name of the rule that they broke first.
        first_ms: The first time of a good row; the open time of a candle.
        last_ms: The last time of a good row; the open time of a candle.
        warnings: Whole sentences about what is doubtful in the file.
    """

    form: str
    title: str
    kind: DataKind
    certainty: Certainty
    instrument: str | None = None
    interval: str | None = None
    n_rows: int = 0
    n_good: int = 0
    n_bars: int | None = None
    rejected: dict[str, RowsSetAside] = {}
    first_ms: int | None = None
    last_ms: int | None = None
    warnings: tuple[str, ...] = ()


def as_json(report: FileReport) -> dict[str, Any]:
    """Return a report as ``driftline inspect --json`` prints it."""
    return {
        "form": report.form,
        "kind": str(report.kind),
        "instrument": report.instrument,
        "interval": report.interval,
        "n_rows": report.n_rows,
        "n_good": report.n_good,
        "n_bars": report.n_bars,
        "rejected": {
            rule: {"count": rows.count, "first_row": rows.first_row, "first_value": rows.first_value}
            for rule, rows in report.rejected.items()
        },
        "first_ms": report.first_ms,
        "last_ms": report.last_ms,
        "warnings": list(report.warnings),
        "certainty": str(report.certainty),
        "refused": None,
    }
