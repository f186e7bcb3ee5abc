"""From decisions to a version: evidence by walk-forward, a fit on all rows, and the manifest.

It is apart from the job that waits, stores and announces, so that all of training runs in a test without
a server. It uses no clock; its times come as arguments.
"""

from typing import Any, NamedTuple

from schemas.artifacts import (
    MODEL_FILE,
    Artifact,
    Metric,
    ModelManifest,
    ModelTarget,
    RecipeStatement,
    sha256,
)
from schemas.features import FeatureTable
from schemas.time import Interval
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.prices import PricePath, merged
from trainers.evaluation.policies import Picking, SettledPolicy
from trainers.evaluation.training_sets import training_set_at
from trainers.models.descriptions import described, recipe_of
from trainers.models.gradient_boosting import BoostedTrees
from trainers.models.recipes import FittedModel, Recipe, exported
from trainers.registry.leak_alarms import judged_alarm
from trainers.training.evidence import WalkForwardEvidence, walk_forward_evidence

#: The file of XGBoost's own form, which versions of XGBoost hold besides ONNX.
NATIVE_FILE = "model.ubj"


class FitOptions(NamedTuple):
    """How a version is fitted and judged.

    Attributes:
        name: The name of the recipe on the command line, which the version's name begins with.
        recipe: The recipe, which is fitted in each fold and finally on all rows.
        n_folds: The number of refits of the walk-forward.
        seed: The seed of the bootstraps; it is also added to every seed of the recipe.
        picking: Which decisions the version makes.
        configurations_tried: The number of recipes that were judged before this one was chosen, itself included.
    """

    name: str
    recipe: Recipe
    n_folds: int = 4
    seed: int = 0
    picking: Picking = Picking()
    configurations_tried: int = 1


class Origin(NamedTuple):
    """What a version was made from, for its manifest.

    Attributes:
        instrument: The instrument whose price is predicted.
        stream: The stream that the rows came from.
        source: The ``source`` of their events.
        trained_until_ms: The time by which every label was known.
        created_ms: When the version was made, by the trainer's clock.
        code_version: The version of the project.
    """

    instrument: str
    stream: str
    source: str
    trained_until_ms: int
    created_ms: int
    code_version: str


def training_decisions(
    table: FeatureTable,
    recipe: Recipe,
    *,
    target: ModelTarget,
    known_by_ms: int,
    finer: PricePath | None = None,
) -> DecisionSet:
    """The rows of a table that a version can be fitted and judged on, with the outcomes that its recipe needs.

    Left out are rows that are not warm (their closes still serve as ends of outcomes), and rows
    whose outcome is undefined or was not known in time. Undefined features stay, as NaN.

    Args:
        table: Oldest first; its own closes are the outcomes.
        recipe: What is going to be fitted.
        target: The interval of the table's bars, and how far ahead is predicted.
        known_by_ms: When the version is fitted, in the stream's time.
        finer: Closes of shorter bars, for entries a minute late; None where there are none.
    """
    prices = PricePath.of_bars(table, target.interval)
    late_prices = prices if finer is None else merged(prices, finer)
    return decision_set(
        table,
        prices,
        interval=target.interval,
        horizon=target.horizon,
        multiples=tuple(sorted(recipe.multiples)),
        lags_ms=late_prices.entry_lags_ms(target.interval),
        late_prices=late_prices,
    ).labelled(known_by_ms)


