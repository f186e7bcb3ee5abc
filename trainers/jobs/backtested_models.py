"""Which models a backtest asks: one version, an alias, what served when, or refits on the way."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.artifacts import LedgerEntry, ModelManifest
from schemas.errors import ConfigurationError, NotReadyError
from schemas.ports import ModelRegistry
from trainers.backtesting.decisions import Served
from trainers.models.descriptions import recipe_of
from trainers.models.recipes import Recipe
from trainers.registry.models import load_model

ALWAYS_MS = -(2**53)


class Asked(NamedTuple):
    """What the words of the command line mean.

    Attributes:
        manifest: Of the version, or of the newest that the alias means.
        schedule: The models and the first as-of time of each.
    """

    manifest: ModelManifest
    schedule: list[Served]


def asked_models(
    registry: ModelRegistry, name: str, *, stream: str | None, target: str | None, as_served: bool
) -> Asked:
    """The models of a version's or an alias's name.

    Args:
        registry: Where they are.
        name: A version, or an alias such as ``champion``.
        stream: Whose alias; None where only one has it.
        target: Such as ``15m:15m``; None where only one has it.
        as_served: Follow the ledger, each version from when it took effect; otherwise the newest
            one is asked about all times.

    Raises:
        NotReadyError: If there is none of that name.
        ConfigurationError: If several are meant.
    """
    known = {manifest.version: manifest for manifest in registry.versions()}
    if name in known:
        return Asked(known[name], [_served(registry, name, ALWAYS_MS)])
    lines = _lines(registry, name, stream=stream, target=target)
    newest = lines[-1]
    if not as_served:
        return Asked(known[newest.version], [_served(registry, newest.version, ALWAYS_MS)])
    in_effect = sorted(lines, key=lambda line: line.effective_from_ms)
    schedule = [_served(registry, line.version, line.effective_from_ms) for line in in_effect]
    return Asked(known[newest.version], schedule)


def _served(registry: ModelRegistry, version: str, from_ms: int) -> Served:
    manifest, model = load_model(registry, version)
    return Served(
        from_ms,
        version,
        model,
        manifest.feature_spec_hash,
        manifest.trained_from_ms,
        manifest.trained_until_ms,
    )


def _lines(
    registry: ModelRegistry, alias: str, *, stream: str | None, target: str | None
) -> Sequence[LedgerEntry]:
    lines = [
        line
        for line in registry.ledger()
        if line.alias == alias
        and stream in (None, line.stream)
        and target in (None, f"{line.target.interval}:{line.target.horizon}")
    ]
    if not lines:
        within = "".join(f" {word} {value}" for word, value in (("of", target), ("in", stream)) if value)
        message = f"there is no version and no alias {alias!r}{within}: `driftline models list` names them"
        raise NotReadyError(message)
    meant = sorted({(line.stream, str(line.target)) for line in lines})
    if len(meant) > 1:
        named = "; ".join(f"{which} in {where}" for where, which in meant)
        message = f"{alias!r} means several models ({named}): say --target and --stream, or a version"
        raise ConfigurationError(message)
    return lines


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
