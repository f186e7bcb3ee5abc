"""Reads from the registry which versions of a run are held back or were confirmed despite their leak alarm.

It also reads how often the majority class was right beside each version. The registry is a folder that scoring reads too. Where this process does not have it, no alarm is known, and
answers say nothing of any. It is read anew only after it has changed, and not more often than each two seconds.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import structlog
from fastapi import Depends

from api.reading.parts import part
from schemas.arms import CHAMPION
from schemas.errors import StateError
from schemas.targets import Target
from schemas.time import Clock
from trainers.registry.folders import FolderRegistry
from trainers.registry.leak_alarms import held_back, is_ringing, standing_words

_KEPT_S = 2.0
_log = structlog.get_logger(__name__)


class KnownAlarms(NamedTuple):
    """The leak alarms of one run.

    Attributes:
        held_back: By instrument, interval and horizon without a champion: why its version is not promoted.
        ringing: By version whose alarm rings: its figures, and who confirmed it.
        majority: By version the accuracy of the direction that was more frequent in training.
    """

    held_back: Mapping[tuple[str, str, str], str]
    ringing: Mapping[str, str]
    majority: Mapping[str, float]


class LeakAlarms:
    """Answers from a registry what is to be known of leak alarms.

    Args:
        registry: The folder; it may be missing.
        stream: The run.
        clock: Measures for how long an answer is kept.
    """

    def __init__(self, registry: FolderRegistry, *, stream: str, clock: Clock) -> None:
        self._registry = registry
        self._stream = stream
        self._clock = clock
        self._known = KnownAlarms({}, {}, {})
        self._stamp: tuple[int, ...] | None = None
        self._until_s = float("-inf")

    def why_held_back(self, target: Target) -> str | None:
        """Why a target has no champion although a version of it was trained; None where none is held back.

        Another arm than the champion's is never held back.
        """
        if target.arm != CHAMPION:
            return None
        return self._newest().held_back.get((target.instrument, str(target.interval), str(target.horizon)))

    def words_of(self, version: str) -> str | None:
        """The figures of a ringing leak alarm and who confirmed it; None where the alarm does not ring."""
        return self._newest().ringing.get(version)

    def majority_of(self, version: str) -> float | None:
        """How often the direction that was more frequent in training was right, out of sample; None if not known."""
        return self._newest().majority.get(version)

    def _newest(self) -> KnownAlarms:
        now_s = self._clock.monotonic_s()
        if now_s >= self._until_s:
            self._until_s = now_s + _KEPT_S
            stamp = self._registry.stamp()
            if stamp != self._stamp:
                self._known = self._read()
                self._stamp = stamp
        return self._known

    def _read(self) -> KnownAlarms:
        try:
            versions, ledger = self._registry.versions(), self._registry.ledger()
        except (StateError, OSError) as error:
            _log.warning(
                "leak alarms are left out of answers: the registry is not readable", reason=str(error)
            )
            return KnownAlarms({}, {}, {})
        return KnownAlarms(
            held_back={
                (one.target.instrument, str(one.target.interval), str(one.target.horizon)): one.words
                for one in held_back(versions, ledger, stream=self._stream)
            },
            ringing={
                manifest.version: standing_words(manifest, ledger)
                for manifest in versions
                if is_ringing(manifest)
            },
            majority={
                manifest.version: figures["accuracy"].value
                for manifest in versions
                if "accuracy" in (figures := manifest.baselines.get("majority_class", {}))
            },
        )


AlarmsPart = Annotated[LeakAlarms, Depends(part(LeakAlarms))]
