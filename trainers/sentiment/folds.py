"""Folds of labelled texts: stratified by label, and copies of one text in one fold.

A text that stands in a file twice must not be trained on and judged. So texts that are equal but for case, spaces and
punctuation are one group, and a group lies in one fold.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NO_WORD = re.compile(r"\W+")


def fold_of_rows(
    texts: Sequence[str], labels: NDArray[np.int8], *, n_folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold of each row, from 0.

    Groups are drawn in a random order, label by label, and dealt out in turn, so every fold has as many rows of each label
    as possible.

    Args:
        texts: n texts.
        labels: Shape (n,); a group has the label of its first row.
        n_folds: At least 2.
        seed: The seed of the order.

    Returns:
        Shape (n,).

    Raises:
        ValueError: If there are fewer groups than folds.
    """
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(_NO_WORD.sub(" ", text).strip().lower() or text, []).append(row)
    if not 2 <= n_folds <= len(groups):
        message = f"folds must be from 2 to the number of different texts, {len(groups)}, were {n_folds}"
        raise ValueError(message)
    generator = np.random.default_rng(seed)
    members = list(groups.values())
    order = generator.permutation(len(members))
    by_label = sorted(order, key=lambda group: int(labels[members[group][0]]))
    folds = np.empty(len(labels), dtype=np.int64)
    for turn, group in enumerate(by_label):
        folds[members[group]] = turn % n_folds
    return folds
