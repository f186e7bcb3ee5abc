"""Labelled texts from other people's files.

They name their columns in many ways, and some have no header at all. Columns are found by their name
first, then by their content: the labels are the column in which every cell is a label, the texts are the longest
column. Rows without a text or without a label, and rows with more cells than columns, are left out and counted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from trainers.sentiment.labels import is_label, read_labels
from trainers.sentiment.record_files import cell, named_column, read_records

_TEXT_NAMES = ("text", "headline", "sentence", "title", "content", "tweet", "news", "body", "review")
_LABEL_NAMES = (
    "label",
    "sentiment",
    "sentiment score",
    "score",
    "class",
    "target",
    "polarity",
    "final manual labelling",
)
_N_JUDGED = 200


class LabelledTexts(NamedTuple):
    """The texts of a file with their labels.

    Attributes:
        name: The name of the file, without its endings.
        texts: n of them.
        labels: Shape (n,): the index of each label in :data:`.labels.LABELS`.
        mapping: How the labels were read, in words.
        n_left_out: Rows without a text or without a label, or with more cells than columns.
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


ANY = Columns()


def read_labelled(path: Path, columns: Columns = ANY, stated: Mapping[str, int] = {}) -> LabelledTexts:
    """Read a file of labelled texts.

    Args:
        path: The file, compressed by gzip or not.
        columns: The names of its columns.
        stated: What its labels mean, if the user said it.

    Raises:
        ConfigurationError: If the file cannot be read, its columns are not found, or its labels have no certain meaning.
    """
    records = read_records(path)
    text, label = _chosen(records, columns, path.name)
    rows = [(cell(record.get(text)), cell(record.get(label))) for record in records]
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


def _chosen(records: Sequence[Mapping[str, Any]], columns: Columns, name: str) -> tuple[str, str]:
    """The names of the columns of texts and labels."""
    known = list(dict.fromkeys(key for record in records[:_N_JUDGED] for key in record))
    for wanted, option in ((columns.text, "--text"), (columns.label, "--label")):
        if wanted is not None and wanted not in known:
            message = f"{option} must name a column of {name}: {', '.join(known)}; was {wanted!r}"
            raise ConfigurationError(message)
    label = columns.label or named_column(known, _LABEL_NAMES) or _column_of_labels(records, known)
    others = [column for column in known if column != label]
    text = columns.text or named_column(others, _TEXT_NAMES) or _longest(records, others)
    if label is None or text is None:
        message = (
            f"{name} must have a column of texts and one of labels, has {', '.join(known) or 'none'}: "
            "name them by --text and --label"
        )
        raise ConfigurationError(message)
    return text, label


def _column_of_labels(records: Sequence[Mapping[str, Any]], known: Sequence[str]) -> str | None:
    """The column of few different cells, each of which is a label."""
    for column in known:
        cells = [cell(record.get(column)) for record in records[:_N_JUDGED]]
        if all(is_label(cell) for cell in cells if cell) and len(set(cells)) <= max(3, len(cells) // 10):
            return column
    return None


def _longest(records: Sequence[Mapping[str, Any]], known: Sequence[str]) -> str | None:
    lengths = {
        column: sum(len(cell(record.get(column))) for record in records[:_N_JUDGED]) for column in known
    }
    return max(lengths, key=lambda column: lengths[column], default=None)
