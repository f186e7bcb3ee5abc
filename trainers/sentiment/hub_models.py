"""Opens classification models of transformers, by the name of a hub or from a folder, and reads their labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoModelForSequenceClassification, AutoTokenizer

from schemas.errors import ConfigurationError
from trainers.sentiment.labels import LABELS, parse_mapping
from trainers.sentiment.networks import quiet_transformers

_MOST_TOKENS = 512


class OpenedModel(NamedTuple):
    """A model that is open.

    Attributes:
        model: The model of transformers.
        tokenizer: Its fast tokenizer.
        labels: The labels by index, each one of negative, neutral and positive.
        max_length: The most tokens of a text.
    """

    model: Any
    tokenizer: Any
    labels: tuple[str, ...]
    max_length: int


def open_model(name: str, *, max_length: int | None = None) -> OpenedModel:
    """Open a model.

    Args:
        name: A folder, or the name of a model of the hub, such as ``ProsusAI/finbert``.
        max_length: The most tokens of a text; None takes what the model was made for, and 512 at most.

    Raises:
        ConfigurationError: If it cannot be had, is no classifier of sentiment, or has no fast tokenizer.
    """
    quiet_transformers()
    is_folder = Path(name).is_dir()
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            name, local_files_only=is_folder, attn_implementation="eager"
        )
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=is_folder)
    except (OSError, ValueError) as error:
        where = "from its folder" if is_folder else "from the hub, and there is no folder of that name"
        first_line = next(iter(str(error).splitlines()), "")
        message = f"the model {name} cannot be had {where}: {first_line}"
        raise ConfigurationError(message) from error
    if not tokenizer.is_fast:
        message = f"the model {name} must have a fast tokenizer (tokenizer.json), and has none"
        raise ConfigurationError(message)
    positions = int(getattr(model.config, "max_position_embeddings", _MOST_TOKENS))
    # A model of RoBERTa's kind has two positions more than it takes tokens, and its tokenizer knows.
    longest = min(_MOST_TOKENS, positions, int(tokenizer.model_max_length))
    return OpenedModel(
        model.eval(),
        tokenizer,
        sentiment_labels(model.config.id2label, name),
        min(max_length or longest, longest),
    )


def sentiment_labels(id2label: Mapping[int, str], name: str) -> tuple[str, ...]:
    """The labels of a model by index, read from what the model itself says.

    Raises:
        ConfigurationError: If a label is no sentiment (``LABEL_0`` says nothing), or one of the three is missing or double.
    """
    stated = [id2label[index] for index in sorted(id2label)]
    if all(label.upper().startswith("LABEL_") for label in stated):
        message = (
            f"the model {name} names its labels {', '.join(stated)}, which does not say what they mean: put the "
            'meaning into id2label of its config.json, such as {"0": "negative", "1": "neutral", "2": "positive"}'
        )
        raise ConfigurationError(message)
    try:
        labels = tuple(LABELS[parse_mapping(f"0={label.replace(',', ' ')}")["0"]] for label in stated)
    except ConfigurationError as error:
        message = (
            f"the labels of the model {name} must be negative, neutral and positive, are {', '.join(stated)}"
        )
        raise ConfigurationError(message) from error
    if sorted(labels) != sorted(LABELS):
        message = f"the model {name} must have each of {', '.join(LABELS)} once, has {', '.join(stated)}"
        raise ConfigurationError(message)
    return labels
