"""The folder of an encoder, which an exporter writes and which running reads: weights, tokenizer, and ``scorer.json``.

======================= ==========================================================================================
``model.onnx``           fp32 weights: ``input_ids``, ``attention_mask`` and, if the graph has it, ``token_type_ids``, all
                         int64 (batch, length); its first output holds the logits, (batch, labels)
``model_int8.onnx``      the same with int8 weights; one of the two may be missing
``tokenizer.json``       of the library tokenizers
``scorer.json``          :class:`EncoderCard`
======================= ==========================================================================================
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from schemas.errors import ConfigurationError

CARD, TOKENIZER = "scorer.json", "tokenizer.json"
#: Negative, neutral and positive, and the words of models about markets for the same.
_MEANINGS = ({"negative", "bearish"}, {"neutral"}, {"positive", "bullish"})


class Precision(StrEnum):
    """The precision in which the weights of an encoder are stored."""

    INT8 = "int8"
    FP32 = "fp32"

    @property
    def file_name(self) -> str:
        """The file that holds weights of this precision."""
        return "model_int8.onnx" if self is Precision.INT8 else "model.onnx"


class SelfTest(msgspec.Struct, frozen=True):
    """A text and what the fp32 weights say of it, by which other weights and other processors are checked.

    Attributes:
        text: The text, clean.
        probabilities: The probability of each label, by its index.
    """

    text: str
    probabilities: tuple[float, ...]


class EncoderCard(msgspec.Struct, frozen=True, kw_only=True):
    """What ``scorer.json`` states.

    Attributes:
        labels: The label of each output, from the model's own ``id2label``.
        max_length: The most tokens of a text, those at its begin and end included.
        precision: The weights to run; fp32 weights are the fall-back of int8 ones.
        self_test: Texts with their fp32 probabilities.
        tolerance: How far a probability of int8 weights may lie from the stored one.
        card: What else is known of the model, for people.
    """

    labels: tuple[str, ...]
    max_length: Annotated[int, Meta(ge=8, le=8_192)]
    precision: Precision = Precision.FP32
    self_test: tuple[SelfTest, ...] = ()
    tolerance: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    card: dict[str, Any] = {}


def read_card(folder: Path) -> EncoderCard:
    """Return the card of an encoder.

    Raises:
        ConfigurationError: If the file is missing or has another form, or if the labels say nothing.
    """
    path = folder / CARD
    try:
        card = msgspec.json.decode(path.read_bytes(), type=EncoderCard)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{path} cannot be read as the card of an encoder ({error}); `driftline sentiment export` writes one"
        raise ConfigurationError(message) from error
    order_of(card.labels)
    if any(len(each.probabilities) != len(card.labels) for each in card.self_test):
        message = f"{path}: every text of the self-test must have {len(card.labels)} probabilities"
        raise ConfigurationError(message)
    return card


def write_card(folder: Path, card: EncoderCard) -> None:
    """Write the card of an encoder.

    Raises:
        ConfigurationError: If the labels say nothing.
    """
    order_of(card.labels)
    content = msgspec.json.format(msgspec.json.encode(card, order="deterministic"), indent=2)
    (folder / CARD).write_bytes(content + b"\n")


def order_of(labels: Sequence[str]) -> tuple[int, int, int]:
    """Return the indices of the labels negative, neutral and positive.

    Raises:
        ConfigurationError: If the labels are not these three, such as ``LABEL_0``.

    Example:
        >>> order_of(["positive", "negative", "neutral"])
        (1, 2, 0)
    """
    names = [label.strip().casefold() for label in labels]
    found = [[index for index, name in enumerate(names) if name in meaning] for meaning in _MEANINGS]
    if len(names) != len(_MEANINGS) or any(len(indices) != 1 for indices in found):
        stated = ", ".join(labels) or "none"
        message = (
            f"the model must have the labels negative, neutral and positive, and its own are {stated[:200]}: state them as "
            "id2label in the model's configuration, in the order of its outputs, and export it again"
        )
        raise ConfigurationError(message)
    negative, neutral, positive = (indices[0] for indices in found)
    return negative, neutral, positive
