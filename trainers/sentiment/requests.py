"""What ``driftline sentiment train`` and ``export`` do, from options to folders."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schemas.errors import ConfigurationError
from trainers.sentiment.exporting import Exported, OnlyLogits, ToExport, export
from trainers.sentiment.fine_tuning import Progress, Recipe
from trainers.sentiment.hub_models import open_model
from trainers.sentiment.labelled import Columns, LabelledTexts, read_labelled
from trainers.sentiment.labels import LABELS, parse_mapping
from trainers.sentiment.model_cards import INTENDED, training_card
from trainers.sentiment.networks import WEIGHTS, base_folder
from trainers.sentiment.training import fitted_on_all, out_of_fold


class TrainingRequest(NamedTuple):
    """The options of ``driftline sentiment train``, as the command line states them."""

    data: Path
    text: str | None = None
    label: str | None = None
    mapping: str | None = None
    base: Path | None = None
    folds: int = 5
    epochs: int = 3
    rate: float = 1e-4
    rows: int | None = None
    seed: int = 0
    threads: int = 1
    bf16: bool = False
    out: Path | None = None


def trained(asked: TrainingRequest, progress: Progress) -> tuple[dict[str, Any], Exported | None]:
    """Judge the fine-tuning out of fold, then fit on all texts and export, if a folder is given.

    Args:
        asked: The options.
        progress: Told the share that is done, and what.

    Returns:
        The model card, and what was exported.

    Raises:
        ConfigurationError: If the data, the encoder or the folder cannot be used.
    """
    base, data = base_folder(asked.base), _drawn(asked)
    recipe = Recipe(
        n_epochs=asked.epochs, learning_rate=asked.rate, n_threads=asked.threads, is_bf16=asked.bf16
    )
    n_fits = asked.folds + (asked.out is not None)
    if not n_fits or asked.folds == 1:
        message = f"--folds must be 2 or more, or 0 with --out, was {asked.folds}"
        raise ConfigurationError(message)
    judged = None
    if asked.folds:
        judged = out_of_fold(
            data,
            base,
            recipe,
            n_folds=asked.folds,
            seed=asked.seed,
            progress=lambda share, said: progress(share * asked.folds / n_fits, said),
        )
    card = training_card(data, judged, recipe, base=base.name if asked.base else WEIGHTS, seed=asked.seed)
    if asked.out is None:
        return card, None
    network, tokenizer = fitted_on_all(
        data,
        base,
        recipe,
        seed=asked.seed,
        progress=lambda share, said: progress((asked.folds + share) / n_fits, f"on all texts, {said}"),
    )
    return card, export(ToExport(network, tokenizer, LABELS, recipe.max_length, card), asked.out)


def _drawn(asked: TrainingRequest) -> LabelledTexts:
    data = read_labelled(asked.data, Columns(asked.text, asked.label), parse_mapping(asked.mapping))
    if asked.rows is not None and asked.rows < len(data.texts):
        chosen = np.random.default_rng(asked.seed).permutation(len(data.texts))[: asked.rows]
        data = data.rows(chosen)
    if len(data.texts) < max(2, asked.folds):
        message = f"{asked.data.name} must have at least {max(2, asked.folds)} labelled texts, has {len(data.texts)}"
        raise ConfigurationError(message)
    return data


def exported_model(name: str, out: Path, *, max_length: int | None = None) -> Exported:
    """Export a model of transformers.

    Args:
        name: Its folder, or its name on the hub.
        out: The folder of the scorer.
        max_length: The most tokens of a text; None takes the model's.

    Raises:
        ConfigurationError: If it cannot be had, its labels are no sentiment, or the folder cannot be written.
    """
    opened = open_model(name, max_length=max_length)
    card = {
        "intended_use": INTENDED,
        "exported_from": name,
        "licence": "That of the model it was exported from.",
    }
    given = ToExport(OnlyLogits(opened.model), opened.tokenizer, opened.labels, opened.max_length, card)
    return export(given, out)
