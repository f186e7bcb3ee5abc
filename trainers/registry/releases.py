"""Keeps the files of versions as assets of GitHub releases: one release for each version, named by its tag.

Source:
    GitHub's REST API, version 2022-11-28: releases and release assets.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from schemas.artifacts import ModelManifest
from schemas.errors import ConfigurationError, StoreUnavailableError
from trainers.registry.cards import model_card
from trainers.registry.versioned import AssetStore

GITHUB_API = "https://api.github.com"
_TIMEOUT_S = 30.0
_UPLOADED = "uploaded"


class ReleaseAssets(AssetStore):
    """An asset store in a repository on GitHub.

    The token is sent only to the API, and to the upload address that the API states. The redirect of a download
    to a storage host is followed without the token.

    Args:
        repository: ``owner/name``.
        token: A token with the right to write the repository's contents.
        api_url: The URL of GitHub's API, or of an Enterprise server's.
    """

    def __init__(self, repository: str, token: str, *, api_url: str = GITHUB_API) -> None:
        if repository.count("/") != 1 or not all(repository.split("/")):
            message = f"DRIFTLINE_REGISTRY_REPOSITORY must look like owner/name, was {repository!r}"
            raise ConfigurationError(message)
        self._releases = f"{api_url.rstrip('/')}/repos/{repository}/releases"
        self._certificates: Any = None  # read once, since that takes longer than a request
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    @property
    def place(self) -> str:
        """The URL of the releases."""
        return self._releases

    def keep(self, tag: str, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Uploads the files that the release of a tag lacks; see the port."""
        with self._client() as client:
            release = self._release(client, tag) or self._made(client, tag, manifest)
            there = {asset["name"] for asset in release["assets"] if asset["state"] == _UPLOADED}
            upload_url = str(release["upload_url"]).partition("{")[0]
            for name in sorted(files.keys() - there):
                headers = {"Content-Type": "application/octet-stream"}
                answer = client.post(upload_url, params={"name": name}, content=files[name], headers=headers)
                _expect(answer, 201)

    def fetch(self, tag: str, name: str) -> bytes | None:
        """Downloads a file of the release of a tag; see the port."""
        with self._client() as client:
            release = self._release(client, tag)
            if release is None:
                return None
            for asset in release["assets"]:
                if asset["name"] == name and asset["state"] == _UPLOADED:
                    headers = {"Accept": "application/octet-stream"}
                    url = f"{self._releases}/assets/{int(asset['id'])}"
                    answer = client.get(url, headers=headers, follow_redirects=True)
                    _expect(answer, 200)
                    return bytes(answer.content)
            return None

    def _release(self, client: Any, tag: str) -> Any:
        answer = client.get(f"{self._releases}/tags/{quote(tag, safe='')}")
        if answer.status_code == 404:
            return None
        _expect(answer, 200)
        return answer.json()

    def _made(self, client: Any, tag: str, manifest: ModelManifest) -> Any:
        body = {"tag_name": tag, "name": manifest.version, "body": model_card(manifest)}
        answer = client.post(self._releases, json=body)
        _expect(answer, 201)
        return answer.json()

    @contextmanager
    def _client(self) -> Iterator[Any]:
        import httpx

        try:
            if self._certificates is None:
                self._certificates = httpx.create_ssl_context()
            with httpx.Client(headers=self._headers, timeout=_TIMEOUT_S, verify=self._certificates) as client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
            message = f"GitHub's releases at {self._releases}: {type(error).__name__}: {error}"
            raise StoreUnavailableError(message) from error


def _expect(answer: Any, status: int) -> None:
    if answer.status_code == status:
        return
    said = answer.text[:200]
    request = f"{answer.request.method} {answer.request.url.path}"
    if answer.status_code in (401, 403) and "rate limit" not in said:
        message = f"DRIFTLINE_REGISTRY_TOKEN must be allowed to {request}, was refused: {said}"
        raise ConfigurationError(message)
    message = f"{request} must answer {status}, answered {answer.status_code}: {said}"
    raise StoreUnavailableError(message)
