"""The payloads of sources: their health, and the gaps in their data."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from api.payloads.shared import Payload
from schemas.events import PriceObserved, SourceHealth, SourceHealthChanged
from schemas.gaps import Gap, GapKind
from schemas.streams import StreamKind
from schemas.time import text_of_time


class QuarantinedPricePayload(Payload):
    """A price that the platform doubts."""

    instrument: str = Field(examples=["BTC-USD.COINGECKO"])
    price: float
    observed_ms: int
    reason: str | None


class SourcePayload(Payload):
    """The health of one source, and how far its data are."""

    source: str = Field(examples=["coindesk"])
    state: SourceHealth = Field(
        description="`unknown` if nothing was published about its health, such as that of a recorded file."
    )
    reason: str | None = Field(description="One sentence: what was observed.")
    since_ms: int | None = Field(description="When the state was last published.")
    last_item_ms: int | None = Field(description="The event time of its newest item.")
    last_item_age_s: float | None
    last_answer_ms: int | None = Field(description="When it last answered.")
    last_answer_age_s: float | None
    watermark_ms: int | None = Field(
        description="Up to this event time the source vouched that everything of it is published; it stands still in an outage. "
        "Null for a source without watermarks."
    )
    lag_s: float | None = Field(description="How far the watermark is behind the clock of the run.")
    n_quarantined: int = Field(description="The doubted prices of the last 24 hours.")
    quarantined: list[QuarantinedPricePayload] = Field(
        description="The newest prices of it that are doubted."
    )
    n_open_gaps: int


class SourcesPayload(Payload):
    """Lists all sources of a run."""

    stream: str
    stream_kind: StreamKind
    now_ms: int | None = Field(description="The clock of the run; null if it is not known.")
    sources: list[SourcePayload]


class GapPayload(Payload):
    """A stretch of event time, `[start_ms, end_ms)`, of which data are missing or were missing."""

    source: str
    instrument: str
    kind: GapKind
    start_ms: int
    start: str
    end_ms: int
    end: str
    reason: str
    n_missing: int | None = Field(description="How many items are missing; null if that is not known.")
    opened_ms: int
    closed_ms: int | None = Field(description="Null while the gap is open.")
    closed_by: str | None = Field(examples=["backfill"])


class GapsPayload(Payload):
    """Lists gaps, the newest stretch first."""

    stream: str
    stream_kind: StreamKind
    n_gaps: int = Field(description="How many gaps there are, of which the newest are listed.")
    gaps: list[GapPayload]


class SourceFacts(NamedTuple):
    """What the stores hold about the sources of a run."""

    health: Sequence[SourceHealthChanged]
    watermarks_ms: Mapping[str, int]
    n_quarantined: Mapping[str, int]
    quarantined: Sequence[PriceObserved]
    open_gaps: Sequence[Gap]


def source_payloads(facts: SourceFacts, *, now_ms: int | None) -> list[SourcePayload]:
    """Return the answers for all sources that anything is known of, by name.

    Args:
        facts: What the stores hold.
        now_ms: The clock of the run; None if it is not known.
    """
    health = {each.source: each for each in facts.health}
    names = {*health, *facts.watermarks_ms, *facts.n_quarantined, *(gap.source for gap in facts.open_gaps)}
    return [_payload(name, health.get(name), facts, now_ms) for name in sorted(names)]


def _payload(
    name: str, health: SourceHealthChanged | None, facts: SourceFacts, now_ms: int | None
) -> SourcePayload:
    item_ms, answer_ms = (None, None) if health is None else (health.last_item_ms, health.last_answer_ms)
    watermark_ms = facts.watermarks_ms.get(name)
    return SourcePayload(
        source=name,
        state=SourceHealth.UNKNOWN if health is None else health.state,
        reason=None if health is None else health.reason,
        since_ms=None if health is None else health.event_time_ms,
        last_item_ms=item_ms,
        last_item_age_s=_age_s(item_ms, now_ms),
        last_answer_ms=answer_ms,
        last_answer_age_s=_age_s(answer_ms, now_ms),
        watermark_ms=watermark_ms,
        lag_s=_age_s(watermark_ms, now_ms),
        n_quarantined=facts.n_quarantined.get(name, 0),
        quarantined=[_quarantined(price) for price in facts.quarantined if price.source == name],
        n_open_gaps=sum(gap.source == name for gap in facts.open_gaps),
    )


def _age_s(time_ms: int | None, now_ms: int | None) -> float | None:
    return None if time_ms is None or now_ms is None else max(0, now_ms - time_ms) / 1000


def _quarantined(price: PriceObserved) -> QuarantinedPricePayload:
    return QuarantinedPricePayload(
        instrument=price.instrument, price=price.price, observed_ms=price.event_time_ms, reason=price.reason
    )


def gap_payload(gap: Gap) -> GapPayload:
    """Return the answer for a gap."""
    return GapPayload(
        source=gap.source,
        instrument=gap.instrument,
        kind=gap.kind,
        start_ms=gap.start_ms,
        start=text_of_time(gap.start_ms, "iso"),
        end_ms=gap.end_ms,
        end=text_of_time(gap.end_ms, "iso"),
        reason=gap.reason,
        n_missing=gap.n_missing,
        opened_ms=gap.opened_ms,
        closed_ms=gap.closed_ms,
        closed_by=gap.closed_by,
    )
