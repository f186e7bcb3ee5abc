"""Rows with a known truth that turns round, for models that learn row by row."""

import numpy as np

from trainers.models.online.protocols import OnlineModel, OnlineRecipe
from trainers.models.online.recipes import OnlineBagging, OnlineForest, OnlineLogistic, OnlineTree

NAMES = tuple("abcdef")


def quick_recipes() -> dict[str, OnlineRecipe]:
    """Every kind, quick to learn and to split."""
    recipes = (
        OnlineLogistic(learning_rate=0.02),
        OnlineTree(grace_period=50, delta=0.01, tau=0.1, seed=3),
        OnlineForest(n_models=3, grace_period=60, delta=0.01, tau=0.1, seed=3),
        OnlineBagging(n_models=3, learning_rate=0.02, seed=3),
    )
    return {recipe.name: recipe for recipe in recipes}


def turning_rows(n: int, *, seed: int = 1, turns_every: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Rows with missing values and columns of unlike scale, and directions that follow the first two.

    What means up turns round every so many rows: detectors fire, branches and members are replaced.
    """
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n, len(NAMES)))
    sign = np.where((np.arange(n) // turns_every) % 2 == 0, 1, -1)
    is_up = sign * (3 * rows[:, 0] + rows[:, 1]) + generator.normal(size=n) > 0
    rows[:, 2] *= 1e-8
    rows[:, 3] *= 1e4
    rows[generator.random(rows.shape) < 0.05] = np.nan
    return rows.astype(np.float32), is_up


def taught(recipe: OnlineRecipe, rows: np.ndarray, is_up: np.ndarray) -> OnlineModel:
    """A model that has learnt all of it."""
    model = recipe.begin(NAMES)
    teach(model, rows, is_up)
    return model


def teach(model: OnlineModel, rows: np.ndarray, is_up: np.ndarray) -> list[np.float32]:
    """Predict each row and learn it; what was said."""
    said = []
    for row, up in zip(rows, is_up, strict=True):
        said.append(model.predict_one(row))
        model.learn_one(row, is_up=bool(up))
    return said
