"""Asks the API whether it serves a prediction yet and what is missing, as any client would."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.instruments import is_instrument, parse_instrument
from schemas.targets import DEFAULT_TARGETS, parse_targets
from schemas.time import Interval, text_of_time

_USUAL_ASSET = "BTC"
#: How the API begins what a target with a model lacks.
_HAS_MODEL = "no prediction yet"


class ServedPrediction(NamedTuple):
    """The newest prediction of a target, as the API serves it.

    Attributes:
        target: The target, such as ``15m:15m``.
        as_of_ms: The end of the bar that it was made from; None if the API does not say.
    """

    target: str
    as_of_ms: int | None


def served_predictions(api_url: str, environment: Mapping[str, str]) -> Iterator[ServedPrediction]:
    """Yield the newest prediction of each target that is served, in the order of the targets.

    Args:
        api_url: The address of the API.
        environment: Holds the reference instrument and the targets of the run.
    """
    asset = urllib.parse.quote(_first_asset(environment))
    for target in parse_targets(environment.get("DRIFTLINE_TARGETS") or DEFAULT_TARGETS):
        query = urllib.parse.urlencode(target._asdict())
        body = answer_of(f"{api_url}/v1/predictions/{asset}?{query}", accepts_problems=False)
        if _is_of_run(body, environment.get("DRIFTLINE_STREAM")):
            yield ServedPrediction(
                str(target), body.get("features_as_of_ms") if isinstance(body, dict) else None
            )


def _first_asset(environment: Mapping[str, str]) -> str:
    """The asset of the first reference instrument; whichever of its instruments is healthy answers for it."""
    reference = environment.get("DRIFTLINE_REFERENCE_INSTRUMENT", "").split(",")[0].strip()
    return parse_instrument(reference).base if is_instrument(reference) else _USUAL_ASSET


def stored_words(made: ServedPrediction) -> str:
    """Return the target and the as-of time of a prediction that an earlier start made."""
    return f"{made.target} as of {'an unknown time' if made.as_of_ms is None else text_of_time(made.as_of_ms, 'minute')}"


def missing_words(api_url: str) -> str:
    """Return what the target lacks that will be predicted first, as the API says it.

    A target that has a model comes before one that has none, and a shorter interval before a longer one.

    Args:
        api_url: The address of the API.
    """
    body = answer_of(f"{api_url}/readyz")
    targets = body.get("targets") if isinstance(body, dict) else None
    if not targets:
        return "the API does not say yet what is missing"
    first = min(targets, key=_expected_order)
    return f"{first['instrument']} {first['interval']}:{first['horizon']}: {first['detail']}"


def _expected_order(target: dict[str, Any]) -> tuple[bool, int]:
    has_model = str(target["detail"]).startswith(_HAS_MODEL)
    return not has_model, Interval(target["interval"]).milliseconds


def _is_of_run(body: Any, stream: str | None) -> bool:
    """Whether a prediction of this run was answered; a server of another run may have the port."""
    return body is not None and (stream is None or (isinstance(body, dict) and body.get("stream") == stream))


def answer_of(url: str, *, accepts_problems: bool = True) -> Any:
    """Return the body of an answer; None where there is none.

    Args:
        url: An address of the API.
        accepts_problems: Whether a problem document is an answer too.
    """
    try:
        try:
            with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310  (the launcher's own http URL)
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return json.load(problem) if accepts_problems else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
