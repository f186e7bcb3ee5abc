"""Labelled texts from files of many forms: CSV and its relatives, JSON, JSON lines, Parquet, and ``text@label``.

Other people's files name their columns in many ways, and some have no header at all. Columns are found by their name
first, then by their content: the labels are the column in which every cell is a label, the texts are the longest
column. Rows without a text or without a label are left out and counted.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from trainers.sentiment.labels import is_label, read_labels

_TEXT_NAMES = ("text", "headline", "sentence", "title", "content", "tweet", "news", "body", "review")
_LABEL_NAMES = ("label", "sentiment", "sentiment score", "score", "class", "target", "polarity", "final manual labelling")
_DELIMITERS = "\t;|,"
_LONGEST_CELL = 10_000_000
_N_JUDGED = 200


class LabelledTexts(NamedTuple):
    """The texts of a file with their labels.

    Attributes:
        name: The name of the file, without its endings.
        texts: n of them.
        labels: Shape (n,): the index of each label in :data:`.labels.LABELS`.
        mapping: How the labels were read, in words.
        n_left_out: Rows without a text or without a label.
    """

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.int8]
    mapping: str
    n_left_out: int = 0

    def rows(self, chosen: NDArray[np.intp]) -> "LabelledTexts":
        """The rows of these numbers."""
        return self._replace(texts=tuple(self.texts[row] for row in chosen), labels=self.labels[chosen])


class Columns(NamedTuple):
    """The columns that a user named; None finds them."""

    text: str | None = None
    label: str | None = None


def read_labelled(
    path: Path, columns: Columns = Columns(), stated: Mapping[str, int] = {}
) -> LabelledTexts:
    """Read a file of labelled texts.

    Args:
        path: The file, compressed by gzip or not.
        columns: The names of its columns.
        stated: What its labels mean, if the user said it.

    Raises:
        ConfigurationError: If the file cannot be read, its columns are not found, or its labels have no certain meaning.
    """
    records = _records(path)
    text, label = _chosen(records, columns, path.name)
    rows = [(_cell(record.get(text)), _cell(record.get(label))) for record in records]
    whole = [(words, written) for words, written in rows if words and written]
    if not whole:
        message = f"{path.name} must have rows with a text and a label, has none in {text!r} and {label!r}"
        raise ConfigurationError(message)
    read = read_labels([written for _, written in whole], path.name, stated)
    return LabelledTexts(
        name=path.name.split(".")[0],
        texts=tuple(words for words, _ in whole),
        labels=read.labels,
        mapping=read.mapping,
        n_left_out=len(rows) - len(whole),
    )


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _records(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, each by the names of its columns."""
    endings = [ending.lower() for ending in path.suffixes]
    if ".parquet" in endings:
        return _parquet(path)
    text = _text_of(path)
    if ".json" in endings or ".jsonl" in endings or text.lstrip()[:1] in {"{", "["}:
        return _json(text, path.name)
    first_lines = text.splitlines()[:_N_JUDGED]
    if first_lines and all(is_label(line.rpartition("@")[2]) for line in first_lines if line.strip()):
        pairs = (line.rpartition("@") for line in text.splitlines())
        return [{"text": words, "label": label} for words, at, label in pairs if at]
    return _table(text)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error
    return rows


def _json(text: str, name: str) -> list[dict[str, Any]]:
    """A list of objects, an object of objects, or one object on each line."""
    try:
        found: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        try:
            found = [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
        except msgspec.DecodeError as error:
            message = f"{name} is neither JSON nor JSON lines: {error}"
            raise ConfigurationError(message) from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 and len(found) < len(lists[0]) else list(found.values())
    return [_flat(record) for record in found if isinstance(record, dict)]


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the scores of its inner objects beside its own fields; of several scores their mean."""
    flat = {key: value for key, value in record.items() if not isinstance(value, (dict, list))}
    for inner in record.values():
        objects = [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
        scores = [score for each in objects if (score := _float(each.get("sentiment_score"))) is not None]
        if scores:
            flat.setdefault("sentiment_score", repr(sum(scores) / len(scores)))
    return flat


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _table(text: str) -> list[dict[str, Any]]:
    csv.field_size_limit(_LONGEST_CELL)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    if not rows:
        return []
    has_header = not any(is_label(cell) for cell in rows[0])
    names = rows[0] if has_header else [f"column {number}" for number in range(1, len(rows[0]) + 1)]
    return [dict(zip(names, row, strict=False)) for row in rows[has_header:]]


def _chosen(records: Sequence[Mapping[str, Any]], columns: Columns, name: str) -> tuple[str, str]:
    """The names of the columns of texts and labels."""
    known = list(dict.fromkeys(key for record in records[:_N_JUDGED] for key in record))
    for wanted, option in ((columns.text, "--text"), (columns.label, "--label")):
        if wanted is not None and wanted not in known:
            message = f"{option} must name a column of {name}: {', '.join(known)}; was {wanted!r}"
            raise ConfigurationError(message)
    label = columns.label or _named(known, _LABEL_NAMES) or _column_of_labels(records, known)
    others = [column for column in known if column != label]
    text = columns.text or _named(others, _TEXT_NAMES) or _longest(records, others)
    if label is None or text is None:
        message = (
            f"{name} must have a column of texts and one of labels, has {', '.join(known) or 'none'}: "
            "name them by --text and --label"
        )
        raise ConfigurationError(message)
    return text, label


def _named(known: Sequence[str], names: Iterable[str]) -> str | None:
    plain = {column.strip().lower().replace("_", " "): column for column in reversed(known)}
    return next((plain[name] for name in names if name in plain), None)


def _column_of_labels(records: Sequence[Mapping[str, Any]], known: Sequence[str]) -> str | None:
    """The column of few different cells, each of which is a label."""
    for column in known:
        cells = [_cell(record.get(column)) for record in records[:_N_JUDGED]]
        if all(is_label(cell) for cell in cells if cell) and len(set(cells)) <= max(3, len(cells) // 10):
            return column
    return None


def _longest(records: Sequence[Mapping[str, Any]], known: Sequence[str]) -> str | None:
    lengths = {
        column: sum(len(_cell(record.get(column))) for record in records[:_N_JUDGED]) for column in known
    }
    return max(lengths, key=lambda column: lengths[column], default=None)
