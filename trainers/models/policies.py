"""What a model's probability is worth: conformal sets, when it abstains, and the evidence for each row.

A policy is settled when the version is made, from out-of-sample decisions alone, and travels in the
model's own bytes: so the hash that names a model covers when it picks and what it claims, and whoever
has the bytes (scoring, a backtest) states the same. The probability itself is not changed by it.
"""

import msgspec
from msgspec.structs import replace

from schemas.events import PredictionMade
from trainers.models.conformal import ConformalLimits


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share of right decisions with its 95 % interval, and of how many."""

    accuracy: float
    low: float
    high: float
    n: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How decisions of at least some confidence turned out where the model had not seen them.

    The thresholds behind the figures were each chosen on data before the decisions that they are of;
    ``least_confidence`` is the one that serves from now on, chosen in the same way.

    Attributes:
        target: The most confident share of all decisions that was aimed at; 1 is all.
        least_confidence: The probability of the stated direction from which on it serves.
        coverage: The share of all decisions that was made in fact.
        at_close: Entered at the close that was decided on.
        late: Entered some seconds later and held as long, by the seconds; a bar is among them.
    """

    target: float
    least_confidence: float
    coverage: float
    at_close: Share
    late: dict[int, Share]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated beside a probability.

    Attributes:
        bar_s: Seconds of the bars between decisions.
        picks_from: The confidence from which on the model makes a decision; None always abstains.
        evidence: By growing confidence; the first is of all decisions. Empty where nothing was judged.
        limits: Of the conformal sets; None states none.
    """

    bar_s: int
    picks_from: float | None
    evidence: tuple[Evidence, ...]
    limits: ConformalLimits | None

    def evidence_for(self, probability_up: float) -> Evidence | None:
        """The evidence of the most confident decisions that one of this probability is among."""
        confidence = max(probability_up, 1 - probability_up)
        reached = [row for row in self.evidence if confidence >= row.least_confidence]
        return reached[-1] if reached else None

    def is_pick(self, probability_up: float) -> bool:
        """Whether the model makes the decision; otherwise it abstains."""
        return self.picks_from is not None and max(probability_up, 1 - probability_up) >= self.picks_from

    def applied(self, made: PredictionMade) -> PredictionMade:
        """A prediction with its set, whether it is a pick, and its evidence."""
        limits, found = self.limits, self.evidence_for(made.probability_up)
        stated = replace(
            made,
            prediction_set=None if limits is None else limits.set_of(made.probability_up),
            miscoverage=None if limits is None else limits.miscoverage,
            is_pick=self.is_pick(made.probability_up),
        )
        return stated if found is None else _with_evidence(stated, found, bar_s=self.bar_s)


def _with_evidence(made: PredictionMade, found: Evidence, *, bar_s: int) -> PredictionMade:
    late = found.late.get(bar_s)
    return replace(
        made,
        evidence_target=found.target,
        evidence_coverage=found.coverage,
        evidence_n=found.at_close.n,
        evidence_accuracy=found.at_close.accuracy,
        evidence_low=found.at_close.low,
        evidence_high=found.at_close.high,
        late_accuracy=None if late is None else late.accuracy,
        late_low=None if late is None else late.low,
        late_high=None if late is None else late.high,
    )
