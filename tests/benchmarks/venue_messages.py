"""What reading the messages of sockets costs: the recorded sessions of three venues, and a busy trade and quote of Binance.

``python -m tests.benchmarks.venue_messages`` prints the least processor time of five readings of each.
"""

import os
import re
from collections.abc import Callable, Sequence
from gzip import open as opened
from pathlib import Path

import click

from producers.sources.fetching import Fetcher
from producers.sources.venue_table import venue_of
from producers.sources.venues import Reading
from tests.benchmarks.trade_files import least_ms
from tests.fakes.exchanges import FakeKraken
from tests.fakes.markets import made_market

_ROOT = Path(__file__).resolve().parents[2]
SESSIONS = {
    "binance": ("BTC-USDT.BINANCE", "BINANCE.ws.1.0"),
    "coinbase": ("BTC-USD.COINBASE", "COINBASE.ws.28.0"),
    "kraken": ("BTC-USD.KRAKEN", "KRAKEN.ws.50.0"),
}
TRADE = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1735689600001,"s":"BTCUSDT","t":7,"p":"100.50000000","q":"0.25000000","T":1735689600000,"m":true,"M":true}}'
QUOTE = b'{"stream":"btcusdt@bookTicker","data":{"u":7,"s":"BTCUSDT","b":"100.10000000","B":"2.00000000","a":"100.20000000","A":"3.50000000"}}'


def messages(path: Path) -> list[bytes]:
    """The messages of a recorded session."""
    with opened(path) as lines:
        found = (re.match(rb"[\d.]+: (.*)", line.strip()) for line in lines)
        return [each[1] for each in found if each is not None]


def _show(what: str, payloads: Sequence[bytes], read: Callable[[bytes], Reading]) -> None:
    spent_ms = least_ms(lambda: [read(payload) for payload in payloads])
    click.echo(f"{what}: {len(payloads):,} messages, {1000 * spent_ms / len(payloads):.1f} us each")


def main(folder: Path) -> None:
    """Read every session and print what that cost."""
    nobody: Fetcher = FakeKraken(made_market())
    for source, (instrument, name) in SESSIONS.items():
        venue = venue_of(source, [instrument], nobody)
        _show(
            f"session of {source}",
            messages(folder / f"{name}.gz"),
            lambda payload, v=venue: v.read(payload, received_ms=0),
        )
    binance = venue_of("binance", ["BTC-USDT.BINANCE"], nobody)
    for what, payload in {"trade of binance": TRADE, "quote of binance": QUOTE}.items():
        _show(what, [payload] * 10_000, lambda each: binance.read(each, received_ms=0))


if __name__ == "__main__":
    recorded = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", _ROOT.parent / "shared" / "data"))
    main(recorded / "venue_messages" / "captures_2021-04")
