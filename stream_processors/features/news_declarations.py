"""The declarations of the news features: what the articles of the last seven days say about an asset.

The features of an asset at the minute T follow from the scores of its articles that were known before T, and from the
last seven days of them. Each scorer has columns of its own. The source of each declaration names the scorer with its
hash, and the credibility of the sources where it counts, so another scorer makes another set. Memory and warm-up are
in minutes, because a row is made every minute.

In a window W, an article that was known ``a`` before T has the weight ``c (1 - a / W)``. ``c`` is the credibility of its
source, and windows are open at both ends. Every feature is optional: where no article has a score, it is undefined.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from schemas.features import FeatureDeclaration, FeatureSpec
from schemas.scorers import ScorerId

_MINUTE_MS = 60_000


class NewsWindow(msgspec.Struct, frozen=True):
    """A window of the news features.

    Attributes:
        name: The end of the names of its features.
        minutes: Its length.
    """

    name: str
    minutes: int

    @property
    def milliseconds(self) -> int:
        """The length of the window, in milliseconds."""
        return self.minutes * _MINUTE_MS


#: The windows, the shortest first. The last one is the memory of all news features.
WINDOWS = (
    NewsWindow("15m", 15),
    NewsWindow("1h", 60),
    NewsWindow("4h", 240),
    NewsWindow("1d", 1_440),
    NewsWindow("7d", 10_080),
)
LONGEST = WINDOWS[-1]
#: An article is new as far as no article of these minutes before it has the same words.
NOVELTY_MINUTES = 72 * 60
#: A score of at most this counts as negative.
NEGATIVE_UNTIL = -0.05

_NOVELTY = (
    "1 less the similarity to the nearest earlier article of 72 hours within the last 7 days; similarity is "
    "1 less the differing bits of the 64-bit sketches (Charikar, 2002) over 32, at least 0"
)


def news_declarations(
    scorers: Sequence[ScorerId], credibility: Mapping[str, float]
) -> tuple[FeatureDeclaration, ...]:
    """Return the declarations of the news features, in the order of the columns.

    Args:
        scorers: The scorers in the order of their columns, at most one of each name.
        credibility: The weight of the articles of a source, by its name; 1 for a source that is not named.

    Raises:
        ValueError: If two scorers have the same name, because their columns would have too.
    """
    if len({scorer.name for scorer in scorers}) < len(scorers):
        message = f"news features take one version of each scorer, were {', '.join(map(str, scorers))}"
        raise ValueError(message)
    trust = f"credibility ({_credibility_text(credibility)})"
    weights = f"weighted by age and {trust}"
    found = list(_of_articles(scorers, trust, weights))
    for scorer in scorers:
        found.extend(_of_scorer(scorer, weights))
    return (*found, *_OF_NEWEST)


def news_spec(scorers: Sequence[ScorerId], credibility: Mapping[str, float]) -> FeatureSpec:
    """Return the set of the news features alone, whose hash the rows of ``features.news.v1`` state."""
    return FeatureSpec(features=news_declarations(scorers, credibility))


def _credibility_text(credibility: Mapping[str, float]) -> str:
    """The weights in one form only; a source whose weight is 1 is the same as one that is not named."""
    stated = [f"{source} {weight:g}" for source, weight in sorted(credibility.items()) if weight != 1.0]
    return ", ".join([*stated, "others 1"])


def _declared(name: str, minutes: int, source: str, *, unit: str = "dimensionless") -> FeatureDeclaration:
    return FeatureDeclaration(
        name=name, unit=unit, memory_bars=minutes, warm_up_bars=minutes, source=source, is_optional=True
    )


def _of_articles(scorers: Sequence[ScorerId], trust: str, weights: str) -> Iterator[FeatureDeclaration]:
    """Yield the features of a window that belong to no one scorer."""
    ids = ", ".join(map(str, scorers))
    for window in WINDOWS:
        count = f"log of 1 plus the sum of the {trust} of the articles that any of {ids} read"
        yield _declared(f"news_log_count_{window.name}", window.minutes, count)
        minutes = min(window.minutes + NOVELTY_MINUTES, LONGEST.minutes)
        yield _declared(f"news_novelty_{window.name}", minutes, f"mean of {_NOVELTY}; {weights}")
        apart = f"standard deviation between the means of {ids}; undefined under two means"
        yield _declared(f"news_disagreement_{window.name}", window.minutes, f"{apart}; {weights}")


def _of_scorer(scorer: ScorerId, weights: str) -> Iterator[FeatureDeclaration]:
    """Yield the features of one scorer."""
    for window in WINDOWS:
        prefix, of = f"news_{scorer.name}", f"of the scores of {scorer}; {weights}"
        yield _declared(f"{prefix}_mean_{window.name}", window.minutes, f"mean {of}")
        spread = f"standard deviation {of}; undefined under two scores"
        yield _declared(f"{prefix}_dispersion_{window.name}", window.minutes, spread)
        share = f"share of the weight of scores of at most {NEGATIVE_UNTIL}, {of}"
        yield _declared(f"{prefix}_share_negative_{window.name}", window.minutes, share)
        if window != LONGEST:
            surprise = (
                f"mean less that of {LONGEST.name}, over the standard deviation of {LONGEST.name}, {of}"
            )
            yield _declared(f"{prefix}_surprise_{window.name}", LONGEST.minutes, surprise)


_OF_NEWEST = (
    _declared("news_age_minutes", LONGEST.minutes, "time since the newest article was known", unit="minutes"),
    _declared("news_novelty_newest", LONGEST.minutes, f"of the newest article: {_NOVELTY}"),
)
