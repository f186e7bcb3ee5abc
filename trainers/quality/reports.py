"""What is said about the quality of a run's data, as it is printed in JSON."""

from enum import StrEnum

import msgspec

from schemas.gaps import Gap


class DataKind(StrEnum):
    """What is judged by day."""

    BARS = "bars"
    TRADES = "trades"
    QUOTES = "quotes"
    PRICES = "prices"
    ARTICLES = "articles"


class DayQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of data of one instrument on one day of UTC.

    Attributes:
        instrument: The instrument; of articles the source.
        n_expected: How many bars the day should have so far; None where nobody can say.
        n_unexplained: How many bars are missing of which the ledger has no gap.
        n_duplicates: Articles that are copies of earlier ones, or trades that came after their bar was closed.
        n_outliers: Rows whose move is far larger than moves usually are. They may be true.
        n_quarantined: Prices that a quorum of sources does not confirm.
        broken: How many rows break each rule.
    """

    data: DataKind
    source: str
    instrument: str
    day: str
    n_rows: int
    n_expected: int | None = None
    n_unexplained: int = 0
    n_duplicates: int = 0
    n_outliers: int = 0
    n_quarantined: int = 0
    broken: dict[str, int] = {}

    @property
    def completeness(self) -> float | None:
        """The share of the expected rows that are there; None where nobody can say how many there should be."""
        return None if not self.n_expected else self.n_rows / self.n_expected

    @property
    def n_broken(self) -> int:
        """How often a rule is broken."""
        return sum(self.broken.values())


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How new the newest row is.

    Attributes:
        age_s: How long before the end of the report its event happened.
        delay_s: How long after it happened the platform had it; negative if the clock of the source is ahead; None for
            bars, of which that is not asked.
    """

    data: DataKind
    source: str
    instrument: str
    newest_ms: int
    age_s: float
    delay_s: float | None


class TrainingRows(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a target has rows enough to be trained on, counted as ``driftline train`` counts them.

    Attributes:
        n_rows: Labelled rows without ties, up to the end of the warm-up.
        n_needed: With fewer nothing is trained.
        remedy: What would bring the missing rows; empty if none are missing.
    """

    target: str
    n_rows: int
    n_needed: int
    remedy: str = ""

    @property
    def n_missing(self) -> int:
        """How many rows are missing."""
        return max(0, self.n_needed - self.n_rows)


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a source, as the collector stated it last."""

    source: str
    state: str
    reason: str


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said about a run.

    Attributes:
        from_ms: The beginning of the days that are judged.
        until_ms: The end: now, for a run that follows the sources; otherwise the newest event.
        gaps: The gaps of the ledger that are open.
        n_gaps_closed: How many were closed.
        dead_letters: How many letters of each consumer are open; None if the log does not answer.
        findings: What is open, one sentence each. Empty is good.
    """

    stream: str
    title: str
    kind: str
    from_ms: int
    until_ms: int
    days: list[DayQuality]
    freshness: list[Freshness]
    sources: list[SourceState]
    gaps: list[Gap]
    n_gaps_closed: int
    dead_letters: dict[str, int] | None
    targets: list[TrainingRows]
    findings: list[str]
