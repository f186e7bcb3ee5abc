"""``make bench-recording``: what a day of the platform's own recording costs, by the recorded captures.

Every message of a capture is read by the adapter of its venue and given to the recorder, which writes a part for each
minute of the capture and then makes one file of the day. ``FLUSH_S=`` is the length of a part.
"""

import gzip
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from producers.jobs.recording.recorder_options import RecorderOptions
from producers.jobs.recording.recorders import FileRecorder
from producers.jobs.recording.usage import DayCost, costs, recorded_days
from producers.sources.fetching import Fetched, Fetcher
from producers.sources.sockets import Received
from producers.sources.venue_table import venue_of
from producers.sources.venues import Reading
from schemas.wire.clocks import ManualClock
from tests.benchmarks.reporting import Figure, report

DATA = Path(os.environ.get("DRIFTLINE_RECORDED_DATA") or "../shared/data") / "ticks"
FLUSH_S = float(os.environ.get("FLUSH_S") or 60)
CAPTURES = {
    "binance": ("BTC-USDT.BINANCE", "binance_ws_spot_btcusdt_20240809.gz"),
    "binance-futures": ("BTC-USDT-PERP.BINANCE", "binance_ws_usdm_btcusdt_20240808.gz"),
}


class _NoFetcher(Fetcher):
    """Asks nobody: captures hold messages of sockets alone."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Measured(NamedTuple):
    """What recording a capture took."""

    parts: list[DayCost]
    day: list[DayCost]
    per_message_us: float
    flush_s: float
    merge_s: float


def _readings(source: str, instrument: str, path: Path) -> list[tuple[int, Reading]]:
    venue = venue_of(source, [instrument], _NoFetcher())
    return [(at_ms, venue.read(payload, received_ms=at_ms)) for at_ms, payload in _messages(path)]


def _messages(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path) as lines:
        for line in lines:
            local_ns, _, payload = line.rstrip().partition(b" ")
            yield int(local_ns) // 1_000_000, payload


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _measured(source: str, readings: list[tuple[int, Reading]], folder: Path) -> Measured:
    clock = ManualClock(now_ms=readings[0][0])
    recorder = FileRecorder(folder, clock, stream="live", options=RecorderOptions(flush_s=FLUSH_S))
    flush_s, due_ms, began = 0.0, clock.now_ms() + FLUSH_S * 1000, time.perf_counter()
    for at_ms, reading in readings:
        if at_ms >= due_ms:
            clock.sleep((at_ms - clock.now_ms()) / 1000)
            flush_s += _timed(recorder.flush)
            due_ms += FLUSH_S * 1000
        recorder.record(source, Received(b"", at_ms), reading)
    clock.sleep((readings[-1][0] - clock.now_ms()) / 1000)
    flush_s += _timed(recorder.flush)
    per_message_us = 1e6 * (time.perf_counter() - began - flush_s) / len(readings)
    parts = costs(list(recorded_days(folder)))
    clock.sleep(2 * 86_400)
    merge_s = _timed(recorder.merge)
    return Measured(parts, costs(list(recorded_days(folder))), per_message_us, flush_s, merge_s)


def _figures(source: str, n_messages: int, found: Measured) -> Iterator[Figure]:
    for parts, day in zip(found.parts, found.day, strict=True):
        what = f"{source}: {day.kind}"
        yield _figure(f"{what}, rows", day.rows_a_day, "rows a day")
        yield _figure(f"{what}, parts of {FLUSH_S:g} s", parts.bytes_a_day / 1e6, "MB a day")
        yield _figure(f"{what}, one file", day.bytes_a_day / 1e6, "MB a day")
    yield _figure(f"{source}: a message, in the thread of its follower", found.per_message_us, "us")
    yield _figure(
        f"{source}: writing the parts, for each 100,000 messages", 1e5 * found.flush_s / n_messages, "s"
    )
    yield _figure(
        f"{source}: one file of the parts, for each 100,000 messages", 1e5 * found.merge_s / n_messages, "s"
    )


def _figure(metric: str, value: float, unit: str) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=None, holds=None)


def main() -> None:
    """Print the cost of a day of each source and kind."""
    figures: list[Figure] = []
    for source, (instrument, name) in CAPTURES.items():
        readings = _readings(source, instrument, DATA / name)
        with tempfile.TemporaryDirectory() as folder:
            figures += _figures(source, len(readings), _measured(source, readings, Path(folder)))
    report("recording", figures)


if __name__ == "__main__":
    main()
