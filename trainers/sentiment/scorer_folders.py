"""What the file ``scorer.json`` of an exported scorer says."""

from typing import Any, Literal

import msgspec


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """A text with the probabilities that the fp32 graph gave where it was exported.

    Attributes:
        probabilities: By the index of the label.
    """

    text: str
    probabilities: tuple[float, ...]


class ScorerFolder(msgspec.Struct, frozen=True, kw_only=True):
    """What an exported scorer is.

    Attributes:
        labels: By the index of the logits.
        max_length: The most tokens of a text, the special ones included.
        precision: Which graph is preferred: ``model_int8.onnx`` or ``model.onnx``.
        self_test: What whoever runs it compares at the start.
        tolerance: The largest difference of a probability that int8 may have from the stored ones.
        card: The model card.
    """

    labels: tuple[str, ...]
    max_length: int
    precision: Literal["int8", "fp32"]
    self_test: tuple[SelfTest, ...]
    tolerance: float = 0.05
    card: dict[str, Any] = {}
