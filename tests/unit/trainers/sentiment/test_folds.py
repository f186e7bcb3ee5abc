"""Folds of labelled texts."""

import numpy as np
import pytest

from trainers.sentiment.folds import fold_of_rows


def texts_and_labels(n=103):
    labels = np.random.default_rng(1).integers(0, 3, n).astype(np.int8)
    return [f"text number {row}" for row in range(n)], labels


def test_every_fold_has_as_many_rows_of_each_label():
    texts, labels = texts_and_labels()
    fold = fold_of_rows(texts, labels, n_folds=5, seed=3)
    counts = np.array([np.bincount(labels[fold == k], minlength=3) for k in range(5)])
    assert (counts.max(axis=0) - counts.min(axis=0)).max() <= 1


def test_copies_of_a_text_lie_in_one_fold():
    texts, labels = texts_and_labels(40)
    fold = fold_of_rows(
        [*texts, *(f"  {text.upper()}!" for text in texts)], np.tile(labels, 2), n_folds=4, seed=0
    )
    assert (fold[:40] == fold[40:]).all()


def test_a_seed_gives_the_same_folds_again():
    texts, labels = texts_and_labels()
    first, second, other = (fold_of_rows(texts, labels, n_folds=5, seed=seed) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_more_folds_than_texts_are_refused():
    with pytest.raises(ValueError, match="folds"):
        fold_of_rows(["a", "a"], np.zeros(2, dtype=np.int8), n_folds=2, seed=0)
