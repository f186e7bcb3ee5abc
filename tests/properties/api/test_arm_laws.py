"""Arms do not touch one another: beside others each gives what it gives alone, whatever restarts come between.

The logs have an instrument with companions, so that there are two rows of each close: market features and the
vector. Versions of each arm take the one or the other, and change between them.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from api.scoring.operators import ScoringOperator
from schemas.arms import ALIASES, CHALLENGER, CHAMPION, SHADOW
from schemas.errors import InvariantError
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    OutcomeResolved,
    PredictionMade,
    PredictionsAdvanced,
    PromotionTookEffect,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.topics import (
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MARKET_BAR,
    MODELS_EFFECT,
    MODELS_EVENT,
    PREDICTIONS,
    PROGRESS_SCORING,
    Topic,
)
from stream_processors.operators.outcomes import OutcomesOperator
from tests.fixtures.keeping import keep, restored_from
from tests.unit.api.events import INSTRUMENT, QUARTER_MS, bar, features, prediction, promotion

LAWS = settings(max_examples=200, deadline=None)
STREAM = "replay-test"
MARKET, VECTOR = "spec of market features", "spec of vectors"
#: A version whose name ends so cannot decide every fourth row.
FAILING = "-fails"


class Message(NamedTuple):
    """An event, and the topic that it is read from."""

    topic: Topic
    event: Event


Log = list[Message]


def decided(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
    """A decision that differs with every row and every version."""
    if promoted.model_version.endswith(FAILING) and row.event_time_ms // QUARTER_MS % 4 == 0:
        message = "a feature is missing"
        raise InvariantError(message)
    text = f"{row.event_time_ms} {row.feature_spec_hash} {promoted.model_version}"
    return prediction(
        row.event_time_ms,
        horizon=promoted.horizon,
        version=promoted.model_version,
        probability_up=hashlib.sha256(text.encode()).digest()[0] / 255,
        close=row.close,
        spec=row.feature_spec_hash,
        arm=promoted.alias,
    )


def scoring() -> ScoringOperator:
    return ScoringOperator(decide=decided, joined={INSTRUMENT: "binance"}, n_kept=4)


def market_row(number: int) -> Message:
    return Message(FEATURES_MARKET, features(number * QUARTER_MS, spec=MARKET, value=number / 8))


def vector_row(number: int) -> Message:
    row = msgspec.structs.asdict(features(number * QUARTER_MS, spec=VECTOR, value=number / 16))
    return Message(FEATURES_VECTOR, VectorComputed(**row, joined={}, n_late=0))


def mark(topic: Topic, number: int) -> Message:
    time_ms = number * QUARTER_MS
    return Message(
        topic,
        WatermarkAdvanced(event_time_ms=time_ms, known_time_ms=time_ms, source="binance", stream=STREAM),
    )


@st.composite
def rows_by_topic(draw: st.DrawFn) -> list[Log]:
    """The rows of both topics with their watermarks; vectors may be missing, or end early."""
    n = draw(st.integers(1, 14))
    sides: list[Log] = []
    for topic, row in ((FEATURES_MARKET, market_row), (FEATURES_VECTOR, vector_row)):
        last = n if topic is FEATURES_MARKET else draw(st.integers(0, n))
        numbers = [number for number in range(1, last + 1) if draw(st.integers(0, 7))]
        side: Log = []
        for number in numbers:
            side.append(row(number))
            if draw(st.booleans()):
                side.append(mark(topic, number))
        sides.append(side)
    return sides


@st.composite
def promotions(draw: st.DrawFn, arm: str) -> Log:
    """The promotions of an arm, in the order of their times."""
    times = sorted(draw(st.lists(st.integers(0, 14), max_size=3)))
    fails = FAILING if arm != CHAMPION and draw(st.integers(0, 3)) == 0 else ""
    return [
        Message(
            MODELS_EVENT,
            promotion(
                at * QUARTER_MS,
                alias=arm,
                version=f"{arm}-{number}{fails}",
                spec=draw(st.sampled_from([MARKET, VECTOR])),
            ),
        )
        for number, at in enumerate(times)
    ]


def mixed(sides: Sequence[Sequence[Message]], chance: random.Random) -> Log:
    """All sides, each in its order."""
    waiting, log = [list(side) for side in sides if side], Log()
    while waiting:
        side = chance.choice(waiting)
        log.append(side.pop(0))
        waiting = [left for left in waiting if left]
    return log


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Rows and promotions of three arms, interleaved in any way."""
    sides = [*draw(rows_by_topic()), *(draw(promotions(arm)) for arm in ALIASES)]
    return mixed(sides, draw(st.randoms(use_true_random=False)))


def arm_of(event: Event) -> str | None:
    match event:
        case PredictionMade() | OutcomeResolved():
            return event.arm
        case ModelPromoted() | PromotionTookEffect():
            return event.alias
        case _:
            return None


