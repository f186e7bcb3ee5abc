"""The payloads of news features, and of the scores of each source of news."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from api.payloads.shared import Payload, Store
from schemas.events import NewsFeaturesComputed
from schemas.scorers import SourceScores
from schemas.streams import StreamKind
from schemas.time import text_of_time


class NewsFeaturesPayload(Payload):
    """The newest features of the news about an asset."""

    asset: str = Field(examples=["BTC"])
    features_as_of_ms: int = Field(
        description="The end of the minute; articles that were known before it count."
    )
    features_as_of: str = Field(examples=["2025-06-01T00:00:00.000Z"])
    feature_spec_hash: str = Field(
        description="The set of features, which names the versions of the scorers and the credibility of the sources."
    )
    n_articles: int = Field(description="The number of articles about the asset within seven days.")
    values: dict[str, float | None] = Field(
        description="By name; null where no article has a score.", examples=[{"news_vader_mean_1h": 0.12}]
    )
    stream: str
    stream_kind: StreamKind
    served_from: Store


class SourceScoresPayload(Payload):
    """What one scorer said of the articles of one source."""

    source: str = Field(examples=["coindesk"])
    scorer: str = Field(examples=["vader"])
    scorer_hash: str = Field(examples=["0123456789abcdef"])
    n_scored: int = Field(description="The number of scores, one for each version and asset of an article.")
    n_refused: int
    mean_score: float | None = Field(description="From -1 to 1; null without a score.")
    share_negative: float | None
    newest_known_ms: int = Field(description="When the newest scored article was first seen.")
    credibility: float = Field(description="The weight of the source in the news features.")


class NewsSourcesPayload(Payload):
    """The scores of each source of news within some hours before the newest one."""

    stream: str
    stream_kind: StreamKind
    hours: int
    items: list[SourceScoresPayload]


def news_features_payload(
    event: NewsFeaturesComputed, *, kind: StreamKind, served_from: Store
) -> NewsFeaturesPayload:
    """Return the answer for a row of news features.

    Args:
        event: The row.
        kind: The kind of the run.
        served_from: The store that it was read from.
    """
    return NewsFeaturesPayload(
        asset=event.asset,
        features_as_of_ms=event.event_time_ms,
        features_as_of=text_of_time(event.event_time_ms, "iso"),
        feature_spec_hash=event.feature_spec_hash,
        n_articles=event.n_articles,
        values=event.values,
        stream=event.stream,
        stream_kind=kind,
        served_from=served_from,
    )


def source_scores_payloads(
    found: Iterable[SourceScores], credibility: Mapping[str, float]
) -> list[SourceScoresPayload]:
    """Return the answers for the scores of sources.

    Args:
        found: The scores.
        credibility: The credibility of sources, by name; 1 for a source that is not named.
    """
    return [
        SourceScoresPayload(
            source=each.source,
            scorer=each.scorer,
            scorer_hash=each.scorer_hash,
            n_scored=each.n_scored,
            n_refused=each.n_refused,
            mean_score=each.mean_score,
            share_negative=each.share_negative,
            newest_known_ms=each.newest_known_ms,
            credibility=credibility.get(each.source, 1.0),
        )
        for each in found
    ]
