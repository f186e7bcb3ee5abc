"""Opens the registry as the settings ask: a folder with its history, its remote and its asset store."""

from pathlib import Path

from schemas.errors import ConfigurationError
from trainers.registry.folders import FolderRegistry
from trainers.registry.releases import ReleaseAssets
from trainers.registry.versioned import GitRegistry, RegistryRemote


def opened_registry(
    path: Path, *, remote: str | None, repository: str | None, token: str | None, api_url: str
) -> GitRegistry:
    """Opens the registry of a data directory.

    Args:
        path: The folder of the registry.
        remote: The URL or path that its history is pushed to; None pushes nothing.
        repository: ``owner/name`` on GitHub, whose releases hold the files too; None keeps them in the folder alone.
        token: GitHub's token for the remote and the releases; None if the remote needs none.
        api_url: The URL of GitHub's API.

    Raises:
        ConfigurationError: If a repository is given without a token.
    """
    if repository is not None and token is None:
        message = (
            "DRIFTLINE_REGISTRY_TOKEN must be set if DRIFTLINE_REGISTRY_REPOSITORY is set: uploading needs it"
        )
        raise ConfigurationError(message)
    is_https = remote is not None and remote.startswith("https://")
    credentials = {"username": "x-access-token", "password": token} if token is not None and is_https else {}
    return GitRegistry(
        FolderRegistry(path),
        remote=None if remote is None else RegistryRemote(remote, credentials),
        assets=None
        if repository is None or token is None
        else ReleaseAssets(repository, token, api_url=api_url),
    )
