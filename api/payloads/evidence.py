"""The payload of the evidence: how decisions as confident as a prediction turned out, in figures and in a sentence."""

from pydantic import Field

from api.payloads.shared import Payload
from schemas.events import PredictionMade
from schemas.time import Interval

#: The accuracy of a coin that is tossed.
COIN = 0.5


_EVIDENCE_EXAMPLE = (
    "On out-of-sample decisions as confident as this one: 63.6 % [62.4, 64.8] of 6,005 right, "
    "coverage 9.8 % (10.0 % aimed at), entered at the close; one bar (15m) late 55.9 % [54.6, 57.2]."
)


class LateEvidencePayload(Payload):
    """States how the same decisions turned out when they were entered later and held as long."""

    entered_after: Interval = Field(description="The delay, which is one bar.", examples=["15m"])
    accuracy: float = Field(examples=[0.559])
    accuracy_low: float | None = Field(description="95 % interval, lower end.", examples=[0.546])
    accuracy_high: float | None = Field(description="95 % interval, upper end.", examples=[0.572])


class EvidencePayload(Payload):
    """States how decisions as confident as this one turned out on data that the model had not seen."""

    target_coverage: float = Field(
        description="The share of decisions, the most confident ones, that was aimed at; 1 is all decisions.",
        examples=[0.1],
    )
    coverage: float = Field(description="The share of decisions that was reached.", examples=[0.098])
    n: int = Field(description="The number of these decisions, without ties.", examples=[6005])
    accuracy: float = Field(
        description="The share of them that was right, entered at the close.", examples=[0.636]
    )
    accuracy_low: float | None = Field(
        description="95 % block-bootstrap interval, lower end.", examples=[0.624]
    )
    accuracy_high: float | None = Field(
        description="95 % block-bootstrap interval, upper end.", examples=[0.648]
    )
    majority_accuracy: float | None = Field(
        description="The share of decisions that the direction more frequent in training got right, out of sample, over all "
        "decisions; null if it is not known.",
        examples=[0.512],
    )
    shows_edge: bool = Field(
        description="Whether the whole interval is above one half and above `majority_accuracy`."
    )
    one_bar_late: LateEvidencePayload | None = Field(
        description="The same decisions, entered one bar later; null if they could not be judged.",
    )
    summary: str = Field(
        description="All of these figures in a sentence.",
        examples=[
            _EVIDENCE_EXAMPLE,
        ],
    )


def evidence_payload(made: PredictionMade, *, majority: float | None) -> EvidencePayload | None:
    """Return how decisions as confident as this one turned out; None if that was never judged.

    Args:
        made: The prediction.
        majority: How often the direction that was more frequent in training was right, where it is known.
    """
    known = (made.evidence_target, made.evidence_coverage, made.evidence_n, made.evidence_accuracy)
    target, coverage, n, accuracy = known
    if target is None or coverage is None or n is None or accuracy is None:
        return None
    late = None
    if made.late_accuracy is not None:
        late = LateEvidencePayload(
            entered_after=made.interval,
            accuracy=made.late_accuracy,
            accuracy_low=made.late_low,
            accuracy_high=made.late_high,
        )
    return EvidencePayload(
        target_coverage=target,
        coverage=coverage,
        n=n,
        accuracy=accuracy,
        accuracy_low=made.evidence_low,
        accuracy_high=made.evidence_high,
        majority_accuracy=majority,
        shows_edge=_shows_edge(made, majority),
        one_bar_late=late,
        summary=_evidence_sentence(made, majority),
    )


def _shows_edge(made: PredictionMade, majority: float | None) -> bool:
    """Whether the whole interval is above a coin's accuracy and above that of always stating one direction."""
    return made.evidence_low is not None and made.evidence_low > max(COIN, majority or COIN)


def _no_edge_words(made: PredictionMade, majority: float | None) -> str:
    if _shows_edge(made, majority):
        return ""
    if made.evidence_low is None or made.evidence_low <= COIN:
        return " No edge is shown."
    return f" No edge is shown: always stating the more frequent direction is right in {_percent(majority)}."


def _evidence_sentence(made: PredictionMade, majority: float | None) -> str:
    is_all = made.evidence_target == 1
    which = (
        "On all out-of-sample decisions" if is_all else "On out-of-sample decisions as confident as this one"
    )
    aimed = "" if is_all else f" ({_percent(made.evidence_target)} aimed at)"
    right = _share(made.evidence_accuracy, made.evidence_low, made.evidence_high)
    late = _share(made.late_accuracy, made.late_low, made.late_high)
    one_bar_late = "" if made.late_accuracy is None else f"; one bar ({made.interval}) late {late}"
    return (
        f"{which}: {right} of {made.evidence_n:,} right, coverage {_percent(made.evidence_coverage)}{aimed}, "
        f"entered at the close{one_bar_late}.{_no_edge_words(made, majority)}"
    )


def _share(value: float | None, low: float | None, high: float | None) -> str:
    within = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{_percent(value)}{within}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"
