"""The label join: a prediction and the bar that ends at its horizon make an outcome.

Decided by content: the bar of the prediction's interval that ends exactly at as-of + horizon, and
no other. When bars go on without one that ends there, the outcome is void. It does not matter
which of the two comes first.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from schemas.errors import SnapshotMismatchError
from schemas.events import (
    BarClosed,
    Direction,
    Event,
    Outcome,
    OutcomeResolved,
    PredictionMade,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.topics import OUTCOMES, Topic
from stream_processors.operators.keys import Differences, key_of
from stream_processors.operators.protocols import Change, Output

#: Closes per instrument and interval, beyond which those go that no prediction can ask for any more.
N_CLOSES_KEPT = 2048
#: Where predictions stay away for good, closes go at this number whoever might ask.
MOST_CLOSES_KEPT = 100_000

_WHOLE = key_of("whole", "")
_BarKey = tuple[str, str, str]
_TargetKey = tuple[str, str, str, str]


class _Close(msgspec.Struct, frozen=True, array_like=True):
    end_ms: int
    price: float
    known_ms: int


class _Snapshot(msgspec.Struct):
    closes: list[tuple[_BarKey, list[_Close]]]
    pending: list[PredictionMade]
    last_made: list[tuple[_TargetKey, int]]


class OutcomesOperator:
    """Joins the predictions and bars of one partition.

    Args:
        seeds: Predictions without an outcome from the durable history, which an emptied log no
            longer holds.
    """

    def __init__(self, *, seeds: Iterable[PredictionMade] = ()) -> None:
        self._closes: dict[_BarKey, deque[_Close]] = {}
        self._pending: dict[tuple[_TargetKey, int], PredictionMade] = {}
        self._last_made: dict[_TargetKey, int] = {}
        self._differences = Differences()
        # Not among the last made: the log may hold a seed's record too, to be judged when it is read.
        for prediction in seeds:
            self._pending[(_target(prediction), prediction.event_time_ms)] = prediction

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take a bar or a prediction in; yield the outcomes that are decided by it."""
        match event:
            case BarClosed():
                yield from self._on_bar(event)
            case PredictionMade():
                yield from self._on_prediction(event)
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                return
            case _:
                message = f"the label join takes no {type(event).__name__}"
                raise TypeError(message)

    def _on_bar(self, bar: BarClosed) -> Iterator[Output]:
        key = (bar.stream, bar.instrument, str(bar.interval))
        closes = self._closes.setdefault(key, deque())
        if closes and bar.event_time_ms <= closes[-1].end_ms:
            return
        closes.append(_Close(bar.event_time_ms, bar.close, bar.known_time_ms))
        self._let_go(key, closes)
        due = [
            prediction
            for (target, _), prediction in self._pending.items()
            if target[:3] == key and prediction.resolves_at_ms <= bar.event_time_ms
        ]
        for prediction in due:
            yield self._resolved(prediction, closes)

    def _let_go(self, key: _BarKey, closes: deque[_Close]) -> None:
        """Predictions may lag behind the bars: only what lies before the newest of them can go."""
        if len(closes) <= N_CLOSES_KEPT:
            return
        asked_ms = max((made for target, made in self._last_made.items() if target[:3] == key), default=None)
        while len(closes) > N_CLOSES_KEPT and (
            len(closes) > MOST_CLOSES_KEPT or asked_ms is None or closes[0].end_ms <= asked_ms
        ):
            closes.popleft()

    def _on_prediction(self, prediction: PredictionMade) -> Iterator[Output]:
        if not self._take(prediction):
            return
        closes = self._closes.get(_target(prediction)[:3])
        if closes and closes[-1].end_ms >= prediction.resolves_at_ms:
            yield self._resolved(prediction, closes)

    def _take(self, prediction: PredictionMade) -> bool:
        """Whether a prediction is new; they come in as-of order per target, repeats do not."""
        target = _target(prediction)
        if prediction.event_time_ms <= self._last_made.get(target, -1):
            return False
        self._last_made[target] = prediction.event_time_ms
        self._pending[(target, prediction.event_time_ms)] = prediction
        return True

    def _resolved(self, prediction: PredictionMade, closes: deque[_Close]) -> Output:
        del self._pending[(_target(prediction), prediction.event_time_ms)]
        at = prediction.resolves_at_ms
        judged = closes[-1]
        for close in reversed(closes):
            if close.end_ms < at:
                break
            judged = close
        final = judged if judged.end_ms == at else None
        outcome = _outcome(prediction.reference_price, None if final is None else final.price)
        event = OutcomeResolved(
            event_time_ms=at,
            known_time_ms=max(prediction.known_time_ms, judged.known_ms),
            source=prediction.source,
            stream=prediction.stream,
            instrument=prediction.instrument,
            interval=prediction.interval,
            horizon=prediction.horizon,
            features_as_of_ms=prediction.event_time_ms,
            probability_up=prediction.probability_up,
            direction=prediction.direction,
            reference_price=prediction.reference_price,
            final_price=None if final is None else final.price,
            outcome=outcome,
            is_hit=_is_hit(prediction.direction, outcome),
            model_version=prediction.model_version,
            model_hash=prediction.model_hash,
        )
        return Output(OUTCOMES, event, prediction.instrument)

    def changes(self) -> Iterator[Change]:
        """Closes, open predictions and the last as-of times, as MessagePack."""
        yield from self._differences.since({_WHOLE: self._packed()})

    def _packed(self) -> bytes:
        return msgspec.msgpack.encode(
            _Snapshot(
                closes=[(key, list(closes)) for key, closes in self._closes.items()],
                pending=list(self._pending.values()),
                last_made=list(self._last_made.items()),
            )
        )

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is of another release.
        """
        try:
            found = msgspec.msgpack.decode(entries.get(_WHOLE, b""), type=_Snapshot)
        except msgspec.DecodeError as error:
            message = f"the state is of another release: {error}"
            raise SnapshotMismatchError(message) from error
        self._closes = {key: deque(closes) for key, closes in found.closes}
        self._pending = {(_target(made), made.event_time_ms): made for made in found.pending}
        self._last_made = dict(found.last_made)
        self._differences.take(entries)

    def forget(self, stream: str) -> None:
        """Drop the closes and predictions of a run."""
        self._closes = {key: closes for key, closes in self._closes.items() if key[0] != stream}
        self._pending = {key: made for key, made in self._pending.items() if key[0][0] != stream}
        self._last_made = {key: made_ms for key, made_ms in self._last_made.items() if key[0] != stream}

    def newest(self) -> Iterator[Event]:
        """Nothing: outcomes are no view."""
        yield from ()


def _target(prediction: PredictionMade) -> _TargetKey:
    return (
        prediction.stream,
        prediction.instrument,
        str(prediction.interval),
        str(prediction.horizon),
    )


def _outcome(reference: float, final: float | None) -> Outcome:
    if final is None:
        return Outcome.VOID
    if final == reference:
        return Outcome.TIE
    return Outcome.UP if final > reference else Outcome.DOWN


def _is_hit(direction: Direction, outcome: Outcome) -> bool | None:
    if outcome in {Outcome.TIE, Outcome.VOID}:
        return None
    return str(direction) == str(outcome)
