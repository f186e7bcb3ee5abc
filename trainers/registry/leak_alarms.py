"""The leak alarm: a version whose accuracy is too good to be true is not promoted before somebody confirms it.

Pure. The alarm rings when the lower end of the 95 % interval of the accuracy over all decisions, out of
sample, lies above :data:`LEAK_ALARM`. Real markets do not give so much; a leak does, such as a companion
whose candles are stamped with their closes. The simulated market plants an edge, so the alarm never
rings for it. The judgement is a part of the manifest; who confirmed it is a line of the ledger, and holds for the
alias of that line alone: who lets a version challenge has not said that it may serve. An accuracy without
an interval is not judged.

A shadow needs no confirmation: nobody acts on its predictions, and its live record is how a leak shows.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.arms import CHAMPION, SHADOW
from schemas.artifacts import LeakAlarm, LedgerEntry, Metric, ModelManifest, ModelTarget
from schemas.errors import ConfigurationError
from schemas.instruments import SIMULATED_VENUE
from schemas.sources import SOURCES
from trainers.registry.figures import stated_metrics

#: The accuracy over all decisions above which a leak is looked for first.
LEAK_ALARM = 0.56


def is_too_good(low: float | None) -> bool:
    """Whether an accuracy, by the lower end of its interval, must be taken for a leak at first."""
    return low is not None and low > LEAK_ALARM


def judged_alarm(accuracy: Metric | None, *, instrument: str, source: str) -> LeakAlarm | None:
    """Judge an accuracy over all decisions.

    Args:
        accuracy: Out of sample; None where nothing was measured.
        instrument: Whose direction is predicted.
        source: What the events of the training data say in ``source``.

    Returns:
        The judgement; None where nothing was measured, or without an interval.
    """
    if accuracy is None or accuracy.low is None:
        return None
    is_ringing = is_too_good(accuracy.low) and not _is_simulated(instrument, source)
    return LeakAlarm(is_ringing=is_ringing, accuracy=accuracy, limit=LEAK_ALARM)


def _is_simulated(instrument: str, source: str) -> bool:
    known = SOURCES.get(source)
    # Both, because users name the instruments and sources of their files.
    return instrument.endswith(f".{SIMULATED_VENUE}") and known is not None and known.is_simulated


def alarm_of(manifest: ModelManifest) -> LeakAlarm | None:
    """The judgement of a version: the one that its manifest states, or one of its accuracy.

    Manifests of earlier releases state none.
    """
    stated = manifest.leak_alarm
    if stated is not None:
        return None if stated.accuracy.low is None and not stated.is_ringing else stated
    accuracy = stated_metrics(manifest).get("accuracy")
    return judged_alarm(accuracy, instrument=manifest.target.instrument, source=manifest.source)


def is_ringing(manifest: ModelManifest) -> bool:
    """Whether the leak alarm of a version rings."""
    alarm = alarm_of(manifest)
    return alarm is not None and alarm.is_ringing


def confirmation_of(version: str, alias: str, ledger: Iterable[LedgerEntry]) -> LedgerEntry | None:
    """The newest line that says who confirmed a version for an alias despite its leak alarm, or None.

    Args:
        version: The name of the version.
        alias: What it was confirmed for.
        ledger: The lines, oldest first.
    """
    return confirmations_of(version, ledger).get(alias)


def confirmations_of(version: str, ledger: Iterable[LedgerEntry]) -> dict[str, LedgerEntry]:
    """By alias the newest line that says who confirmed a version for it despite its leak alarm."""
    return {
        line.alias: line
        for line in ledger
        if line.version == version and (line.leak_alarm_confirmed_by or "").strip()
    }


def check_named(who: str | None) -> None:
    """Refuse a confirmation without a name.

    Raises:
        ConfigurationError: If the name is blank.
    """
    if who is not None and not who.strip():
        message = "--leak-alarm-confirmed-by must name who looked for a leak, was empty"
        raise ConfigurationError(message)


def refusal(manifest: ModelManifest, alias: str, ledger: Sequence[LedgerEntry]) -> str | None:
    """Why a version may not be promoted; None where it may.

    Args:
        manifest: Of the version.
        alias: What it is to be promoted to.
        ledger: The lines there are, with the one of this promotion.
    """
    alarm = alarm_of(manifest)
    if alarm is None or not alarm.is_ringing or alias == SHADOW:
        return None
    if confirmation_of(manifest.version, alias, ledger) is not None:
        return None
    return (
        f"{manifest.version} is not promoted to {alias}, because its leak alarm rings: {alarm_words(alarm)}. Look for a "
        "leak first, for example for a companion's file whose times are one bar apart. If there is none, promote it "
        f"by hand: `{confirming_command(manifest.version, alias)}`"
    )


def confirming_command(version: str, alias: str = CHAMPION) -> str:
    """The command that promotes a version whose leak alarm rings."""
    chosen = "" if alias == CHAMPION else f" --alias {alias}"
    return f'driftline models promote {version}{chosen} --leak-alarm-confirmed-by NAME --reason "WHY"'


def alarm_words(alarm: LeakAlarm) -> str:
    """The accuracy that was judged, against the limit, in words."""
    accuracy = alarm.accuracy
    within = (
        "" if accuracy.low is None or accuracy.high is None else f" [{accuracy.low:.1%}, {accuracy.high:.1%}]"
    )
    return (
        f"it was right in {accuracy.value:.1%}{within} of {accuracy.n:,} decisions out of sample, and the alarm rings "
        f"where the lower end lies above {alarm.limit:.0%}"
    )


class HeldBack(NamedTuple):
    """A version that is not promoted, because its leak alarm rings and nobody confirmed it."""

    version: str
    target: ModelTarget
    words: str


def held_back(
    versions: Iterable[ModelManifest], ledger: Sequence[LedgerEntry], *, stream: str
) -> list[HeldBack]:
    """The newest such version of each target of a run that has no champion.

    Args:
        versions: Every version, oldest first.
        ledger: Every line, oldest first.
        stream: The run.
    """
    served = {line.target for line in ledger if (line.alias, line.stream) == (CHAMPION, stream)}
    found: dict[ModelTarget, HeldBack] = {}
    for manifest in versions:
        if manifest.stream != stream or manifest.target in served:
            continue
        words = refusal(manifest, CHAMPION, ledger)
        if words is not None:
            found[manifest.target] = HeldBack(manifest.version, manifest.target, words)
    return list(found.values())


def standing_words(manifest: ModelManifest, ledger: Sequence[LedgerEntry]) -> str:
    """What is to be known of a version's leak alarm, for people: silent, ringing, or confirmed by whom and why."""
    alarm = alarm_of(manifest)
    if alarm is None:
        return not_judged_words(manifest)
    if not alarm.is_ringing:
        return "does not ring"
    confirmed = confirmations_of(manifest.version, ledger)
    if not confirmed:
        return f"rings, and nobody confirmed it: {alarm_words(alarm)}"
    by = ", ".join(
        f"for {alias} by {line.leak_alarm_confirmed_by} ({line.reason})"
        for alias, line in sorted(confirmed.items())
    )
    return f"rings, confirmed {by}: {alarm_words(alarm)}"


def not_judged_words(manifest: ModelManifest) -> str:
    """Why the leak alarm of a version says nothing."""
    accuracy = stated_metrics(manifest).get("accuracy")
    if accuracy is None and manifest.leak_alarm is not None:
        accuracy = manifest.leak_alarm.accuracy
    if accuracy is None:
        return "not judged: nothing was measured"
    return f"not judged: the accuracy of {accuracy.value:.1%} has no interval"
