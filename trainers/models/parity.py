"""Computes the parity hash, which is equal if two runs predicted the same."""

import hashlib
from collections.abc import Iterable

import numpy as np

from schemas.events import PredictionMade


def parity_hash(predictions: Iterable[PredictionMade]) -> str:
    """Returns the SHA-256 over the sorted canonical tuples of predictions, in hexadecimal.

    A tuple is (instrument, interval, horizon, as-of, hash of the model's bytes, probability as
    float32), written as one tab-separated line with the probability's bits in hexadecimal. The order
    of arrival, the stream and the known times do not matter; a repeated prediction does.

    Args:
        predictions: The predictions of one run, in any order.
    """
    digest = hashlib.sha256()
    for line in sorted(map(_line, predictions)):
        digest.update(line)
    return digest.hexdigest()


def _line(prediction: PredictionMade) -> bytes:
    bits = np.float32(prediction.probability_up).tobytes().hex()
    fields = (
        prediction.instrument,
        prediction.interval,
        prediction.horizon,
        str(prediction.event_time_ms),
        prediction.model_hash,
        bits,
    )
    return ("\t".join(fields) + "\n").encode()
