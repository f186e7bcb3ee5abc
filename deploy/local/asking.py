"""Asks the API whether it serves a prediction yet, as any client would."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

_USUAL_TARGETS = "15m:15m,1m:1m,1h:1h"
_USUAL_INSTRUMENT = "BTC"


def predicted_target(api_url: str, environment: Mapping[str, str]) -> str | None:
    """The first kind of prediction that is served, such as ``15m:15m``; None while there is none.

    Args:
        api_url: Where the API is.
        environment: Says the run's reference instrument and its targets.
    """
    instrument = urllib.parse.quote(environment.get("DRIFTLINE_REFERENCE_INSTRUMENT", _USUAL_INSTRUMENT))
    targets = environment.get("DRIFTLINE_TARGETS") or _USUAL_TARGETS
    for target in targets.split(","):
        interval, _, horizon = target.strip().partition(":")
        query = urllib.parse.urlencode({"interval": interval, "horizon": horizon or interval})
        if _is_served(f"{api_url}/v1/predictions/{instrument}?{query}", environment.get("DRIFTLINE_STREAM")):
            return target.strip()
    return None


def _is_served(url: str, stream: str | None) -> bool:
    """Whether a prediction is answered, and one of this run: another's server may have the port."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310  (the launcher's own http URL)
            body = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return stream is None or (isinstance(body, dict) and body.get("stream") == stream)
