"""Runs the weights of an encoder: tokens in, probabilities out, with tokenizers and onnxruntime on one thread.

Every text is a run of its own. The scale of int8 activations is found over a whole batch, so in a batch the
neighbours of a text would change its score (by up to some hundredths); a record that comes twice would then have two scores.
Runs of one text cost a third of the rate of batches of 32 (``make bench-sentiment``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError, StateError
from stream_processors.sentiment.ports import PreparedText

#: A token has rarely more characters, so longer texts are cut before they are tokenized.
_CHARACTERS_PER_TOKEN = 16


class EncoderRun:
    """A tokenizer and a session of onnxruntime.

    Args:
        weights: The ONNX file.
        tokenizer: The tokenizer's file.
        max_length: The most tokens of a text.

    Raises:
        ConfigurationError: If one of the files cannot be loaded.
    """

    def __init__(self, weights: Path, tokenizer: Path, *, max_length: int) -> None:
        self._max_length = max_length
        self._tokenizer = _tokenizer(tokenizer, max_length)
        self._session = _session(weights)
        self._inputs = [each.name for each in self._session.get_inputs()]
        unknown = set(self._inputs) - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown:
            message = (
                f"{weights} asks for the inputs {', '.join(sorted(unknown))}, which no encoder of texts has"
            )
            raise ConfigurationError(message)

    def probabilities(self, texts: Sequence[PreparedText]) -> Iterator[NDArray[np.float64]]:
        """Yield the probability of each label, by its index, of each text.

        Raises:
            StateError: If the weights cannot run, or give what is no number.
        """
        for text in texts:
            yield _softmax(self._logits(self.tokens(text)))

    def tokens(self, text: PreparedText) -> Any:
        """Return the tokens of a text: its title and as many whole sentences as fit, at most the longest length.

        A title, or a first sentence without a title, that is too long itself is cut at a token.
        """
        passages = [text.title, *text.sentences] if text.title else list(text.sentences)
        kept, ends = _joined(passages, self._max_length * _CHARACTERS_PER_TOKEN)
        encoding = self._tokenizer.encode(kept)
        if encoding.overflowing and len(ends) > 1:
            reached = max(end for _, end in encoding.offsets)
            encoding = self._tokenizer.encode(
                kept[: max((end for end in ends if end <= reached), default=ends[0])]
            )
        return encoding

    def _logits(self, encoding: Any) -> NDArray[np.float64]:
        columns = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        feed = {name: np.array([columns[name]], dtype=np.int64) for name in self._inputs}
        try:
            logits: NDArray[np.float64] = np.asarray(self._session.run(None, feed)[0], dtype=np.float64)[0]
        except Exception as error:  # onnxruntime has a class for each status, and no common one but this
            message = f"the encoder failed on a text of {len(encoding.ids)} tokens: {_first_line(error)}"
            raise StateError(message) from error
        if not np.isfinite(logits).all():
            message = f"the encoder gave {logits.tolist()} for a text of {len(encoding.ids)} tokens, expected numbers"
            raise StateError(message)
        return logits


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = exponentials / exponentials.sum()
    return shares


def _joined(passages: Sequence[str], most: int) -> tuple[str, list[int]]:
    """Return the first passages with spaces between them, at most so many characters, and where each passage ends."""
    kept: list[str] = []
    ends: list[int] = []
    length = 0
    for passage in passages:
        if kept and length + 1 + len(passage) > most:
            break
        kept.append(passage[:most])
        length += len(kept[-1]) + (1 if ends else 0)
        ends.append(length)
    return " ".join(kept), ends


def _tokenizer(path: Path, max_length: int) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        message = f"{path} cannot be loaded as a tokenizer: {_first_line(error)}"
        raise ConfigurationError(message) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class for each status, and no common one but this
        message = f"{path} cannot be loaded as an ONNX model: {_first_line(error)}"
        raise ConfigurationError(message) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
