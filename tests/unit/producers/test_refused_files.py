"""Files that are refused in one line before they are read: pipes, encrypted archives, what is too long for memory."""

import gzip
import os
import socket
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from producers.sources.files.candles.reading import read_candle_file
from producers.sources.files.decompressing import head_of, opened, whole_of
from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import recognise
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.records import LONGEST_LINE_BYTES
from producers.sources.files.trades.surveys import survey_trades
from schemas.errors import ConfigurationError
from tests.fakes.trade_files import NOT_AFTER_MS, table_lines, trades, written


def test_pipes_sockets_and_devices_are_refused_before_they_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "btcusdt_binance_spot_1m.csv")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.csv")
        for path in (tmp_path / "btcusdt_binance_spot_1m.csv", Path("socket.csv"), Path("/dev/zero")):
            with pytest.raises(ConfigurationError, match="only a regular file can be read") as refused:
                recognise(path)
            assert "\n" not in str(refused.value)


def archive_with(path, **changes):
    """A zip archive of one file, whose flags or method are those of another archiver."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-trades-2025-06.csv", b"\n".join(table_lines(trades(), "binance trades")))
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    for begin, shift in ((0, 0), (central, 2)):
        for name, at in (("version", 4), ("flags", 6), ("method", 8)):
            if name in changes:
                content[begin + at + shift] = changes[name]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flags": 1}, "encrypted"),
        ({"method": 99}, "cannot be unpacked"),
        ({"version": 99}, "cannot be unpacked"),
    ],
)
def test_archives_that_cannot_be_unpacked_are_refused(tmp_path, changes, words):
    path = archive_with(tmp_path / "trades.zip", **changes)
    with pytest.raises(ConfigurationError, match=words) as refused:
        recognise(path)
    assert "\n" not in str(refused.value)


def test_text_that_is_too_long_for_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "btcusdt_binance_spot_1m.csv.gz"
    path.write_bytes(
        gzip.compress(b"timestamp,open,high,low,close,volume\n" + b"1616727600000,1,1,1,1,1\n" * 9_000)
    )
    with (
        opened(path) as file,
        pytest.raises(ConfigurationError, match="split it into smaller files, or convert"),
    ):
        whole_of(file, path.name, most_bytes=100_000)
    monkeypatch.setattr("producers.sources.files.decompressing.MOST_BYTES_AT_ONCE", 100_000)
    with pytest.raises(ConfigurationError, match="100,000 decompressed bytes"):
        read_candle_file(path, ReadRequest(NOT_AFTER_MS))


def test_zstd_is_read_as_a_stream_up_to_the_cut(tmp_path):
    path = tmp_path / "trades.zst"
    content = os.urandom(3_000_000)
    path.write_bytes(pa.compress(content, codec="zstd", asbytes=True)[:-1_000_000])
    with opened(path) as file:
        found = whole_of(file, path.name)
        assert file.fault is not None
    assert content.startswith(found)
    assert len(found) > 1_000_000
    assert head_of(path).layers == ("zstd",)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path):
    lines = table_lines(trades(), "binance trades")
    path = written(tmp_path / "BTCUSDT-trades-2025-06.csv", lines)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 4 * LONGEST_LINE_BYTES)
    survey = survey_trades(open_trades(path, instrument=None), ReadRequest(NOT_AFTER_MS))
    assert survey.n_good == len(lines)
    assert any("a line is longer than" in warning for warning in survey.warnings)


@pytest.mark.parametrize(
    "members", [["[Content_Types].xml", "xl/workbook.xml"], ["mimetype", "content.xml"], None]
)
def test_workbooks_are_refused_with_the_way_out(tmp_path, members):
    path = tmp_path / "btcusdt.xlsx"
    if members is None:
        path.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in members:
                archive.writestr(name, "<x/>")
    with pytest.raises(
        ConfigurationError, match="a workbook of a spreadsheet program: save its sheet as CSV"
    ):
        recognise(path)
