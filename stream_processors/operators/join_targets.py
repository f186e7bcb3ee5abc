"""What is joined to an instrument: its companions, the partitions in which they lie, and the set of the vectors."""

from collections.abc import Mapping

import msgspec

from schemas.companions import NEWS, Companions
from schemas.features import FeatureSpec
from schemas.instruments import parse_instrument
from schemas.sources import source_of
from schemas.topics import FEATURES_MARKET, FEATURES_NEWS, partition_of
from stream_processors.features.vector_declarations import FeatureGroup, groups_of, news_row_spec, spec_of
from stream_processors.operators.protocols import Place


class JoinedNews(msgspec.Struct, frozen=True):
    """Which rows of news are joined to a target.

    Attributes:
        asset: The asset of the rows.
        spec: The set of features of the rows.
    """

    asset: str
    spec: FeatureSpec


class JoinTarget:
    """The configuration of an instrument with companions: which they are, and in which partitions they lie.

    Args:
        name: The instrument.
        companions: Its companions.
        sources: The source of each instrument whose source is not named after its venue. A join waits for the
            sources of the companions that it names, and for no other.

    Attributes:
        groups: The feature groups that companions fill, each with its companion.
        companions: The companions in the order of the groups: instruments, and ``news``.
        places: The source and the partition of each companion, in the same order.
        number: The number of each companion in that order.
        news: Which rows of news are joined; None if none are.
    """

    def __init__(self, name: str, companions: Companions, sources: Mapping[str, str]) -> None:
        self.name = name
        self.source = source_of(name, sources)
        self.spec: FeatureSpec = spec_of(companions)
        self.groups: dict[FeatureGroup, str] = groups_of(companions)
        self.companions = tuple(self.groups.values())
        self.places = [_place_of(other, sources) for other in self.companions]
        self.number = {other: number for number, other in enumerate(self.companions)}
        self.news = (
            None
            if companions.news is None
            else JoinedNews(parse_instrument(name).base, news_row_spec(companions.news))
        )

    @property
    def names(self) -> set[str]:
        """The instrument, and the instruments among its companions."""
        return {self.name, *self.companions} - {NEWS}


def _place_of(companion: str, sources: Mapping[str, str]) -> tuple[str, Place]:
    if companion == NEWS:
        return NEWS, (FEATURES_NEWS.name, 0)
    return source_of(companion, sources), features_place(companion)


def features_place(instrument: str) -> Place:
    """Return the partition in which the features of an instrument lie, with its topic."""
    return (FEATURES_MARKET.name, features_partition(instrument))


def features_partition(instrument: str) -> int:
    """Return the partition in which the features of an instrument lie."""
    return partition_of(instrument.encode(), FEATURES_MARKET.n_partitions)