def trained(decisions: DecisionSet, options: FitOptions, origin: Origin) -> Artifact:
    """A version: what it predicts, how well it did out of sample, and its bytes.

    The figures are of the walk-forward; the model itself is fitted on all rows. The same rows
    and recipe give the same bytes, so the same version.

    Args:
        decisions: As :func:`training_decisions` makes them.
        options: Recipe and folds.
        origin: For the manifest.

    Raises:
        ValueError: If there are too few rows, or an export does not agree with its model.
        StateError: If the rows have ups or downs alone.
    """
    recipe = seeded(options.recipe, options.seed)
    fitted = recipe.fit(training_set_at(decisions, recipe.multiples))
    checked = exported(fitted, decisions.rows)
    evidence = walk_forward_evidence(
        decisions,
        recipe,
        n_folds=options.n_folds,
        picking=options.picking,
        served=fitted,
        until_ms=origin.trained_until_ms,
        seed=options.seed,
    )
    files = {MODEL_FILE: _stating(checked.onnx, evidence.settled), **_native(fitted)}
    difference = Metric(value=checked.largest_difference, low=None, high=None, n=len(decisions))
    return Artifact(
        manifest=_manifest(decisions, options, origin, evidence=evidence, files=files, difference=difference),
        files=files,
    )


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """The same recipe, with a number added to every seed in it."""

    def shifted(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: value + seed if name == "seed" else shifted(value) for name, value in part.items()}
        return [shifted(one) for one in part] if isinstance(part, list) else part

    return recipe if seed == 0 else recipe_of(shifted(described(recipe)))


def recipe_statement(options: FitOptions) -> RecipeStatement:
    """How versions with these options are fitted, as their manifests state it."""
    return RecipeStatement(name=options.name, parameters=described(seeded(options.recipe, options.seed)))


def _native(fitted: FittedModel) -> dict[str, bytes]:
    """The file of the library's own form, if the model is one of XGBoost by itself."""
    return {NATIVE_FILE: fitted.native()} if isinstance(fitted, BoostedTrees) else {}


def _stating(onnx: bytes, settled: SettledPolicy | None) -> bytes:
    from trainers.models.onnx_graphs import with_policy

    return onnx if settled is None else with_policy(onnx, settled.policy)


def _manifest(
    decisions: DecisionSet,
    options: FitOptions,
    origin: Origin,
    *,
    evidence: WalkForwardEvidence,
    files: dict[str, bytes],
    difference: Metric,
) -> ModelManifest:
    interval, horizon = Interval(str(decisions.interval)), Interval(str(decisions.horizon))
    target = ModelTarget(instrument=origin.instrument, interval=interval, horizon=horizon)
    model_hash = sha256(files[MODEL_FILE])
    settled = evidence.settled
    return ModelManifest(
        version=version_name(options.name, target, model_hash),
        kind=options.name,
        target=target,
        model_hash=model_hash,
        feature_spec_hash=decisions.feature_spec_hash,
        feature_names=decisions.names,
        stream=origin.stream,
        source=origin.source,
        trained_from_ms=int(decisions.as_of_ms[0]),
        trained_until_ms=origin.trained_until_ms,
        n_rows=int((~decisions.own.is_tie).sum()),
        metrics={**evidence.metrics, "export_difference": difference},
        baselines=evidence.baselines,
        parameters={**_scalars(options.recipe), "n_folds": options.n_folds, "seed": options.seed},
        code_version=origin.code_version,
        created_ms=origin.created_ms,
        files={name: sha256(data) for name, data in files.items()},
        recipe=recipe_statement(options),
        evidence=() if settled is None else settled.policy.evidence,
        picks_from=None if settled is None else settled.policy.picks_from,
        conformal=None if settled is None else settled.conformal,
        configurations_tried=options.configurations_tried,
        leak_alarm=judged_alarm(
            evidence.metrics.get("accuracy"), instrument=origin.instrument, source=origin.source
        ),
    )


def _scalars(recipe: Recipe) -> dict[str, bool | float | int | str]:
    """The outermost parameters, for tables; the recipe's statement has all of them."""
    stated = described(recipe)
    inner = stated.pop("parameters", {})
    return {
        name: value
        for name, value in {**stated, **inner}.items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool) and name != "seed"
    }


def version_name(name: str, target: ModelTarget, model_hash: str) -> str:
    """The name of a version, such as ``xgboost-btc-usdt.binance-15m-15m-3f9a1c02``.

    Args:
        name: The name of the recipe.
        target: What the model predicts.
        model_hash: The SHA-256 of the model's bytes; its first eight digits are used.
    """
    interval, horizon = Interval(target.interval), Interval(target.horizon)
    return f"{name}-{target.instrument.lower()}-{interval}-{horizon}-{model_hash[:8]}"
