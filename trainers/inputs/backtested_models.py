"""Finds the models of a backtest: one version, the version of an alias, or the versions that served at each time."""

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


class BacktestedModels(NamedTuple):
    """The models that the options of a backtest ask for.

    Attributes:
        manifest: The manifest of the version, or of the newest version that the alias means.
        schedule: The models, with the first as-of time of each.
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
) -> BacktestedModels:
    """Returns the models of the name of a version or an alias.

    Args:
        registry: The registry that holds the models.
        name: A version, or an alias such as ``champion``.
        stream: The run whose alias is meant; None takes the newest run that has the alias.
        target: The target, such as ``15m:15m``; None if only one target has the alias.
        as_served: True follows the ledger, each version from when it took effect. False asks the newest
            version about all times.
        instrument: The instrument of the data that are backtested; None if they do not tell it.
        recorded: The records of when promotions took effect; for a promotion without a record the time in the ledger
            counts.

    Raises:
        NotReadyError: If there is no version and no alias of that name.
        ConfigurationError: If the name means several models.
    """
    known = {manifest.version: manifest for manifest in registry.versions()}
    models = LoadedModels(registry)
    if name in known:
        return BacktestedModels(known[name], [_served(models, name, ALWAYS_MS)])
    lines = meant_lines(registry.ledger(), name, stream=stream, target=target, instrument=instrument)
    newest = lines[-1]
    if not as_served:
        return BacktestedModels(known[newest.version], [_served(models, newest.version, ALWAYS_MS)])
    schedule = [
        _served(models, line.version, from_ms)._replace(effective_from_ms=line.effective_from_ms)
        for from_ms, line in in_effect(lines, recorded)
    ]
    return BacktestedModels(known[newest.version], schedule)


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
    """Returns the recipe by which models like a version are fitted again, as its manifest states it.

    Raises:
        ConfigurationError: If the manifest states no recipe.
        StateError: If this release does not know the recipe.
    """
    if manifest.recipe is None:
        message = (
            f"--refit needs the recipe that made a version, and the manifest of {manifest.version} states none, as "
            "it is of an earlier release: train it again, or backtest it without --refit"
        )
        raise ConfigurationError(message)
    return recipe_of(manifest.recipe.parameters)
