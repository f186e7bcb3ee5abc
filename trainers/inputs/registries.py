"""Opens the registry that the settings name."""

from trainers.registry.opening import opened_registry
from trainers.registry.versioned import GitRegistry
from trainers.settings import REGISTRY_FOLDER, TrainerSettings


def registry_of(settings: TrainerSettings) -> GitRegistry:
    """Opens the registry of the data directory, with its remote and its releases if they are configured.

    Raises:
        ConfigurationError: If a repository is set without a token, or its name has another form.
    """
    token = settings.registry_token
    return opened_registry(
        settings.data_dir / REGISTRY_FOLDER,
        remote=settings.registry_remote,
        repository=settings.registry_repository,
        token=None if token is None else token.get_secret_value(),
        api_url=settings.registry_api_url,
    )
