"""Numbers with exactly three digits after their mark are read as the file's separator and other numbers say."""

import numpy as np
import pytest

from tests.fakes.candle_files import FIRST_MS, read_file

N = 60
CLOSES = 51.697 + 0.003 * np.arange(N)


def _file(path, write, write_volume, separator=";"):
    rows = ["timestamp;open;high;low;close;volume".replace(";", separator)]
    for i, close in enumerate(CLOSES):
        cells = [
            *(write(value) for value in (close, close + 0.002, close - 0.002, close)),
            write_volume(3.125),
        ]
        rows.append(separator.join([str(FIRST_MS + i * 60_000), *cells]))
    path.write_text("\n".join(rows) + "\n")
    return read_file(path)


def comma(value):
    return f"{value:.3f}".replace(".", ",")


def point(value):
    return f"{value:.3f}"


def thousands_with_commas(value):
    return f"{value * 1000:,.0f}"


def doubts(found):
    return [warning for warning in found.report.warnings if "decimal point" in warning]


def test_a_comma_between_semicolons_begins_decimals(tmp_path):
    found = _file(tmp_path / "a.csv", comma, comma)
    np.testing.assert_allclose(found.columns["close"], CLOSES.round(3))
    np.testing.assert_allclose(found.columns["volume"], 3.125)
    assert not doubts(found)


@pytest.mark.parametrize("volume", [lambda _: "0.512", lambda _: "1,234.5", lambda _: "12.75"])
def test_a_comma_groups_thousands_if_another_number_has_a_decimal_point(volume, tmp_path):
    found = _file(tmp_path / "a.csv", thousands_with_commas, volume)
    np.testing.assert_allclose(found.columns["close"], (CLOSES * 1000).round())


def test_a_comma_groups_thousands_between_tabs(tmp_path):
    found = _file(tmp_path / "a.csv", thousands_with_commas, point, "\t")
    np.testing.assert_allclose(found.columns["close"], (CLOSES * 1000).round())


@pytest.mark.parametrize("volume", [point, lambda value: f"{value:.4f}", lambda _: "7"])
def test_a_point_before_three_digits_between_semicolons_is_doubtful(volume, tmp_path):
    found = _file(tmp_path / "a.csv", point, volume)
    np.testing.assert_allclose(found.columns["close"], CLOSES.round(3))
    assert "such as 51.697" in doubts(found)[0]


def test_a_point_groups_thousands_if_another_number_has_a_decimal_comma(tmp_path):
    found = _file(tmp_path / "a.csv", point, lambda _: "3,5")
    np.testing.assert_allclose(found.columns["close"], (CLOSES * 1000).round())
    assert not doubts(found)


@pytest.mark.parametrize("write", [lambda value: f"{value:.2f}", lambda value: f"{value:.4f}"])
def test_other_points_between_semicolons_are_not_doubtful(write, tmp_path):
    assert not doubts(_file(tmp_path / "a.csv", write, lambda _: "7"))
