"""Chooses the champion of another run for a run that has too little history to train a model of its own.

A model must not have seen what it predicts. So a version is never adopted if its training data overlap the run.
One that was trained on later data is only adopted if there is none of earlier data, and the reason in the ledger
says so, because what it comes to is no evidence.
"""

from typing import NamedTuple

from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, ModelManifest, ModelTarget
from schemas.errors import NotReadyError, StateError
from schemas.events import END_OF_TIME_MS
from schemas.ports import ModelRegistry
from schemas.streams import StreamDescription
from schemas.time import Interval, bar_start_ms, text_of_time

#: The name of the parameter of a run's description that states the interval of its candles.
_INTERVAL = "interval"


class Adoption(NamedTuple):
    """The line by which a run takes over a champion, and the manifest of the version."""

    entry: LedgerEntry
    manifest: ModelManifest


def adoption_of(
    registry: ModelRegistry, target: ModelTarget, *, run: StreamDescription, spec_hash: str, now_ms: int
) -> Adoption | None:
    """Return the line to write for a run without a champion of its own, or None if no version may be adopted.

    Args:
        registry: Where versions are.
        target: What is to be predicted.
        run: The run; none of its bars are shorter than its candles.
        spec_hash: Of the features that the run computes.
        now_ms: When the line is recorded.
    """
    candle = Interval(str(run.parameters.get(_INTERVAL, Interval.ONE_MINUTE)))
    if target.interval.milliseconds < candle.milliseconds:
        return None
    lines = [entry for entry in registry.ledger() if (entry.alias, entry.target) == (CHAMPION, target)]
    newest = {entry.stream: entry for entry in lines}
    found = [
        (entry, manifest)
        for entry in newest.values()
        if (manifest := _manifest(registry, entry.version)) is not None
        and manifest.feature_spec_hash == spec_hash
        and not _overlaps(manifest, run)
    ]
    if not found:
        return None
    entry, manifest = max(found, key=lambda each: _preference(each[1], run))
    return Adoption(_entry(entry, manifest, run=run, now_ms=now_ms), manifest)


def _manifest(registry: ModelRegistry, version: str) -> ModelManifest | None:
    try:
        return registry.manifest(version)
    except (NotReadyError, StateError):  # whoever asks for that version by name is told
        return None


def _overlaps(manifest: ModelManifest, run: StreamDescription) -> bool:
    end_ms = END_OF_TIME_MS if run.end_ms is None else run.end_ms
    return manifest.trained_from_ms < end_ms and manifest.trained_until_ms > run.warm_up_until_ms


def _is_earlier(manifest: ModelManifest, run: StreamDescription) -> bool:
    return manifest.trained_until_ms <= run.warm_up_until_ms


def _preference(manifest: ModelManifest, run: StreamDescription) -> tuple[bool, int, int]:
    """The data before the run come first, and of those the nearest; then the nearest of the later data."""
    is_earlier = _is_earlier(manifest, run)
    nearness = manifest.trained_until_ms if is_earlier else -manifest.trained_from_ms
    return is_earlier, nearness, manifest.created_ms


def _entry(
    entry: LedgerEntry, manifest: ModelManifest, *, run: StreamDescription, now_ms: int
) -> LedgerEntry:
    trained = " to ".join(
        text_of_time(time_ms, "minute") for time_ms in (manifest.trained_from_ms, manifest.trained_until_ms)
    )
    later = (
        ""
        if _is_earlier(manifest, run)
        else "; these data are later than this run, so what it comes to here is no evidence"
    )
    return LedgerEntry(
        alias=CHAMPION,
        target=entry.target,
        version=entry.version,
        model_hash=entry.model_hash,
        stream=run.stream,
        effective_from_ms=bar_start_ms(run.warm_up_until_ms, entry.target.interval),
        recorded_ms=now_ms,
        reason=f"the champion of {entry.stream}, {entry.version}, predicts here: it was trained on {trained}{later}",
    )
