"""Hands a route the parts of its application that it asks for, by their types.

A route declares ``Annotated[PredictionReader, Depends(part(PredictionReader))]``; each reader's module has that
annotation under the name of the part.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, TypeVar, cast

from fastapi import Depends, FastAPI, Request

from api.middleware.metering import ApiMetrics
from api.settings import ApiSettings

_PartT = TypeVar("_PartT")


def install(app: FastAPI, parts: Iterable[object]) -> None:
    """Give an application its parts, at most one of each type."""
    app.state.parts = {type(one): one for one in parts}


def part(kind: type[_PartT]) -> Callable[[Request], Awaitable[_PartT]]:
    """Return the dependency that is the part of a type."""

    async def found(request: Request) -> _PartT:
        return cast("_PartT", request.app.state.parts[kind])

    return found


SettingsPart = Annotated[ApiSettings, Depends(part(ApiSettings))]
MetricsPart = Annotated[ApiMetrics, Depends(part(ApiMetrics))]
