"""River's models: taught row by row, then one row through the frozen snapshot, as scoring asks it."""

from tests.benchmarks.inference.latencies import Row, alternating, figures_of
from tests.benchmarks.reporting import Figure
from trainers.models.online.frozen import FrozenModel
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.recipes import OWN_HORIZON, TrainingSet

#: Rows that they learn from: their trees are as deep as they get within a few thousand.
N_TAUGHT = 5_000


def online_figures(
    name: str, recipe: OnlineRecipe, training_set: TrainingSet, row: Row, *, n_rounds: int
) -> list[Figure]:
    """There is no ONNX form of them: a ready row, and the served path."""
    model = FrozenModel.from_bytes(_taught(recipe, training_set))
    ready, served = alternating(
        (lambda: model.probabilities_up(row.ready), lambda: model.probability_up(row.by_name)),
        n_rounds=n_rounds,
    )
    return [*figures_of(f"{name}, native", ready), *figures_of(f"{name}, as served, by name", served)]


def _taught(recipe: OnlineRecipe, training_set: TrainingSet) -> bytes:
    model = recipe.begin(training_set.names)
    outcome = training_set.outcomes[OWN_HORIZON]
    for number, is_up in zip(outcome.rows[-N_TAUGHT:], outcome.is_up[-N_TAUGHT:], strict=True):
        model.learn_one(training_set.rows[number], is_up=bool(is_up))
    return model.snapshot()
