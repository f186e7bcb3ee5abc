"""The declarations of companion features: features of other instruments, and of news.

A vector is the target's market features followed by the groups that it has, in the order here. Every
companion feature is optional: where the companion has no row it is undefined, and the vector is used without
it. The features are joined live on ``features.vector.v1``, and from tables by :mod:`.vectors`; one kernel
computes both. The texts of the declarations are part of the set's hash.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from schemas.companions import NEWS as NEWS_NAME
from schemas.companions import Companions, NewsCompanion
from schemas.features import CompanionJoin, FeatureDeclaration, FeatureSpec
from stream_processors.features.declarations import SPEC
from stream_processors.features.news_declarations import news_declarations

#: How much later than the target's bar ended a companion's row may have been known; a live join waits that long.
ALLOWANCE_MS = 2_000
#: A companion's bar that ended more than this many bars earlier counts as an outage and is not joined.
OLDEST_BARS = 5
#: News features of a minute that ended more than this before the target's bar are not joined.
OLDEST_NEWS_MS = 5 * 60_000


class FeatureGroup(StrEnum):
    """The groups of companion features that a vector may have after the market features."""

    COIN = "coin"
    PERPETUAL = "perpetual"
    NEWS = "news"


def _declared(
    name: str, memory_bars: int, source: str, *, unit: str = "dimensionless", version: int = 1
) -> FeatureDeclaration:
    return FeatureDeclaration(
        name=name,
        unit=unit,
        memory_bars=memory_bars,
        warm_up_bars=memory_bars,
        source=source,
        version=version,
        is_optional=True,
    )


#: The market features of the other coin that become companion features unchanged, by name.
TAKEN_FROM_COIN = (
    "log_return_1",
    "log_return_2",
    "log_return_5",
    "log_return_15",
    "log_return_60",
    "close_location",
    "signed_volume_15",
    "relative_volume_60",
    "z_score_60",
)
TAKEN_FROM_PERPETUAL = ("close_location", "signed_volume_15", "relative_volume_60")
_MARKET = {feature.name: feature for feature in SPEC.features}


def _taken(prefix: str, names: Iterable[str]) -> tuple[FeatureDeclaration, ...]:
    return tuple(
        _declared(
            f"{prefix}_{name}",
            _MARKET[name].memory_bars,
            f"the other instrument's {name}, version {_MARKET[name].version}",
            unit=_MARKET[name].unit,
        )
        for name in names
    )


_LESS = "own less the other's"
COIN = (
    *_taken("coin", TAKEN_FROM_COIN),
    *(
        _declared(f"return_difference_{n}", n + 1, f"log return over {n} bars, {_LESS}")
        for n in (1, 5, 15, 60)
    ),
    _declared("standardised_return_difference_1", 61, f"in own and its volatilities of 60 bars, {_LESS}"),
    _declared("coin_volatility_ratio_60", 61, "own realised volatility over the other's"),
    _declared("coin_correlation_60", 61, "Pearson's, of log returns", version=2),
    _declared("coin_beta_60", 61, "slope of own log returns on the other's, by least squares", version=2),
    _declared(
        "coin_residual_1",
        61,
        "own last log return less beta times the other's, over own volatility of 60",
        version=2,
    ),
    _declared("coin_lead_60", 62, "correlation of own log return with the other's one bar before", version=2),
    _declared("coin_lag_60", 62, "correlation of the other's log return with own one bar before", version=2),
    _declared(
        "relative_price_z_score_60",
        60,
        "distance of the log ratio of the closes from its mean in deviations",
        version=2,
    ),
    _declared("coin_age", 1, "how long before own bar the other's joined bar ended", unit="bars"),
)

PERPETUAL = (
    _declared("basis", 1, "log of the perpetual's close over own", version=2),
    *(_declared(f"basis_change_{n}", n + 1, f"of {n} bars", version=2) for n in (1, 5, 15, 60)),
    _declared("basis_z_score_60", 60, "distance from its mean in deviations", version=2),
    *_taken("perpetual", TAKEN_FROM_PERPETUAL),
    _declared(
        "perpetual_volume_share",
        60,
        "relative volume of the perpetual over own: where it is traded more than usual",
    ),
    _declared("perpetual_age", 1, "how long before own bar its joined bar ended", unit="bars"),
)

#: The groups of features that other instruments fill. The features of news depend on the scorers: :func:`news_of`.
GROUPS = {FeatureGroup.COIN: COIN, FeatureGroup.PERPETUAL: PERPETUAL}
_NEWS_PREFIX = f"{NEWS_NAME}_"


def news_of(news: NewsCompanion | None) -> tuple[FeatureDeclaration, ...]:
    """Return the declarations of the news features of a companion, each of which is taken as it is."""
    return () if news is None else news_declarations(news.scorers, dict(news.credibility))


def news_row_spec(news: NewsCompanion) -> FeatureSpec:
    """Return the set of the rows of news features that are joined for a companion."""
    return FeatureSpec(features=news_of(news))


def vector_spec(
    groups: Iterable[FeatureGroup], *, join: CompanionJoin | None = None, news: NewsCompanion | None = None
) -> FeatureSpec:
    """Return the set of the market features, these groups, and news, in the order of :class:`FeatureGroup`.

    Args:
        groups: The groups that other instruments fill.
        join: How companions are joined; None for files without names.
        news: The news whose features come last; None if there is none.
    """
    wanted = set(groups)
    added = tuple(feature for group, declared in GROUPS.items() if group in wanted for feature in declared)
    return FeatureSpec(features=SPEC.features + added + news_of(news), join=join)


def groups_of(companions: Companions) -> dict[FeatureGroup, str]:
    """Return the groups that companions fill, each with its companion, in the order of :class:`FeatureGroup`.

    The companion is an instrument, or ``news``.
    """
    filled = {
        FeatureGroup.COIN: companions.coin,
        FeatureGroup.PERPETUAL: companions.perpetual,
        FeatureGroup.NEWS: None if companions.news is None else NEWS_NAME,
    }
    return {group: name for group, name in filled.items() if name is not None}


def groups_among(names: Collection[str]) -> tuple[FeatureGroup, ...]:
    """Return the groups to which some features belong, such as the features that a model takes."""
    found = {group for group, declared in GROUPS.items() if any(each.name in names for each in declared)}
    if any(name.startswith(_NEWS_PREFIX) for name in names):
        found.add(FeatureGroup.NEWS)
    return tuple(group for group in FeatureGroup if group in found)


def spec_of(companions: Companions | None) -> FeatureSpec:
    """Return the set that models of an instrument with these companions see; without any, the market features."""
    if companions is None:
        return SPEC
    join = CompanionJoin(companions=companions.names, allowance_ms=ALLOWANCE_MS)
    return vector_spec(groups_of(companions), join=join, news=companions.news)
