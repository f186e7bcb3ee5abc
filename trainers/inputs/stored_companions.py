"""Compares the stored closes of an instrument and its companions, to find companions that lie one bar apart."""

from collections.abc import Iterator

from schemas.artifacts import ModelTarget
from schemas.companions import Companions
from schemas.features import FeatureTable
from schemas.streams import StreamDescription
from trainers.datasets.alignment import misalignment, misalignment_words
from trainers.datasets.prices import PricePath
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
    own = PricePath.of_bars(table, target.interval)
    for name in () if companions is None else companions.instruments:
        stored = features.feature_closes(
            description.stream,
            instrument=name,
            interval=target.interval,
            until_ms=description.warm_up_until_ms,
        )
        closes = PricePath.of_bars(stored, target.interval)
        found = misalignment(own, closes)
        if found is not None:
            yield misalignment_words(found, own=target.instrument, companion=name)
