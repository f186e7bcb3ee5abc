"""Makes a promotion from the options of the command line: in which stream, from when, announced where."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.errors import BrokerUnavailableError, ConfigurationError, NotReadyError, TransientError
from schemas.events import ModelPromoted
from schemas.streams import kind_of_stream
from schemas.time import parse_time
from schemas.topics import FEATURES_MARKET
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from trainers.inputs.registries import registry_of
from trainers.jobs.announcing import Announcements
from trainers.jobs.promoting import AliasChange, Announce, promote, rollback
from trainers.registry.aliases import meant_lines
from trainers.settings import TrainerSettings

Say = Callable[[str], None]


class PromotionOptions(NamedTuple):
    """The options of the commands, by their names there."""

    alias: str
    stream: str | None
    effective_from: str | None
    reason: str
    leak_alarm_confirmed_by: str | None = None


def promoted_version(
    environment: Mapping[str, str], version: str, options: PromotionOptions, *, say: Say
) -> LedgerEntry:
    """Promotes a version in the stream that it was trained on, or in the one that the options name.

    Args:
        environment: The variables that settings are read from.
        version: The version's name.
        options: The options of the command.
        say: Called with each line of progress.

    Raises:
        NotReadyError: If there is no such version, or the time of its stream is not known.
        StateError: If its bytes are not what its manifest states.
        ConfigurationError: If an option has the wrong form, or the leak alarm of the version rings and
            nobody has confirmed it.
    """
    settings = TrainerSettings.from_environment(environment)
    registry = registry_of(settings)
    manifest = registry.manifest(version)
    stream = options.stream or manifest.stream
    change = _change(settings, options, stream, manifest.target)
    return promote(registry, version, change, announce=_announcing(settings, say))


def rolled_back(
    environment: Mapping[str, str], options: PromotionOptions, *, target: str | None, say: Say
) -> LedgerEntry:
    """Rolls an alias back to the version before the present one.

    Args:
        environment: The variables that settings are read from.
        options: The options of the command.
        target: ``interval:horizon``; None if the alias has one target only.
        say: Called with each line of progress.

    Raises:
        NotReadyError: If there is no earlier version.
        StateError: If the bytes of the earlier version are not what its manifest states.
        ConfigurationError: If several targets are meant, or an option has the wrong form.
    """
    settings = TrainerSettings.from_environment(environment)
    registry = registry_of(settings)
    line = meant_lines(registry.ledger(), options.alias, stream=options.stream, target=target)[-1]
    change = _change(settings, options, line.stream, line.target)
    return rollback(registry, line.target, change, announce=_announcing(settings, say))


def _change(
    settings: TrainerSettings, options: PromotionOptions, stream: str, target: ModelTarget
) -> AliasChange:
    now_ms = SystemClock().now_ms()
    stated_ms = parse_time(options.effective_from, "--effective-from")
    from_ms = _next_bar_ms(settings, stream, target, now_ms) if stated_ms is None else stated_ms
    return AliasChange(
        options.alias, stream, from_ms, now_ms, options.reason, options.leak_alarm_confirmed_by
    )


def _next_bar_ms(settings: TrainerSettings, stream: str, target: ModelTarget, now_ms: int) -> int:
    """The end of the bar that is open now, by the stream's clock."""
    interval_ms = target.interval.milliseconds
    if kind_of_stream(stream).runs_by_wall_clock:
        return now_ms - now_ms % interval_ms + interval_ms
    newest_ms = _stream_time_ms(settings, stream)
    if newest_ms is None:
        message = (
            f"the clock of stream {stream} is not known, because its history is not there: "
            "give --effective-from, or run `driftline up`"
        )
        raise ConfigurationError(message)
    return newest_ms - newest_ms % interval_ms + interval_ms


def _stream_time_ms(settings: TrainerSettings, stream: str) -> int | None:
    try:
        url = settings.endpoints().database_url
    except NotReadyError:
        return None
    with PostgresPool(url) as pool:
        return StoredStreams(pool).watermark_ms(stream, FEATURES_MARKET.name)


def _announcing(settings: TrainerSettings, say: Say) -> Announce:
    """Publishes the promotion if a broker runs; otherwise the next start does, which announces every champion."""

    def announce(event: ModelPromoted) -> None:
        try:
            endpoint = settings.kafka_endpoint()
        except NotReadyError:
            say("no broker runs here: the promotion is announced when `driftline up` starts")
            return
        try:
            Announcements(endpoint)(event)
        except TransientError as error:
            message = (
                f"the ledger has the promotion, but the broker does not ({error}): "
                f"`driftline train --stream {event.stream}` announces every champion"
            )
            raise BrokerUnavailableError(message) from error
        say("announced on models.event.v1")

    return announce
