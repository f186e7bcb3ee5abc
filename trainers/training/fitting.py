"""From samples to a version: evidence by walk-forward, a fit on everything, and its manifest.

Apart from the job that waits, stores and announces, so that the whole science of training runs in
a test without a server. It sees no clock; its times come as arguments.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import (
    MODEL_FILE,
    Artifact,
    Metric,
    ModelManifest,
    ModelTarget,
    RecipeStatement,
    sha256,
)
from schemas.time import Interval
from trainers.datasets.decisions import DecisionSet, PricePath
from trainers.datasets.learning import decisions_of
from trainers.datasets.samples import Samples
from trainers.datasets.splits import walk_forward
from trainers.evaluation.conformal import Judged, judged
from trainers.evaluation.policies import Picking, Settled, Stretch, settled_policy
from trainers.evaluation.training_sets import training_set_at, training_set_of
from trainers.evaluation.walk_forward import scored
from trainers.models.calibration import CalibratedModel
from trainers.models.descriptions import described, recipe_of
from trainers.models.gradient_boosting import BoostedTrees
from trainers.models.recipes import FittedModel, Recipe, exported

#: XGBoost's own form, which its versions hold too.
NATIVE_FILE = "model.ubj"
_MINUTE_MS = 60_000
#: A fold that would learn from fewer rows is left out of the evidence.
LEAST_FOLD_ROWS = 150


class FitOptions(NamedTuple):
    """How a version is fitted and judged.

    Attributes:
        name: What the recipe is asked for by, and the version's name begins with.
        recipe: What is fitted, in each fold and at last on everything.
        n_folds: Refits of the walk-forward.
        seed: Of the bootstraps, and added to every seed of the recipe.
        picking: Which decisions the version makes.
        configurations_tried: How many were judged before this recipe was chosen, itself included.
    """

    name: str
    recipe: Recipe
    n_folds: int = 4
    seed: int = 0
    picking: Picking = Picking()
    configurations_tried: int = 1


class Origin(NamedTuple):
    """Whose model it is, and what made it.

    Attributes:
        instrument: Whose price.
        stream: Where the samples came from.
        source: What their events say in ``source``.
        trained_until_ms: Every label was known by then.
        created_ms: By the trainer's clock.
        code_version: Of the project.
    """

    instrument: str
    stream: str
    source: str
    trained_until_ms: int
    created_ms: int
    code_version: str


def trained(samples: Samples, options: FitOptions, origin: Origin, *, prices: PricePath) -> Artifact:
    """A version: what it predicts, how well it did out of sample, and its bytes.

    The figures are of the walk-forward; the model itself is fitted on all samples. Same samples
    and recipe give the same bytes, so the same version.

    Args:
        samples: Oldest first.
        options: Recipe and folds.
        origin: For the manifest.
        prices: Where outcomes over further horizons and late entries are read.

    Raises:
        ValueError: If there are too few samples, or an export does not agree with its model.
        StateError: If the samples have ups or downs alone.
    """
    recipe = seeded(options.recipe, options.seed)
    decisions = decisions_of(
        samples,
        prices,
        multiples=recipe.multiples,
        lags_ms=_lags_ms(prices, samples.interval),
        known_by_ms=origin.trained_until_ms,
    )
    fitted = recipe.fit(training_set_at(decisions, recipe.multiples))
    checked = exported(fitted, samples.rows)
    found = _judged(samples, decisions, recipe, options, served=fitted, until_ms=origin.trained_until_ms)
    files = {MODEL_FILE: _stating(checked.onnx, found.settled), **_native(fitted)}
    difference = Metric(value=checked.largest_difference, low=None, high=None, n=len(samples))
    return Artifact(
        manifest=_manifest(samples, options, origin, found=found, files=files, difference=difference),
        files=files,
    )


class _Judged(NamedTuple):
    """What the walk-forward found; nothing where no fold had enough to learn from."""

    metrics: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    settled: Settled | None


def _judged(
    samples: Samples,
    decisions: DecisionSet,
    recipe: Recipe,
    options: FitOptions,
    *,
    served: FittedModel,
    until_ms: int,
) -> _Judged:
    """Walk forward with the recipe, and settle what ``served``, fitted on everything, states."""
    folds = [
        fold for fold in walk_forward(samples, n_folds=options.n_folds) if len(fold.train) >= LEAST_FOLD_ROWS
    ]
    if not folds:
        return _Judged({}, {}, None)
    probability = np.full(len(samples), np.nan)
    stretches = []
    for fold in folds:
        fitted = recipe.fit(training_set_of(decisions, fold, recipe.multiples))
        past = _past(decisions, fitted, probability, at_ms=int(decisions.as_of_ms[fold.test[0]]))
        stretches.append(Stretch(fold.test, past))
        test = decisions.rows[fold.test]
        probability[fold.test] = exported(fitted, test).model.probabilities_up(test)
    settled = settled_policy(
        decisions,
        probability,
        stretches,
        now=_past(decisions, served, probability, at_ms=until_ms),
        picking=options.picking,
        seed=options.seed,
    )
    tested = np.concatenate([fold.test for fold in folds])
    evaluation = scored(samples, folds, probability[tested], generator=np.random.default_rng(options.seed))
    # The accuracy over all decisions is one figure with one interval, wherever it is stated.
    all_of_them = [row.at_close for row in settled.policy.evidence if row.target == 1]
    metrics = evaluation.metrics | ({"accuracy": all_of_them[0]} if all_of_them else {})
    return _Judged(metrics, evaluation.baselines, settled)


def _past(
    decisions: DecisionSet, fitted: FittedModel, probability: NDArray[np.float64], *, at_ms: int
) -> Judged:
    """What a model's thresholds are settled on: its own calibration rows, or what those before it said."""
    if not isinstance(fitted, CalibratedModel):
        return judged(decisions.as_of_ms, probability, decisions.own).past_of(at_ms)
    found = fitted.reference
    rows = np.searchsorted(decisions.as_of_ms, found.as_of_ms)
    return Judged(found.as_of_ms, decisions.own.known_ms[rows], found.probability, found.is_up)


