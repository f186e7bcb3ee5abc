"""The routes of news features, and of the scores of each source of news."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.errors import problems
from api.payloads.news_features import (
    NewsFeaturesPayload,
    NewsSourcesPayload,
    news_features_payload,
    source_scores_payloads,
)
from api.reading.news import NewsPart
from api.reading.parts import SettingsPart
from api.reading.runs import RunPart
from schemas.errors import NotReadyError

router = APIRouter(tags=["news"])
_PROBLEMS = problems(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_HOUR_MS = 3_600_000


@router.get("/v1/news-features/{asset}", summary="The newest news features", responses=_PROBLEMS)
def newest_news_features(
    *,
    reader: NewsPart,
    run: RunPart,
    asset: Annotated[
        str, Path(max_length=100, description="A coin of which news features are made.", examples=["BTC"])
    ],
) -> NewsFeaturesPayload:
    """Answers with what the articles of 15 minutes to seven days say about a coin, as of the end of the newest minute."""
    found = reader.features(asset)
    if found is None:
        message = (
            f"there are no news features of {asset}: DRIFTLINE_NEWS_ASSETS lists the assets that have some"
        )
        raise NotReadyError(message)
    return news_features_payload(found.event, kind=run.kind(), served_from=found.store)


@router.get("/v1/news-sources", summary="The scores of each source of news", responses=_PROBLEMS)
def news_sources(
    *,
    reader: NewsPart,
    run: RunPart,
    settings: SettingsPart,
    hours: Annotated[
        int, Query(ge=1, le=720, description="So many hours before the newest scored article.")
    ] = 168,
) -> NewsSourcesPayload:
    """Answers with the number and the mean of the scores that each scorer gave to the articles of each source."""
    found = reader.by_source(within_ms=hours * _HOUR_MS)
    return NewsSourcesPayload(
        stream=run.stream,
        stream_kind=run.kind(),
        hours=hours,
        items=source_scores_payloads(found, settings.parsed_credibility()),
    )
