"""Asks the API whether it serves a prediction yet, as any client would."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from schemas.targets import DEFAULT_TARGETS, parse_targets

_USUAL_INSTRUMENT = "BTC"


def predicted_target(api_url: str, environment: Mapping[str, str]) -> str | None:
    """The first target that is served, such as ``15m:15m``; None while none is.

    Args:
        api_url: Where the API is.
        environment: Says the run's reference instrument and its targets.
    """
    instrument = urllib.parse.quote(environment.get("DRIFTLINE_REFERENCE_INSTRUMENT", _USUAL_INSTRUMENT))
    for target in parse_targets(environment.get("DRIFTLINE_TARGETS") or DEFAULT_TARGETS):
        query = urllib.parse.urlencode(target._asdict())
        if _is_served(f"{api_url}/v1/predictions/{instrument}?{query}", environment.get("DRIFTLINE_STREAM")):
            return str(target)
    return None


def _is_served(url: str, stream: str | None) -> bool:
    """Whether a prediction is answered, and one of this run: another's server may have the port."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310  (the launcher's own http URL)
            body = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return stream is None or (isinstance(body, dict) and body.get("stream") == stream)
