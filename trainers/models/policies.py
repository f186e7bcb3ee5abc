"""What a model's probability is worth: conformal sets, when it abstains, and the evidence for each row.

A policy is settled when the version is made, from out-of-sample decisions alone, and travels in the
model's own bytes: so the hash that names a model covers when it picks and what it claims, and whoever
has the bytes (scoring, a backtest) states the same. The probability itself is not changed by it.
"""

import msgspec
from msgspec.structs import replace

from schemas.artifacts import Evidence
from schemas.events import PredictionMade
from trainers.models.conformal import ConformalLimits


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

    def __post_init__(self) -> None:
        """Refuse what no prediction could state: shares are within 0 and 1."""
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
