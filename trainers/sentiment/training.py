"""Judges the fine-tuning by folds, and fits the network that is kept on all rows."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.sentiment.fine_tuning import Progress, Recipe, fine_tune, logits_of, softmax, tokenised
from trainers.sentiment.folds import fold_of_rows
from trainers.sentiment.labelled import LabelledTexts
from trainers.sentiment.networks import EncoderWithHead, load_network, load_tokenizer


class OutOfFold(NamedTuple):
    """What networks said about texts that they were not fitted on.

    Attributes:
        fold: Shape (n,): the fold of each row, from 0.
        probabilities: Shape (n, 3): of each label.
    """

    fold: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def out_of_fold(
    data: LabelledTexts, base: Path, recipe: Recipe, *, n_folds: int, seed: int, progress: Progress
) -> OutOfFold:
    """Fit one network for each fold on the other folds, and let it judge the fold.

    Args:
        data: The texts.
        base: The folder of the encoder.
        recipe: The same for every fold.
        n_folds: At least 2.
        seed: The seed of the folds; fold k is fitted with the seed plus k.
        progress: Told the share that is done, and what.
    """
    fold = fold_of_rows(data.texts, data.labels, n_folds=n_folds, seed=seed)
    tokens = tokenised(load_tokenizer(base), data.texts, recipe.max_length)
    probabilities = np.zeros((len(data.texts), 3))
    for held_out in range(n_folds):
        learnt, judged = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        network = fine_tune(
            load_network(base),
            tokens.rows(learnt),
            data.labels[learnt],
            recipe,
            seed=seed + held_out,
            progress=_part(progress, held_out, n_folds),
        )
        probabilities[judged] = softmax(logits_of(network, tokens.rows(judged)))
    return OutOfFold(fold, probabilities)


def fitted_on_all(
    data: LabelledTexts, base: Path, recipe: Recipe, *, seed: int, progress: Progress
) -> tuple[EncoderWithHead, Any]:
    """The network that is kept, and its tokenizer.

    Args:
        data: The texts; all of them are learnt.
        base: The folder of the encoder.
        recipe: That of the folds.
        seed: The seed of the order and of dropout.
        progress: Told the share that is done.
    """
    tokenizer = load_tokenizer(base)
    tokens = tokenised(tokenizer, data.texts, recipe.max_length)
    return fine_tune(load_network(base), tokens, data.labels, recipe, seed=seed, progress=progress), tokenizer


def _part(progress: Progress, number: int, n: int) -> Progress:
    """The progress of one fold, as that of the whole."""
    return lambda share, said: progress((number + share) / n, f"fold {number + 1} of {n}, {said}")
