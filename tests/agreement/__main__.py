"""Prints what the three commands say of each case, and ends with 1 where they disagree: ``make check-cases``."""

import os
import sys
import tempfile
from pathlib import Path

from tests.agreement.judging import disagreements
from tests.agreement.readings import Reading, Readings, readings_of


def cases(folder: Path) -> list[Path]:
    """Return the files of all cases, folder by folder."""
    return sorted(path for path in folder.glob("*/*") if path.name != "README")


def _cell(one: Reading) -> str:
    if one.refused is not None:
        return f"refused: {one.refused}"
    told = (
        one.instrument,
        one.interval,
        one.n_bars,
        None if one.n_left_out is None else f"-{one.n_left_out}",
    )
    return " ".join("." if word is None else str(word) for word in told)


def _lines(name: str, found: Readings, wrong: list[str]) -> list[str]:
    parts = [("inspect", found.inspect), ("evaluate", found.evaluate), ("up", found.up)]
    head = f"{'AGREE' if not wrong else 'DIFFER'}  {name}  ({found.kind or 'refused'}, {found.seconds:.1f} s)"
    return [
        head,
        *(f"    {what:<9}{_cell(one)}" for what, one in parts),
        *(f"    !! {words}" for words in wrong),
    ]


def main() -> int:
    """Print the table."""
    folder = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", "../shared/data")) / "cases"
    files, n_wrong = cases(folder), 0
    with tempfile.TemporaryDirectory() as room:
        for path in files:
            found = readings_of(path, Path(room))
            wrong = disagreements(found)
            n_wrong += bool(wrong)
            sys.stdout.write("\n".join(_lines(str(path.relative_to(folder)), found, wrong)) + "\n")
    sys.stdout.write(f"{len(files)} files, {n_wrong} of which the commands disagree about\n")
    return 1 if n_wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