def _lags_ms(prices: PricePath, interval: Interval) -> list[int]:
    """A minute and five, where prices come that often, and a bar always."""
    lags = {_MINUTE_MS, 5 * _MINUTE_MS, interval.milliseconds}
    return sorted(lag for lag in lags if lag % prices.interval_ms == 0)


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """The same recipe, with so much added to every seed in it."""

    def shifted(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: value + seed if name == "seed" else shifted(value) for name, value in part.items()}
        return [shifted(one) for one in part] if isinstance(part, list) else part

    return recipe if seed == 0 else recipe_of(shifted(described(recipe)))


def _native(fitted: FittedModel) -> dict[str, bytes]:
    """The library's own form, of a model that is XGBoost's alone."""
    return {NATIVE_FILE: fitted.native()} if isinstance(fitted, BoostedTrees) else {}


def _stating(onnx: bytes, settled: Settled | None) -> bytes:
    from trainers.models.onnx_graphs import with_policy

    return onnx if settled is None else with_policy(onnx, settled.policy)


def _manifest(
    samples: Samples,
    options: FitOptions,
    origin: Origin,
    *,
    found: _Judged,
    files: dict[str, bytes],
    difference: Metric,
) -> ModelManifest:
    target = ModelTarget(instrument=origin.instrument, interval=samples.interval, horizon=samples.horizon)
    model_hash = sha256(files[MODEL_FILE])
    settled = found.settled
    return ModelManifest(
        version=version_name(options.name, target, model_hash),
        kind=options.name,
        target=target,
        model_hash=model_hash,
        feature_spec_hash=samples.feature_spec_hash,
        feature_names=samples.names,
        stream=origin.stream,
        source=origin.source,
        trained_from_ms=int(samples.as_of_ms[0]),
        trained_until_ms=origin.trained_until_ms,
        n_rows=int((~samples.is_tie).sum()),
        metrics={**found.metrics, "export_difference": difference},
        baselines=found.baselines,
        parameters={**_scalars(options.recipe), "n_folds": options.n_folds, "seed": options.seed},
        code_version=origin.code_version,
        created_ms=origin.created_ms,
        files={name: sha256(data) for name, data in files.items()},
        recipe=RecipeStatement(name=options.name, parameters=described(seeded(options.recipe, options.seed))),
        evidence=() if settled is None else settled.policy.evidence,
        picks_from=None if settled is None else settled.policy.picks_from,
        conformal=None if settled is None else settled.conformal,
        configurations_tried=options.configurations_tried,
    )


def _scalars(recipe: Recipe) -> dict[str, bool | float | int | str]:
    """The outermost parameters, for tables; the recipe's statement has all of them."""
    stated = described(recipe)
    inner = stated.pop("parameters", {})
    return {
        name: value
        for name, value in {**stated, **inner}.items()
        if isinstance(value, (int, float, str)) and name != "seed"
    }


def version_name(name: str, target: ModelTarget, model_hash: str) -> str:
    """Such as ``xgboost-btc-usdt.binance-15m-15m-3f9a1c02``.

    Args:
        name: Of the recipe.
        target: What the model predicts.
        model_hash: The SHA-256 of the model's bytes; its first eight digits are used.
    """
    interval, horizon = Interval(target.interval), Interval(target.horizon)
    return f"{name}-{target.instrument.lower()}-{interval}-{horizon}-{model_hash[:8]}"
