"""What a comparison of scorers states, as it is printed in JSON."""

import msgspec

from trainers.evaluation.information import InformationCoefficient
from trainers.sentiment.measures import Measure


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A value with the ends of its 95 % interval; None if it has none."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Return the value with its interval, to three places."""
        return (
            f"{self.value:.3f}" if self.low is None else f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"
        )


class ScorerOnData(msgspec.Struct, frozen=True, kw_only=True):
    """How good a scorer is on one set of labelled texts.

    Attributes:
        confusion: Rows are true labels, columns stated ones: negative, neutral, positive, refused.
        bins: By bin of the highest probability: the number of texts, its mean, and the share of right labels.
    """

    data: str
    scorer: str
    n: int
    n_refused: int
    accuracy: Figure
    macro_f1: Figure
    confusion: list[list[int]]
    calibration_error: Figure | None = None
    brier: Figure | None = None
    bins: list[tuple[float, float, float]] = []


class PairOnData(msgspec.Struct, frozen=True, kw_only=True):
    """Two scorers on the same texts.

    Attributes:
        difference: The accuracy of the second less that of the first.
        p_value: By McNemar's test.
        adjusted: The same for all pairs of these texts together, by Holm.
    """

    data: str
    first: str
    second: str
    difference: float
    p_value: float
    adjusted: float

    @property
    def is_noise(self) -> bool:
        """Whether the difference may be chance, at 5 %."""
        return self.adjusted >= 0.05


class ScorerSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """How long a scorer takes, on one core beside whatever else runs.

    Attributes:
        n_texts: How many were timed.
        texts_per_s: In batches of 64.
        p50_ms: The median of a text alone.
        p99_ms: The 99th percentile of a text alone.
        cpu_s_per_thousand: Processor time of a thousand texts in batches.
        cost_per_thousand: What that costs in US dollars at the stated price.
    """

    scorer: str
    n_texts: int
    texts_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_s_per_thousand: float
    cost_per_thousand: float


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """The information coefficient of a scorer's hourly means against the return that follows.

    Attributes:
        delay_minutes: How long after its publication an article counts as known.
        n: The hours with articles.
        coefficient: With its interval by blocks of days.
        control: The middle 95 % of the coefficients that shifted times give: what chance alone gives.
        p_value: The share of shifted coefficients that are at least as large.
        adjusted: The same for all signals of the report together, by Holm.
    """

    scorer: str
    horizon: str
    delay_minutes: int
    n: int
    coefficient: Figure
    control: tuple[float, float] | None
    p_value: float
    adjusted: float = 1.0

    @property
    def is_shown(self) -> bool:
        """Whether it is more than chance: the interval leaves out 0, and the adjusted p-value is under 5 %."""
        apart = self.coefficient.low is not None and not (
            self.coefficient.low <= 0 <= (self.coefficient.high or 0)
        )
        return apart and self.adjusted < 0.05


class LabelledData(msgspec.Struct, frozen=True, kw_only=True):
    """A set of labelled texts.

    Attributes:
        n_by_label: Texts that are negative, neutral, positive.
        mapping: How its labels were read.
    """

    name: str
    n: int
    n_left_out: int
    n_by_label: list[int]
    mapping: str


class ScorerComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of scorers.

    Attributes:
        unavailable: Scorers that are configured and did not run, with the reason.
        notes: What is announced about those that ran.
        price_of_core_hour: In US dollars, for the cost.
        n_articles: The articles of the signals.
        findings: What the figures say, one sentence each.
    """

    data: list[LabelledData]
    figures: list[ScorerOnData]
    pairs: list[PairOnData]
    speeds: list[ScorerSpeed]
    signals: list[Signal] = []
    unavailable: list[str] = []
    notes: list[str] = []
    price_of_core_hour: float = 0.0
    n_articles: int = 0
    findings: list[str] = []


def figure_of(measure: Measure | InformationCoefficient) -> Figure:
    """A measure as it is stated."""
    if measure.interval is None:
        return Figure(value=measure.value)
    return Figure(value=measure.value, low=measure.interval.low, high=measure.interval.high)
