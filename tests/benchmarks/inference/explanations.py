"""What an explanation costs: exact tree SHAP by the learning library, once per feature vector.

Serving need not be this quick: a vector is explained once, and the answer kept beside its prediction.
"""

from collections.abc import Callable

import numpy as np

from tests.benchmarks.inference.latencies import Row, alternating
from tests.benchmarks.reporting import Figure
from trainers.models.gradient_boosting import BoostedTrees, import_libraries
from trainers.models.light_boosting import LightTrees
from trainers.models.recipes import FittedModel

_TOLERANCE = 1e-4


def explanation_figures(name: str, fitted: FittedModel, row: Row, *, n_rounds: int) -> list[Figure]:
    """Of a single ensemble of trees; nothing of other kinds, whose libraries state none."""
    explain = _explainer(fitted, row)
    if explain is None:
        return []
    (taken,) = alternating((explain,), n_rounds=max(2, n_rounds // 10))
    return [
        Figure(
            metric=f"{name}, explanation by exact tree SHAP, p{q}",
            value=float(np.percentile(taken, q)) / 1e6,
            unit="ms",
            bar=None,
            holds=None,
        )
        for q in (50, 99)
    ]


def _explainer(fitted: FittedModel, row: Row) -> Callable[[], object] | None:
    match fitted:
        case BoostedTrees():
            xgboost = import_libraries()
            booster = xgboost.Booster({"nthread": 1})
            booster.load_model(bytearray(fitted.native()))
            return lambda: booster.predict(xgboost.DMatrix(row.ready, nthread=1), pred_contribs=True)
        case LightTrees():
            return lambda: fitted._booster.predict(row.ready, pred_contrib=True, num_threads=1)
        case _:
            return None
