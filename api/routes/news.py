"""The route of articles."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from api.errors import problems
from api.payloads.news import ArticlesPayload, article_payloads
from api.reading.articles import ArticlesPart
from api.reading.runs import RunPart
from schemas.wire.postgres.articles import ArticlePlace

router = APIRouter(tags=["news"])
_PROBLEMS = problems(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_MAX_MS = 2**53


@router.get("/v1/articles", summary="The newest articles", responses=_PROBLEMS)
def articles(
    *,
    request: Request,
    reader: ArticlesPart,
    run: RunPart,
    asset: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only articles that mention this coin; `MARKET` for those that mention none.",
            examples=["BTC"],
        ),
    ] = None,
    source: Annotated[
        str | None, Query(max_length=100, description="Only articles of this source.", examples=["coindesk"])
    ] = None,
    from_ms: Annotated[
        int | None,
        Query(ge=-_MAX_MS, le=_MAX_MS, description="The earliest published time, UTC milliseconds."),
    ] = None,
    until_ms: Annotated[
        int | None,
        Query(
            ge=-_MAX_MS, le=_MAX_MS, description="The published time before which all lie, UTC milliseconds."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="The largest number of articles on a page.")] = 50,
    before: Annotated[
        str | None,
        Query(
            pattern=r"^-?[0-9]{1,16}:[0-9a-f]{24}$", description="Where the page begins; `next` states it."
        ),
    ] = None,
) -> ArticlesPayload:
    """Answers with the newest version of articles in pages, the one that was published last first."""
    chosen = {"asset": asset, "source": source, "from_ms": from_ms, "until_ms": until_ms}
    page = reader.newest(limit=limit + 1, before=None if before is None else _place(before), **chosen)
    listed, following = page[:limit], None
    if len(page) > limit:
        query = {name: value for name, value in chosen.items() if value is not None}
        place = f"{listed[-1].event_time_ms}:{listed[-1].article_id}"
        following = f"{request.url.path}?{urlencode(query | {'limit': limit, 'before': place})}"
    links = reader.links([article.article_id for article in listed]) if listed else []
    return ArticlesPayload(
        stream=run.stream,
        stream_kind=run.kind(),
        items=article_payloads(listed, links),
        next=following,
    )


def _place(text: str) -> ArticlePlace:
    time_ms, article_id = text.split(":")
    return ArticlePlace(int(time_ms), article_id)