def of_arm(arm: str, events: Sequence[Event]) -> list[Event]:
    return [event for event in events if arm_of(event) == arm]


def alone(arm: str, log: Log) -> Log:
    """The log as if there were no other arm."""
    return [message for message in log if arm_of(message.event) in (None, arm)]


def stepped(
    make: Callable[[], ScoringOperator | OutcomesOperator], log: Log, *, cuts: Sequence[int] = ()
) -> list[Event]:
    """What follows from a log; at each cut the operator is restored from what it had said to keep."""
    machine, entries, found = make(), dict[bytes, bytes](), list[Event]()
    for number, (topic, event) in enumerate(log):
        if number in cuts:
            keep(machine, entries)
            machine = restored_from(make(), entries)
        found += [output.event for output in machine.step(topic, event)]
    return found


@LAWS
@given(log=logs(), cuts=st.lists(st.integers(0, 40), max_size=3))
def test_each_arm_gives_beside_the_others_what_it_gives_alone(log: Log, cuts: list[int]) -> None:
    together = stepped(scoring, log, cuts=cuts)
    for arm in ALIASES:
        assert of_arm(arm, together) == stepped_without_progress(alone(arm, log))


def stepped_without_progress(log: Log) -> list[Event]:
    return [event for event in stepped(scoring, log) if not isinstance(event, PredictionsAdvanced)]


@LAWS
@given(log=logs())
def test_no_arm_predicts_a_close_twice(log: Log) -> None:
    made = [one for one in stepped(scoring, log) if isinstance(one, PredictionMade)]
    closes = [tuple(getattr(one, name) for name in one.natural_key) for one in made]
    assert len(set(closes)) == len(closes)
    by_features: dict[tuple[str, str], list[int]] = {}
    for one in made:
        by_features.setdefault((one.arm, one.feature_spec_hash), []).append(one.event_time_ms)
    assert all(times == sorted(times) for times in by_features.values())


@LAWS
@given(data=st.data())
def test_predictions_do_not_hang_on_which_topic_of_rows_is_read_first(data: st.DataObject) -> None:
    """Promotions come before any row, as the runtime reads them; an arm may change between the two topics."""
    sides = data.draw(rows_by_topic())
    known = [message for arm in ALIASES for message in data.draw(promotions(arm))]
    found = [
        stepped(scoring, [*known, *mixed(sides, random.Random(data.draw(st.integers(0, 2**32))))])
        for _ in range(2)
    ]
    first, second = (sorted(map(msgspec.json.encode, of_kind(PredictionMade, some))) for some in found)
    assert first == second


def of_kind(kind: type[Event], events: Sequence[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


@LAWS
@given(log=logs(), seed=st.integers(0, 2**32))
def test_replay_in_another_order_predicts_for_every_arm_what_was_predicted_live(log: Log, seed: int) -> None:
    live = stepped(scoring, log)
    known = [message for message in log if message.topic is MODELS_EVENT]
    known += [Message(MODELS_EFFECT, record) for record in of_kind(PromotionTookEffect, live)]
    sides = [[one for one in log if one.topic is topic] for topic in (FEATURES_MARKET, FEATURES_VECTOR)]
    again = stepped(scoring, [*known, *mixed(sides, random.Random(seed))])
    first, second = (
        sorted(map(msgspec.json.encode, of_kind(PredictionMade, some))) for some in (live, again)
    )
    assert first == second


# The label join


@st.composite
def judged_logs(draw: st.DrawFn) -> Log:
    """What scoring says of three arms and its progress, and the bars that decide, interleaved in any way."""
    said = stepped(scoring, draw(logs()))
    topics = {PredictionMade: PREDICTIONS, PredictionsAdvanced: PROGRESS_SCORING}
    sides = [
        [Message(topic, event) for event in said if isinstance(event, kind)] for kind, topic in topics.items()
    ]
    sides.append([Message(MARKET_BAR, bar(at * QUARTER_MS, close=100.0 + at % 3)) for at in range(1, 18)])
    return mixed(sides, draw(st.randoms(use_true_random=False)))


@LAWS
@given(log=judged_logs(), cuts=st.lists(st.integers(0, 60), max_size=3))
def test_each_arm_is_judged_beside_the_others_as_it_is_alone(log: Log, cuts: list[int]) -> None:
    together = stepped(OutcomesOperator, log, cuts=cuts)
    for arm in (CHAMPION, CHALLENGER, SHADOW):
        predictions = [one for one in alone(arm, log) if one.topic is not PROGRESS_SCORING]
        assert sorted(map(msgspec.json.encode, of_arm(arm, together))) == sorted(
            map(msgspec.json.encode, stepped(OutcomesOperator, predictions))
        )
