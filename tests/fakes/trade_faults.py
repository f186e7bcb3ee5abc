"""Makes files of trades of every form with random faults, and states what is true of them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fakes.trade_files import (
    COMPRESSIONS,
    MESSAGES,
    STAMPS,
    TABLES,
    Trade,
    capture_lines,
    table_lines,
    written,
)

#: Times that no trade of the tests has.
WRONG_MS = (0, -1, 1, 1_000_000_000_000, 9_223_372_036_854, 4_102_444_800_000)
_NOISE = (
    b"",
    b"\0" * 100,
    b"hello",
    b'{"result":null,"id":1}',
    b"<html>",
    b'{"stream":"btc',
    b",,,,,,,,",
    b"[]",
)


def _cut_off(data: bytes, *, is_compressed: bool) -> bytes:
    """Text keeps a few bytes of its last line: of a last number that lost a digit nobody could tell."""
    return data if is_compressed else data[: data.rfind(b"\n") + 8]


class FaultyFile(NamedTuple):
    """A file, and what is true of it.

    Attributes:
        path: Where it is.
        instrument: Of its trades.
        kept: The trades whose lines are whole, by time.
        is_partial: Whether more trades than the others may be set aside: the file was cut off, or its clock changed.
        has_ids: Whether its lines state ids.
        faults: What was done to it.
    """

    path: Path
    instrument: str
    kept: list[Trade]
    is_partial: bool
    has_ids: bool
    faults: tuple[str, ...]


class _Draft:
    """Lines, each with the trade in it, that faults change."""

    def __init__(
        self, chance: random.Random, lines: Sequence[bytes], found: Sequence[Trade], heading: bytes | None
    ) -> None:
        self.chance = chance
        self.lines: list[tuple[bytes, Trade | None]] = list(zip(lines, found, strict=True))
        self.heading = heading
        self.end = b"\n"
        self.is_partial = False
        self.cut_bytes = 0

    def place(self) -> int:
        """Return the number of a line that holds a trade."""
        places = [i for i, (_, trade) in enumerate(self.lines) if trade is not None]
        return self.chance.choice(places)

    def spoil(self, change: Callable[[bytes, Trade], bytes]) -> None:
        """Change a line so that its trade cannot be read."""
        i = self.place()
        line, trade = self.lines[i]
        assert trade is not None
        changed = change(line, trade)
        if changed != line:
            self.lines[i] = (changed, None)


def _wrong_time(draft: _Draft) -> None:
    wrong_ms = draft.chance.choice(WRONG_MS)
    draft.spoil(lambda line, trade: _replaced_last(line, b"%d" % (trade.time_ms // 10**7), wrong_ms))


def _replaced_last(line: bytes, beginning: bytes, value: int) -> bytes:
    """The line with its last number that begins so replaced: in a message that is the venue's time."""
    at = line.rfind(beginning)
    if at < 0:
        return line
    end = at
    while end < len(line) and line[end : end + 1].isdigit():
        end += 1
    return line[:at] + str(value).encode() + line[end:]


def _broken_line(draft: _Draft) -> None:
    keep = draft.chance.uniform(0.05, 0.4)
    draft.spoil(lambda line, _: line[: int(keep * len(line))])


def _negative_price(draft: _Draft) -> None:
    draft.spoil(
        lambda line, trade: line.replace(f"{trade.price:.2f}".encode(), f"-{trade.price:.2f}".encode())
    )


def _noise(draft: _Draft) -> None:
    draft.lines.insert(draft.chance.randrange(len(draft.lines)), (draft.chance.choice(_NOISE), None))


def _repeat(draft: _Draft) -> None:
    i = draft.place()
    draft.lines.insert(i, draft.lines[i])


def _swap(draft: _Draft) -> None:
    i = draft.chance.randrange(1, len(draft.lines))
    draft.lines[i - 1], draft.lines[i] = draft.lines[i], draft.lines[i - 1]


