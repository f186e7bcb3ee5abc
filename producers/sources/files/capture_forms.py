"""The forms of captures: recordings of a venue's WebSocket messages."""

from producers.sources.files.trades.forms import CaptureForm, TradeForm
from producers.sources.files.trades.messages import (
    BINANCE_MESSAGES,
    BYBIT_MESSAGES,
    COINBASE_MESSAGES,
    KRAKEN_MESSAGES,
)

CAPTURE_FORMS: tuple[TradeForm, ...] = (
    CaptureForm(BINANCE_MESSAGES),
    CaptureForm(COINBASE_MESSAGES),
    CaptureForm(KRAKEN_MESSAGES),
    CaptureForm(BYBIT_MESSAGES),
)
