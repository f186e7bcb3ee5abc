"""States beside a probability what it is worth: conformal sets, picks and abstentions, and the evidence.

A policy is settled when a version is made, from out-of-sample decisions alone, and is stored in the
model's own bytes. So the hash that names a model covers its picks and its evidence, and whoever
has the bytes (scoring, a backtest) states the same. The policy does not change the probability.
"""

import msgspec
from msgspec.structs import replace

from schemas.artifacts import Evidence
from schemas.events import PredictionMade
from trainers.models.conformal import ConformalLimits


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated beside a probability.

    Attributes:
        bar_s: The length of the bars between decisions, in seconds.
        picks_from: The least confidence with which the model makes a decision; None always abstains.
        evidence: The evidence by growing confidence; the first row is of all decisions. Empty if nothing was judged.
        limits: The limits of the conformal sets; None states no sets.
    """

    bar_s: int
    picks_from: float | None
    evidence: tuple[Evidence, ...]
    limits: ConformalLimits | None

    def __post_init__(self) -> None:
        """Refuses shares outside 0 and 1, which no prediction could state."""
        limits = self.limits
        shares = [] if limits is None else [limits.miscoverage]
        for row in self.evidence:
            shares += [row.target, row.coverage]
            for metric in (row.at_close, *row.late.values()):
                shares += [end for end in (metric.value, metric.low, metric.high) if end is not None]
        wrong = [share for share in shares if not 0 <= share <= 1]
        if wrong:
            message = f"the shares of a policy must be within 0 and 1, one was {wrong[0]:g}"
            raise ValueError(message)

    def evidence_for(self, probability_up: float) -> Evidence | None:
        """Returns the evidence of the most confident decisions to which a decision of this probability belongs."""
        confidence = max(probability_up, 1 - probability_up)
        reached = [row for row in self.evidence if confidence >= row.least_confidence]
        return reached[-1] if reached else None

    def is_pick(self, probability_up: float) -> bool:
        """Whether the model makes the decision; otherwise it abstains."""
        return self.picks_from is not None and max(probability_up, 1 - probability_up) >= self.picks_from

    def applied(self, made: PredictionMade) -> PredictionMade:
        """Returns a prediction with its set, whether it is a pick, and its evidence."""
        limits, found = self.limits, self.evidence_for(made.probability_up)
        stated = replace(
            made,
            prediction_set=None if limits is None else limits.set_of(made.probability_up),
            miscoverage=None if limits is None else limits.miscoverage,
            is_pick=self.is_pick(made.probability_up),
        )
        return stated if found is None else _with_evidence(stated, found, bar_s=self.bar_s)


def _with_evidence(made: PredictionMade, found: Evidence, *, bar_s: int) -> PredictionMade:
    at_close, late = found.at_close, found.late.get(bar_s)
    return replace(
        made,
        evidence_target=found.target,
        evidence_coverage=found.coverage,
        evidence_n=at_close.n,
        evidence_accuracy=at_close.value,
        evidence_low=at_close.low,
        evidence_high=at_close.high,
        late_accuracy=None if late is None else late.value,
        late_low=None if late is None else late.low,
        late_high=None if late is None else late.high,
    )