def _carriage_returns(draft: _Draft) -> None:
    draft.end = b"\r\n"


def _cut(draft: _Draft) -> None:
    draft.cut_bytes = draft.chance.randrange(1, 400)
    draft.is_partial = True


def _reversal(draft: _Draft) -> None:
    draft.lines.reverse()


def _clock_change(draft: _Draft) -> None:
    """The recorder's clock is set to another time from one line on."""
    step_s = draft.chance.choice((-3_600, -30, 40, 600, 3_600))
    begin = draft.chance.randrange(1, len(draft.lines))
    for i in range(begin, len(draft.lines)):
        line, trade = draft.lines[i]
        stamp, _, message = line.partition(b" ")
        if stamp.isdigit() and len(stamp) == 19:
            draft.lines[i] = (b"%d %s" % (int(stamp) + step_s * 10**9, message), trade)
            draft.is_partial = True


FAULTS: dict[str, Callable[[_Draft], None]] = {
    "wrong time": _wrong_time,
    "broken line": _broken_line,
    "negative price": _negative_price,
    "noise": _noise,
    "repeat": _repeat,
    "swap": _swap,
    "carriage returns": _carriage_returns,
    "cut": _cut,
    "clock change": _clock_change,
    "reversal": _reversal,
}
_OF_CAPTURES_ALONE = {"clock change"}
_OF_TABLES_ALONE = {"reversal"}


def faulty_file(folder: Path, found: Sequence[Trade], seed: int) -> FaultyFile:
    """Write a file of a random form with up to four faults.

    Args:
        folder: Where to.
        found: The trades, by time.
        seed: Of everything that is random.
    """
    chance = random.Random(seed)
    is_capture = chance.random() < 0.5
    if is_capture:
        form = chance.choice(sorted(MESSAGES))
        stamp = chance.choice(sorted(STAMPS))
        name, heading = "capture", None
        lines = capture_lines(found, stamp=stamp, message=MESSAGES[form])
    else:
        form, stamp = chance.choice(sorted(TABLES)), ""
        name, title, _ = TABLES[form]
        heading = None if title is None else title.encode()
        lines = table_lines(found, form)[0 if title is None else 1 :]
    draft = _Draft(chance, lines, found, heading)
    possible = sorted(set(FAULTS) - (_OF_TABLES_ALONE if is_capture else _OF_CAPTURES_ALONE))
    faults = chance.sample(possible, chance.randrange(5))
    for fault in faults:
        for _ in range(chance.choice((1, 1, 3))):
            FAULTS[fault](draft)
    ending = chance.choice(sorted(COMPRESSIONS))
    path = written(
        folder / f"{name}{ending}",
        [*([] if draft.heading is None else [draft.heading]), *(line for line, _ in draft.lines)],
        end=draft.end,
    )
    if draft.cut_bytes:
        path.write_bytes(_cut_off(path.read_bytes()[: -draft.cut_bytes], is_compressed=bool(ending)))
    kept = sorted({trade for _, trade in draft.lines if trade is not None}, key=lambda trade: trade.time_ms)
    return FaultyFile(
        path,
        INSTRUMENTS[form],
        kept,
        draft.is_partial,
        form not in {"kraken", "bybit"},
        (form, stamp, ending, *faults),
    )


INSTRUMENTS = dict.fromkeys((*MESSAGES, *TABLES), "BTC-USDT.BINANCE") | {
    "futures": "BTC-USDT-PERP.BINANCE",
    "coinbase": "BTC-USD.COINBASE",
    "kraken": "BTC-USD.KRAKEN",
    "bybit": "BTC-USDT-PERP.BYBIT",
    "binance futures trades": "BTC-USDT-PERP.BINANCE",
    "binance futures aggTrades": "BTC-USDT-PERP.BINANCE",
    "tardis": "BTC-USDT-PERP.BINANCE",
}
