"""Opening the registry as settings say: a folder with its history, its remote and its asset store."""

from pathlib import Path

from schemas.errors import ConfigurationError
from trainers.registry.folders import FolderRegistry
from trainers.registry.releases import ReleaseAssets
from trainers.registry.versioned import GitRegistry, Remote


def opened_registry(
    path: Path, *, remote: str | None, repository: str | None, token: str | None, api_url: str
) -> GitRegistry:
    """The registry of a data directory.

    Args:
        path: Its folder.
        remote: Where its history is pushed; None nowhere.
        repository: ``owner/name`` on GitHub, whose releases hold the files; None the folder alone.
        token: For both; None where the remote needs none.
        api_url: Of GitHub.

    Raises:
        ConfigurationError: If a repository is given without a token.
    """
    if repository is not None and token is None:
        message = (
            "DRIFTLINE_REGISTRY_TOKEN must be set where DRIFTLINE_REGISTRY_REPOSITORY is: uploading needs it"
        )
        raise ConfigurationError(message)
    is_https = remote is not None and remote.startswith("https://")
    credentials = {"username": "x-access-token", "password": token} if token is not None and is_https else {}
    return GitRegistry(
        FolderRegistry(path),
        remote=None if remote is None else Remote(remote, credentials),
        assets=None
        if repository is None or token is None
        else ReleaseAssets(repository, token, api_url=api_url),
    )
