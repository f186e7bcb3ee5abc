"""Maps every error to an HTTP answer: one table, and the problem documents of RFC 9457.

An error class that is not in the table is answered like its nearest ancestor in the table. The message
of an error about the server's own settings or state goes to the log and not to the client.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from schemas.errors import (
    ConfigurationError,
    ContractError,
    NotReadyError,
    PlatformError,
    StateError,
    TransientError,
)

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:driftline:problem:"

_log = structlog.get_logger(__name__)


class UnknownNameError(PlatformError):
    """The requested name is not served; the message lists the names that are."""


class ErrorAnswer(NamedTuple):
    """The HTTP answer to one class of errors.

    Attributes:
        retry_after_s: When the client may repeat the request; None when repeating it does not help.
        is_told: Whether the message of the error is sent to the client.
    """

    status: HTTPStatus
    title: str
    retry_after_s: int | None
    is_told: bool


ANSWERS: dict[type[PlatformError], ErrorAnswer] = {
    PlatformError: ErrorAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed", None, is_told=False),
    ConfigurationError: ErrorAnswer(
        HTTPStatus.INTERNAL_SERVER_ERROR, "A setting of the server is wrong", None, is_told=False
    ),
    ContractError: ErrorAnswer(
        HTTPStatus.INTERNAL_SERVER_ERROR, "The stored data cannot be read", None, is_told=False
    ),
    StateError: ErrorAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed", None, is_told=False),
    TransientError: ErrorAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "A store does not answer", 2, is_told=True),
    NotReadyError: ErrorAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "Not ready yet", 5, is_told=True),
    UnknownNameError: ErrorAnswer(HTTPStatus.NOT_FOUND, "Unknown", None, is_told=True),
}


class WrongParameter(BaseModel):
    """A request parameter that is not valid, and why."""

    parameter: str = Field(examples=["interval"])
    expected: str = Field(examples=["Input should be '1m', '5m', '15m', '30m', '1h', '4h' or '1d'"])
    was: str = Field(examples=["7m"])


class Problem(BaseModel):
    """A problem document (RFC 9457, ``application/problem+json``)."""

    type: str = Field(description="Names the kind of problem.", examples=[_TYPE + "not-ready"])
    title: str = Field(examples=["Not ready yet"])
    status: int = Field(examples=[503])
    detail: str = Field(description="States what was expected, what was found, and what to do.")
    instance: str = Field(description="The path of the request.")
    errors: list[WrongParameter] | None = Field(
        default=None, description="The parameters that are not valid, if any."
    )


def answer_of(kind: type[PlatformError]) -> ErrorAnswer:
    """Return the answer to an error class: its own, or that of its nearest ancestor in the table."""
    return next(ANSWERS[ancestor] for ancestor in kind.__mro__ if ancestor in ANSWERS)


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route for its OpenAPI description."""
    return {
        int(status): {
            "model": Problem,
            "description": status.phrase,
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make an application answer every error with a problem document, and state this in its OpenAPI document."""
    describe: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        for path in document["paths"].values():
            for operation in path.values():
                for answer in operation["responses"].values():
                    _describe_as_problem(answer.get("content", {}))
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way of changing the document
    app.add_exception_handler(PlatformError, _on_platform_error)
    app.add_exception_handler(RequestValidationError, _on_wrong_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)


def _describe_as_problem(content: dict[str, Any]) -> None:
    # FastAPI describes every model under the media type of the route.
    schema = content.get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith(f"/{Problem.__name__}"):
        content[MEDIA_TYPE] = content.pop("application/json")


def _problem(
    request: Request,
    status: HTTPStatus,
    *,
    name: str,
    title: str,
    detail: str,
    errors: Sequence[WrongParameter] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = Problem(
        type=_TYPE + name,
        title=title,
        status=int(status),
        detail=detail,
        instance=request.url.path,
        errors=None if errors is None else list(errors),
    )
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=int(status),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


async def _on_platform_error(request: Request, error: Exception) -> JSONResponse:
    answer = answer_of(type(error)) if isinstance(error, PlatformError) else ANSWERS[PlatformError]
    if not answer.is_told:
        _log.error("request failed", path=request.url.path, error=type(error).__name__, detail=str(error))
    name = _dashed(type(error).__name__.removesuffix("Error"))
    return _problem(
        request,
        answer.status,
        name=name,
        title=answer.title,
        detail=str(error) if answer.is_told else "The server's log says why.",
        headers=None if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)},
    )


async def _on_wrong_parameters(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    wrong = [
        WrongParameter(
            parameter=str(problem["loc"][-1]), expected=str(problem["msg"]), was=str(problem["input"])[:100]
        )
        for problem in found
    ]
    return _problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        name="wrong-parameter",
        title="A parameter is not valid",
        detail="; ".join(f"{one.parameter}: {one.expected}, was {one.was!r}" for one in wrong),
        errors=wrong,
    )


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return await _on_defect(request, error)
    status = HTTPStatus(error.status_code)
    return _problem(
        request,
        status,
        name=_dashed(status.phrase.title().replace(" ", "")),
        title=status.phrase,
        detail=f"{request.method} {request.url.path}: {status.description or status.phrase}",
        headers=error.headers,
    )


async def _on_defect(request: Request, error: Exception) -> JSONResponse:
    _log.error("request failed", path=request.url.path, error=type(error).__name__, detail=str(error))
    return _problem(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        name="defect",
        title="The server failed",
        detail="The server's log says why.",
    )


def _dashed(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
