"""Compares the stored closes of an instrument and its companions, to find companions that lie one bar apart."""

from collections.abc import Iterator

from schemas.artifacts import ModelTarget
from schemas.companions import Companions
from schemas.features import FeatureTable
from schemas.streams import StreamDescription
from trainers.datasets.alignment import Closes, misalignment, misalignment_words
from trainers.inputs.waiting import FeatureHistory


def companion_warnings(
    features: FeatureHistory,
    description: StreamDescription,
    target: ModelTarget,
    table: FeatureTable,
    companions: Companions | None,
) -> Iterator[str]:
    """Yields a sentence for each companion whose bars fit those of the instrument better one bar apart.

    Args:
        features: The stored features, which have the closes of the companions.
        description: The description of the run.
        target: The instrument and the interval of its bars.
        table: The features of the instrument.
        companions: The companions of the instrument; None if it has none.
    """
    own = Closes(table.as_of_ms, table.close)
    for name in () if companions is None else companions.instruments:
        stored = features.feature_closes(
            description.stream,
            instrument=name,
            interval=target.interval,
            until_ms=description.warm_up_until_ms,
        )
        closes = Closes(stored.as_of_ms, stored.close)
        found = misalignment(own, closes, interval_ms=target.interval.milliseconds)
        if found is not None:
            yield misalignment_words(found, own=target.instrument, companion=name)
