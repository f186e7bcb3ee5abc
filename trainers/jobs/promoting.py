"""Promotes versions and rolls back: the version is loaded and checked, then the ledger is written, then the topic.

If the announcement fails, the line stays in the ledger, and the next start of `train` announces it, as it
announces every champion.
"""

from collections.abc import Callable
from typing import NamedTuple

from schemas.artifacts import LedgerEntry, ModelManifest, ModelTarget
from schemas.errors import ConfigurationError, NotReadyError
from schemas.events import ModelPromoted
from schemas.ports import ModelRegistry
from trainers.registry.leak_alarms import check_named, is_ringing
from trainers.registry.models import load_model
from trainers.registry.serving import before, promotion_of

Announce = Callable[[ModelPromoted], None]


class AliasChange(NamedTuple):
    """How the meaning of an alias is to change.

    Attributes:
        alias: The alias.
        stream: The run whose alias changes.
        effective_from_ms: The time from which it changes, by the stream's clock.
        recorded_ms: The time of the request, by our clock.
        reason: The reason, which stays in the ledger.
        leak_alarm_confirmed_by: Who confirms that there is no leak, where the version's leak alarm rings.
    """

    alias: str
    stream: str
    effective_from_ms: int
    recorded_ms: int
    reason: str
    leak_alarm_confirmed_by: str | None = None


def promote(registry: ModelRegistry, version: str, change: AliasChange, *, announce: Announce) -> LedgerEntry:
    """Lets an alias mean a version from a time on.

    Args:
        registry: The registry that holds the version.
        version: The name of the version.
        change: The alias, its run, the time and the reason.
        announce: Publishes the promotion; it is not called if the version does not load.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If its bytes are not what its manifest states; nothing was changed.
        ConfigurationError: If the alias means the version already; if the leak alarm of the version rings, and nobody has
            confirmed it for this alias; if a confirmation is stated, and the alarm does not ring.
    """
    manifest, _ = load_model(registry, version)
    current = registry.resolve(change.alias, manifest.target, stream=change.stream)
    if current is not None and current.version == version:
        message = f"{change.alias} of {manifest.target} in {change.stream} is {version} already"
        raise ConfigurationError(message)
    _check_confirmation(manifest, change)
    entry = _entry(manifest, change)
    registry.promote(entry)
    announce(promotion_of(entry, manifest))
    return entry


def rollback(
    registry: ModelRegistry, target: ModelTarget, change: AliasChange, *, announce: Announce
) -> LedgerEntry:
    """Lets an alias mean the version that it meant before the present one.

    Args:
        registry: The registry whose alias changes.
        target: The target of the alias.
        change: The alias, its run, the time and the reason.
        announce: Publishes the promotion.

    Raises:
        NotReadyError: If the alias means nothing, or never meant another version.
        StateError: If that version's bytes are not what its manifest states; nothing was changed.
    """
    current = registry.resolve(change.alias, target, stream=change.stream)
    if current is None:
        message = f"there is no {change.alias} of {target} in {change.stream} to roll back"
        raise NotReadyError(message)
    earlier = before(registry.ledger(), current)
    if earlier is None:
        message = f"{change.alias} of {target} in {change.stream} was never anything but {current.version}"
        raise NotReadyError(message)
    reason = f"rollback from {current.version}: {change.reason}"
    return promote(registry, earlier.version, change._replace(reason=reason), announce=announce)


def _check_confirmation(manifest: ModelManifest, change: AliasChange) -> None:
    who = change.leak_alarm_confirmed_by
    check_named(who)
    if who is not None and not is_ringing(manifest):
        message = f"the leak alarm of {manifest.version} does not ring: leave out --leak-alarm-confirmed-by"
        raise ConfigurationError(message)


def _entry(manifest: ModelManifest, change: AliasChange) -> LedgerEntry:
    return LedgerEntry(
        alias=change.alias,
        target=manifest.target,
        version=manifest.version,
        model_hash=manifest.model_hash,
        stream=change.stream,
        effective_from_ms=change.effective_from_ms,
        recorded_ms=change.recorded_ms,
        reason=change.reason,
        leak_alarm_confirmed_by=change.leak_alarm_confirmed_by,
    )
