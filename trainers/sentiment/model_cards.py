"""Model cards of scorers: what a scorer was made of, how good it is, and what it may be used for."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainers.evaluation.block_intervals import Interval95
from trainers.sentiment.fine_tuning import Recipe
from trainers.sentiment.labelled import LabelledTexts
from trainers.sentiment.labels import LABELS
from trainers.sentiment.measures import LabelMeasures, Measure, label_measures, probability_measures
from trainers.sentiment.training import OutOfFold

LICENCE_NOTE = (
    "The weights are derived from the texts and labels that they were trained on, so the licence of those binds who "
    "passes the weights on. Financial PhraseBank is under CC BY-NC-SA 3.0: nothing trained on it may be shipped."
)
INTENDED = (
    "Telling whether a headline or a short text about markets, in English, is negative, neutral or positive. It is no "
    "forecast of prices, and no advice."
)


def training_card(
    data: LabelledTexts, judged: OutOfFold | None, recipe: Recipe, *, base: str, seed: int
) -> dict[str, Any]:
    """The card of an encoder that was fine-tuned.

    Args:
        data: The texts.
        judged: What was said out of fold; None if no fold was judged.
        recipe: How it was fitted.
        base: The name of the encoder that it was fitted from.
        seed: The seed.
    """
    card: dict[str, Any] = {
        "intended_use": INTENDED,
        "licence": LICENCE_NOTE,
        "trained_from": base,
        "data": data.name,
        "labels_are": data.mapping,
        "n_texts": len(data.texts),
        "n_by_label": dict(zip(LABELS, np.bincount(data.labels, minlength=3).tolist(), strict=True)),
        "recipe": recipe._asdict(),
        "seed": seed,
    }
    return card if judged is None else card | {"out_of_fold": out_of_fold_figures(data, judged, seed=seed)}


def out_of_fold_figures(data: LabelledTexts, judged: OutOfFold, *, seed: int) -> dict[str, Any]:
    """The figures of texts that the networks had not seen.

    The mean over the folds stands beside the figure of all texts together, which has the interval.

    Args:
        data: The texts.
        judged: What was said out of fold.
        seed: The seed of the intervals.
    """
    stated = judged.probabilities.argmax(axis=1).astype(np.int8)
    whole = label_measures(data.labels, stated, generator=np.random.default_rng(seed))
    probable = probability_measures(data.labels, judged.probabilities, generator=np.random.default_rng(seed))
    folds = [_fold(data, stated, judged.fold == number, seed) for number in range(int(judged.fold.max()) + 1)]
    return {
        "n_folds": len(folds),
        "accuracy_mean_of_folds": float(np.mean([one.accuracy.value for one in folds])),
        "macro_f1_mean_of_folds": float(np.mean([one.macro_f1.value for one in folds])),
        "accuracy_of_folds": [one.accuracy.value for one in folds],
        "macro_f1_of_folds": [one.macro_f1.value for one in folds],
        "accuracy": _plain(whole.accuracy),
        "macro_f1": _plain(whole.macro_f1),
        "calibration_error": _plain(probable.calibration_error),
        "brier": _plain(probable.brier),
        "confusion": whole.confusion[:, :3].tolist(),
    }


def _fold(data: LabelledTexts, stated: Any, chosen: Any, seed: int) -> LabelMeasures:
    return label_measures(data.labels[chosen], stated[chosen], generator=np.random.default_rng(seed))


def _plain(measure: Measure) -> dict[str, float | None]:
    ends = (None, None) if measure.interval is None else Interval95(*measure.interval)
    return {"value": measure.value, "low": ends[0], "high": ends[1]}


def card_lines(card: Mapping[str, Any]) -> list[str]:
    """What a card says of the figures, as lines for a terminal."""
    found = card.get("out_of_fold")
    if not found:
        return []
    return [
        f"{name}: {found[f'{key}_mean_of_folds']:.3f} as the mean of {found['n_folds']} folds "
        f"({', '.join(f'{each:.3f}' for each in found[f'{key}_of_folds'])}), "
        f"{found[key]['value']:.3f} [{found[key]['low']:.3f}, {found[key]['high']:.3f}] over all texts"
        for key, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
    ]
