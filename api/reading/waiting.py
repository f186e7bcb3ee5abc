"""Words the answers for targets without a model or prediction: what is missing, and what to ask instead. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from schemas.arms import CHAMPION
from schemas.events import BarClosed, ModelPromoted
from schemas.targets import Target

#: Why a capture that is played by itself has no model.
NO_HISTORY = "no history precedes the capture, so no model of it can be trained in this run"


class MissingBars(NamedTuple):
    """The bars that a target lacks before its features are complete.

    Attributes:
        n_there: The number of newest bars without a hole between them.
        n_needed: The number that the features need.
        lacks_history_file: Whether the run is a capture that is played without HISTORY.
    """

    n_there: int
    n_needed: int
    lacks_history_file: bool

    def words(self, target: Target, *, gives: str = "them") -> str:
        """Say how many bars are missing, and which option would give them at the start.

        Args:
            target: The target that lacks them.
            gives: What the option gives.
        """
        history = (
            "; HISTORY=FILE (--history FILE), 1-minute candles up to where the capture begins, gives "
            f"{gives} at the start"
            if self.lacks_history_file
            else ""
        )
        return (
            f"its features need {self.n_needed} bars of {target.interval} without a hole, {self.n_there} are there, "
            f"{self.n_needed - self.n_there} are missing{history}"
        )


def missing_bars(bars: Sequence[BarClosed], *, n_needed: int, lacks_history_file: bool) -> MissingBars | None:
    """Return which bars a target lacks; None if it lacks none.

    Args:
        bars: The newest bars of the target's instrument and interval, oldest first.
        n_needed: The number of bars that its features need.
        lacks_history_file: Whether the run is a capture that is played without HISTORY.
    """
    n_there = 0
    for bar in reversed(bars):
        if n_there and bar.event_time_ms != bars[-n_there].start_ms:
            break
        n_there += 1
    if n_there >= n_needed:
        return None
    return MissingBars(n_there, n_needed, lacks_history_file)


def waiting_targets(configured: Iterable[Target], champions: Iterable[ModelPromoted]) -> list[Target]:
    """Return the configured targets that have no champion, in the order of the configuration."""
    held = {(one.instrument, one.interval, one.horizon) for one in champions}
    return [target for target in configured if target[1:4] not in held]


def missing_words(
    target: Target,
    champions: Mapping[tuple[str, str, str], ModelPromoted],
    *,
    held_back: str | None = None,
    missing: MissingBars | None = None,
) -> str:
    """Return what a target without a prediction lacks: a model, or its first prediction.

    Args:
        target: The target.
        champions: The champions by instrument, interval and horizon.
        held_back: Why the version that was trained for it is not promoted; None where there is no such version.
        missing: The bars that it lacks; None if it lacks none.
    """
    champion = champions.get(target[1:4])
    if champion is None and held_back is not None:
        return f"no champion: {held_back}"
    if champion is None and missing is not None and missing.lacks_history_file:
        return f"no model: {NO_HISTORY}; {missing.words(target, gives='both')}"
    if champion is None:
        why = "no model: the training goes on, or the run's warm-up holds too few labelled bars to train on"
        return why if missing is None else f"{why}; {missing.words(target)}"
    if missing is not None:
        return f"no prediction yet of its model {champion.model_version}: {missing.words(target)}"
    return f"no prediction yet: its model {champion.model_version} predicts at the next bar's close"


def no_prediction_words(
    target: Target,
    champions: Sequence[ModelPromoted],
    *,
    held_back: str | None = None,
    missing: MissingBars | None = None,
) -> str:
    """Return why a target has no prediction, and the paths of targets that have a model.

    Args:
        target: The target.
        champions: All champions of the run, or all versions of the target's arm.
        held_back: Why the version that was trained for it is not promoted; None where there is no such version.
        missing: The bars that it lacks; None if it lacks none.
    """
    begin = f"there is no prediction yet of {target.instrument} {target.pair}: "
    own = next((one for one in champions if _is_of(one, target)), None)
    if own is not None and missing is not None:
        return f"{begin}its model {own.model_version} waits for bars: {missing.words(target)}"
    if own is not None:
        return f"{begin}its model {own.model_version} is trained and predicts at the next bar's close"
    if held_back is not None:
        return f"{begin}{held_back}. {_instead(target, champions)}"
    if missing is not None and missing.lacks_history_file:
        return f"{begin}{NO_HISTORY}; {missing.words(target, gives='both')}"
    # Models are trained once, on what the run holds up to the end of its warm-up.
    why = (
        "no model of it is trained. Either the training goes on, or the run's warm-up holds too few labelled bars "
        "of this interval, and then no model will come: the trainer's log states the count, and a run that begins "
        "earlier (--from) has more bars"
    )
    if missing is not None:
        why = f"{why}. Besides, {missing.words(target)}"
    return f"{begin}{why}. {_instead(target, champions)}"


def no_arm_words(target: Target, arms: Sequence[str]) -> str:
    """Return the sentence that no version was promoted to the arm of a target, and which arms there are.

    Args:
        target: The target.
        arms: The arms of the run.
    """
    return (
        f"no version is the {target.arm} of {target.instrument} {target.interval}:{target.horizon}; "
        f"arms of this run are {', '.join(arms) or CHAMPION}, and /v1/targets?arm=... lists what each predicts"
    )


def _is_of(champion: ModelPromoted, target: Target) -> bool:
    return (champion.instrument, champion.interval, champion.horizon) == target[1:4]


def _instead(target: Target, champions: Sequence[ModelPromoted]) -> str:
    near = [one for one in champions if one.instrument == target.instrument] or champions
    if not near:
        return "No other target has a model yet either; /v1/targets lists new models as they come"
    return f"There are models now of {', '.join(map(_asked, near))}; /v1/targets lists all models"


def _asked(champion: ModelPromoted) -> str:
    query = urlencode({"interval": champion.interval, "horizon": champion.horizon})
    return f"{champion.interval}:{champion.horizon} (/v1/predictions/{champion.instrument}?{query})"
