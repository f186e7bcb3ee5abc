"""How the outside sources of a run are, as the API says it, for ``driftline status``."""

from collections.abc import Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from deploy.local.asking import answer_of

_COLOURS = {"healthy": "green", "quiet": "yellow", "limited": "yellow", "refused": "red", "failing": "red"}


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """One source, as ``/v1/sources`` describes it.

    Attributes:
        source: Its name.
        state: The state of its health.
        reason: Why, in one sentence; None if nothing was said yet.
        last_item_age_s: How old its newest item is; None if that is not known.
        lag_s: How far it is behind the clock of the run; None for a source without watermarks.
        n_quarantined: The doubted prices of the last 24 hours.
        n_open_gaps: The stretches of which data are missing.
    """

    source: str
    state: str
    reason: str | None = None
    last_item_age_s: float | None = None
    lag_s: float | None = None
    n_quarantined: int = 0
    n_open_gaps: int = 0


class _Sources(msgspec.Struct):
    sources: list[SourceState]


def source_states(api_url: str) -> list[SourceState]:
    """Return how the sources are; none if the API does not say.

    Args:
        api_url: The address of the API.
    """
    body = answer_of(f"{api_url}/v1/sources", accepts_problems=False)
    try:
        return msgspec.convert(body, _Sources).sources
    except msgspec.ValidationError:
        return []


def render_sources(states: Sequence[SourceState]) -> Table:
    """Return a table of the sources; the reason stands where a source is not healthy."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("source", "state", "newest item", "lag", "doubted", "open gaps", "reason"):
        table.add_column(column, justify="left" if column in {"source", "state", "reason"} else "right")
    for each in states:
        table.add_row(
            each.source,
            Text(each.state, style=_COLOURS.get(each.state, "")),
            _age(each.last_item_age_s),
            _age(each.lag_s),
            str(each.n_quarantined or ""),
            str(each.n_open_gaps or ""),
            "" if each.state == "healthy" else each.reason or "",
        )
    return table


def _age(seconds: float | None) -> str:
    """Return an age for people, in its two largest units."""
    if seconds is None:
        return ""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
