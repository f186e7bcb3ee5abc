"""Which models a backtest asks: one version, an alias, what served when, or refits on the way."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.artifacts import ModelManifest
from schemas.errors import ConfigurationError
from schemas.events import PromotionTookEffect
from schemas.ports import ModelRegistry
from trainers.backtesting.decisions import ScheduledModel
from trainers.models.descriptions import recipe_of
from trainers.models.recipes import Recipe
from trainers.registry.aliases import meant_lines
from trainers.registry.models import LoadedModels
from trainers.registry.serving import in_effect

ALWAYS_MS = -(2**53)


class Asked(NamedTuple):
    """What the words of the command line mean.

    Attributes:
        manifest: Of the version, or of the newest that the alias means.
        schedule: The models and the first as-of time of each.
    """

    manifest: ModelManifest
    schedule: list[ScheduledModel]


def asked_models(
    registry: ModelRegistry,
    name: str,
    *,
    stream: str | None,
    target: str | None,
    as_served: bool,
    instrument: str | None = None,
    recorded: Iterable[PromotionTookEffect] = (),
) -> Asked:
    """The models of a version's or an alias's name.

    Args:
        registry: Where they are.
        name: A version, or an alias such as ``champion``.
        stream: Whose alias; None is the newest that has it.
        target: Such as ``15m:15m``; None where only one has it.
        as_served: Follow the ledger, each version from when it took effect; otherwise the newest
            one is asked about all times.
        instrument: Of the data that are backtested; None where they do not tell.
        recorded: From when on promotions predicted in fact; where one has no record, the ledger's time
            counts.

    Raises:
        NotReadyError: If there is none of that name.
        ConfigurationError: If several are meant.
    """
    known = {manifest.version: manifest for manifest in registry.versions()}
    models = LoadedModels(registry)
    if name in known:
        return Asked(known[name], [_served(models, name, ALWAYS_MS)])
    lines = meant_lines(registry.ledger(), name, stream=stream, target=target, instrument=instrument)
    newest = lines[-1]
    if not as_served:
        return Asked(known[newest.version], [_served(models, newest.version, ALWAYS_MS)])
    schedule = [
        _served(models, line.version, from_ms)._replace(effective_from_ms=line.effective_from_ms)
        for from_ms, line in in_effect(lines, recorded)
    ]
    return Asked(known[newest.version], schedule)


def _served(models: LoadedModels, version: str, from_ms: int) -> ScheduledModel:
    manifest, model = models.load(version)
    return ScheduledModel(
        from_ms,
        version,
        model,
        manifest.feature_spec_hash,
        manifest.trained_from_ms,
        manifest.trained_until_ms,
    )


def refit_recipe(manifest: ModelManifest) -> Recipe:
    """How models like a version are fitted anew: as its manifest states.

    Raises:
        ConfigurationError: If it states nothing.
        StateError: If this release does not know what it states.
    """
    if manifest.recipe is None:
        message = (
            f"--refit fits with the recipe that made a version, and the manifest of {manifest.version} states none "
            "(those of earlier releases don't): train it again, or backtest it without --refit"
        )
        raise ConfigurationError(message)
    return recipe_of(manifest.recipe.parameters)
