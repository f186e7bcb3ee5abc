"""Opens the encoder of a folder, checks it against its own self-test, and scores with it.

int8 weights give other answers on processors without VNNI (onnxruntime issue 14642). So at load they score the texts of the
self-test, whose fp32 probabilities the folder states. If one lies too far off, the fp32 weights run in their place, and a note
says so; without fp32 weights the encoder is unavailable.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.errors import ConfigurationError, StateError
from schemas.scorers import ScorerId, hash_of
from stream_processors.sentiment.encoding import EncoderRun
from stream_processors.sentiment.folders import TOKENIZER, EncoderCard, Precision, order_of, read_card
from stream_processors.sentiment.ports import Label, PreparedText, Scored
from stream_processors.sentiment.preparing import PREPARATION_VERSION

#: Counts up when running the same weights gives other scores.
_VERSION = 1
_DIGITS = 6
#: How far fp32 weights may lie from their own stored probabilities.
_FP32_TOLERANCE = 0.001


class EncoderScorer:
    """Scores by an encoder: the probability of "positive" less that of "negative".

    Args:
        id_: The name, and the hash of all that makes the scores.
        run: What runs the weights.
        labels: The label of each output.
    """

    def __init__(self, id_: ScorerId, run: EncoderRun, *, labels: Sequence[str]) -> None:
        self._id = id_
        self._run = run
        self._order = order_of(labels)

    @property
    def id(self) -> ScorerId:
        """The name, and the hash of weights, tokenizer, labels, lengths, precision and versions."""
        return self._id

    def score(self, texts: Sequence[PreparedText]) -> list[Scored]:
        """Return the score and the three probabilities of each text."""
        return [self._scored(shares.tolist()) for shares in self._run.probabilities(texts)]

    def label(self, scored: Scored) -> Label:
        """Return the most probable label."""
        shares = {
            Label.NEUTRAL: scored.neutral or 0.0,
            Label.NEGATIVE: scored.negative or 0.0,
            Label.POSITIVE: scored.positive or 0.0,
        }
        return max(shares, key=shares.__getitem__)

    def _scored(self, shares: list[float]) -> Scored:
        negative, neutral, positive = (round(shares[index], _DIGITS) for index in self._order)
        return Scored(round(positive - negative, _DIGITS), negative, neutral, positive)


class OpenedEncoder(NamedTuple):
    """An encoder, and what to announce about it; None if nothing."""

    scorer: EncoderScorer
    note: str | None = None


def open_encoder(name: str, folder: Path) -> OpenedEncoder:
    """Return the encoder of a folder.

    Raises:
        ConfigurationError: If something is missing or wrong; the message says what, and what to do.
    """
    card = read_card(folder)
    if card.precision is Precision.FP32:
        return OpenedEncoder(_opened(name, folder, card, Precision.FP32))
    try:
        return OpenedEncoder(_opened(name, folder, card, Precision.INT8))
    except ConfigurationError as error:
        if not (folder / Precision.FP32.file_name).is_file():
            message = f"{error}, and {folder} holds no {Precision.FP32.file_name} to fall back to"
            raise ConfigurationError(message) from error
        note = f"The int8 weights are not used, the fp32 weights are: {error}."
        return OpenedEncoder(_opened(name, folder, card, Precision.FP32), note)


def _opened(name: str, folder: Path, card: EncoderCard, precision: Precision) -> EncoderScorer:
    weights, tokenizer = folder / precision.file_name, folder / TOKENIZER
    for path in (weights, tokenizer):
        if not path.is_file():
            message = f"{path} is missing"
            raise ConfigurationError(message)
    run = EncoderRun(weights, tokenizer, max_length=card.max_length)
    _check(run, card, precision)
    code = (_VERSION, PREPARATION_VERSION, precision, card.labels, card.max_length)
    parts = {
        "weights": weights.read_bytes(),
        "tokenizer": tokenizer.read_bytes(),
        "code": msgspec.json.encode(code),
    }
    return EncoderScorer(ScorerId(name, hash_of(parts)), run, labels=card.labels)


def _check(run: EncoderRun, card: EncoderCard, precision: Precision) -> None:
    """Refuse weights that do not give the stored probabilities on this machine."""
    if precision is Precision.INT8 and not card.self_test:
        message = "the folder states no self-test, so int8 weights cannot be checked on this processor"
        raise ConfigurationError(message)
    texts = [PreparedText(each.text) for each in card.self_test] or [PreparedText("Bitcoin")]
    try:
        found = list(run.probabilities(texts))
    except StateError as error:
        message = f"the {precision} weights cannot score the self-test ({error})"
        raise ConfigurationError(message) from error
    try:
        list(run.probabilities([PreparedText("Bitcoin " * card.max_length)]))
    except StateError as error:
        message = (
            f"the {precision} weights cannot score a text of the longest length, max_length = {card.max_length} ({error}): "
            "export the model again with a smaller --max-length"
        )
        raise ConfigurationError(message) from error
    if any(shares.shape != (len(card.labels),) for shares in found):
        message = f"the {precision} weights give {found[0].shape} outputs for {len(card.labels)} labels"
        raise ConfigurationError(message)
    tolerance = card.tolerance if precision is Precision.INT8 else _FP32_TOLERANCE
    for each, shares in zip(card.self_test, found, strict=False):
        difference = float(np.abs(shares - np.array(each.probabilities)).max())
        if not difference <= tolerance:
            message = (
                f"the {precision} weights differ from the stored fp32 probabilities by {difference:.3f} on this processor, "
                f"at most {tolerance:g} is allowed"
            )
            raise ConfigurationError(message)
