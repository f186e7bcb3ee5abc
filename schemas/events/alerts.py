"""Alerts about the platform itself."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from schemas.events.facts import Event, Name


class Severity(StrEnum):
    """How soon a person must look: not at all, today, or now."""

    INFORMATION = "information"
    WARNING = "warning"
    PAGE = "page"


class AlertRaised(Event, frozen=True, kw_only=True, gc=False, tag="AlertRaised"):
    """A part of the platform itself needs attention, or no longer needs it.

    An alert is identified by its ``name`` and ``subject``. The same alert with ``is_resolved``
    ends it. Times are those of the wall clock of the process that raises it; those of ``repeated_trades``,
    which follows from the data alone, are the trade's.

    Attributes:
        name: The kind of alert, such as ``dead_letters`` or ``stalled_partition``.
        subject: The subject of the alert, such as a consumer or ``market.tick.v1/3``.
        severity: How soon a person must look.
        summary: One sentence for people: what was found, and what to do.
        value: The number that raised it; None if there is none.
        is_resolved: Whether the cause has gone.
    """

    key_fields = ("name", "subject")
    natural_key = ("stream", "name", "subject", "source", "event_time_ms", "is_resolved")

    name: Name
    subject: Name
    severity: Severity
    summary: Annotated[str, Meta(max_length=500)]
    value: float | None = None
    is_resolved: bool = False
