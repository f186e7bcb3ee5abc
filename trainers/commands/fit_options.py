"""Makes the options of every fit from the settings: the recipe, the folds, the picks."""

from schemas.errors import ConfigurationError
from trainers.evaluation.policies import Picking
from trainers.settings import TrainerSettings
from trainers.training.fitting import FitOptions
from trainers.training.offered import CONFIGURATIONS_TRIED, SERVED, SERVED_TRIED, offered


def fit_options_of(settings: TrainerSettings) -> FitOptions:
    """Returns the fit options that the settings ask for.

    Raises:
        ConfigurationError: If no recipe has that name.
    """
    recipes = offered()
    if settings.train_model not in recipes:
        message = f"DRIFTLINE_TRAIN_MODEL must be one of {', '.join(recipes)}, was {settings.train_model!r}"
        raise ConfigurationError(message)
    return FitOptions(
        name=settings.train_model,
        recipe=recipes[settings.train_model],
        n_folds=settings.train_folds,
        seed=settings.train_seed,
        picking=Picking(settings.train_pick_coverage, settings.train_wanted_accuracy),
        configurations_tried=SERVED_TRIED if settings.train_model == SERVED else CONFIGURATIONS_TRIED,
    )
