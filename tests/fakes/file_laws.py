"""What must hold of any file of candles: it is read to its true rows, or refused in one line, and nothing is silent."""

from pathlib import Path

import numpy as np

from producers.sources.files.candles.reading import CandleFile
from schemas.errors import ConfigurationError
from tests.fakes.candle_files import read_file
from tests.fakes.faulty_files import FaultyFile, written
from tests.fakes.written_forms import NAMES

_LONGEST_REFUSAL = 700


def verdict(file: FaultyFile, folder: Path) -> str | None:
    """Read a file, and return None if it was read truly, or the refusal.

    Raises:
        AssertionError: If it was believed although it is wrong, or anything else than one line was raised.
    """
    path = written(file, folder)
    try:
        found = read_file(path)
    except ConfigurationError as error:
        refusal = str(error)
    else:
        _check_values(found, file)
        _check_counts(found, file)
        return None
    assert refusal.isprintable(), file.what
    assert len(refusal) < _LONGEST_REFUSAL, file.what
    return refusal


def _check_values(found: CandleFile, file: FaultyFile) -> None:
    starts = found.columns["start_ms"].tolist()
    added = found.columns.get("n_trades")
    for i, start_ms in enumerate(starts):
        if start_ms not in file.truth:
            # A bar without a trade stands where the file has an empty row.
            assert added is not None, (file.what, start_ms)
            assert added[i] == 0, (file.what, start_ms)
            assert found.columns["volume"][i] == 0, file.what
            continue
        if i == len(starts) - 1 and any(
            "last line has no end" in warning for warning in found.report.warnings
        ):
            continue
        values = [found.columns[name][i] for name in NAMES]
        np.testing.assert_allclose(values, file.truth[start_ms], rtol=file.form.tolerance, err_msg=file.what)


def _check_counts(found: CandleFile, file: FaultyFile) -> None:
    report = found.report
    n_set_aside = sum(rows.count for rows in report.rejected.values())
    missing = set(file.truth) - set(found.columns["start_ms"].tolist())
    assert missing <= file.touched, (file.what, sorted(missing)[:3])
    assert report.n_good + n_set_aside == report.n_rows, file.what
    assert file.n_lines in (None, report.n_rows), (file.what, report.n_rows, file.n_lines)
    is_silent = not n_set_aside and not report.warnings
    assert not (file.touched and is_silent), file.what
