"""Writes the registry's own git repository with dulwich: commits, annotated tags, pushes.

It never looks for a repository above its folder and never reads the user's git settings, so the user's
hooks, signatures and line endings do not change what is recorded.
"""

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import StateError, StoreUnavailableError

_WHO = b"Driftline <registry@driftline.invalid>"
_BRANCH = b"main"
_TAGS = b"refs/tags/"


class HistoryRepository:
    """The git repository of a folder, which is created when it is first written to.

    Args:
        folder: The working tree.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clear_locks(self) -> None:
        """Removes the lock files that a killed writer left. The caller must hold the folder's own lock, as all writers do.

        Git's lock files outlive their process: after a kill in the middle of a commit nobody could write the registry.
        """
        inside = self._folder / ".git"
        for place in ("*.lock", "refs/heads/*.lock", "refs/tags/**/*.lock"):
            for left in inside.glob(place):
                left.unlink(missing_ok=True)

    def tags(self) -> dict[str, str]:
        """Returns the message of every annotated tag by its name; the message of a plain tag is empty."""
        with self._opened() as repository:
            found = repository.refs.as_dict(_TAGS)
            return {name.decode(): _message(repository[sha]) for name, sha in found.items()}

    @property
    def is_there(self) -> bool:
        """Whether the repository exists, because something was recorded."""
        return (self._folder / ".git").is_dir()

    def committed(self, name: str) -> bytes:
        """Returns a file of the top folder as it was committed last; empty if it never was."""
        with self._opened() as repository:
            head = repository.refs.read_loose_ref(b"refs/heads/" + _BRANCH)
            if head is None:
                return b""
            tree = repository[repository[head].tree]
            return bytes(repository[tree[name.encode()][1]].data) if name.encode() in tree else b""

    def commit_of(self, tag: str) -> bytes:
        """Returns the id of the commit that a tag points to.

        Raises:
            StateError: If there is no such tag.
        """
        with self._opened() as repository:
            try:
                return bytes(repository.get_peeled(_TAGS + tag.encode()))
            except KeyError as error:
                message = f"the repository {self._folder} has no tag {tag!r}"
                raise StateError(message) from error

    def commit(self, paths: Sequence[str], message: str, *, time_s: int) -> bytes:
        """Commits files as they are now.

        Args:
            paths: The files, relative to the folder.
            message: The message of the commit.
            time_s: The time of the commit, in seconds since 1970.

        Returns:
            The id of the commit; the id of the newest commit if nothing has changed.
        """
        from dulwich.config import ConfigFile

        with self._opened() as repository:
            tree = repository.get_worktree()
            tree.stage(list(paths), config=ConfigFile())
            head = repository.refs.read_loose_ref(b"refs/heads/" + _BRANCH)
            if head is not None and _tree_of_index(repository) == repository[head].tree:
                return bytes(head)
            commit = tree.commit(
                message.encode(),
                committer=_WHO,
                author=_WHO,
                commit_timestamp=time_s,
                commit_timezone=0,
                author_timestamp=time_s,
                author_timezone=0,
                no_verify=True,
                sign=False,
                config=ConfigFile(),
            )
            return bytes(commit)

    def tag(self, name: str, commit: bytes, message: str, *, time_s: int) -> None:
        """Puts an annotated tag on a commit; a tag that exists stays as it is.

        Args:
            name: The name of the tag.
            commit: The id of the commit.
            message: The message of the tag.
            time_s: The time that the tag states, in seconds since 1970.
        """
        from dulwich.objects import Commit, Tag

        with self._opened() as repository:
            reference = _TAGS + name.encode()
            if reference in repository.refs:
                return
            tag = Tag()
            tag.name, tag.message, tag.tagger = name.encode(), message.encode(), _WHO
            tag.tag_time, tag.tag_timezone = time_s, 0
            tag.object = (Commit, commit)
            repository.object_store.add_object(tag)
            repository.refs[reference] = tag.id

    def push(self, remote: str, *, credentials: Mapping[str, Any]) -> None:
        """Pushes the branch and every tag.

        Args:
            remote: A URL or a path.
            credentials: ``username`` and ``password`` of a remote over HTTPS; empty if there are none.

        Raises:
            StoreUnavailableError: If the remote does not accept them.
        """
        from dulwich import porcelain
        from dulwich.errors import GitProtocolError, NotGitRepository, SendPackError
        from urllib3.exceptions import HTTPError

        output = io.BytesIO()
        failures = (
            GitProtocolError, NotGitRepository, SendPackError, HTTPError, porcelain.Error, OSError, ValueError
        )  # fmt: skip
        try:
            with self._opened() as repository:
                references = [
                    b"refs/heads/" + _BRANCH,
                    *(_TAGS + name for name in repository.refs.as_dict(_TAGS)),
                ]
                porcelain.push(
                    repository, remote, references, outstream=output, errstream=output, **credentials
                )
        except failures as error:
            message = f"the registry could not be pushed: {type(error).__name__}: {error}"
            raise StoreUnavailableError(message) from error

    def _opened(self) -> Any:
        from dulwich.repo import Repo

        if not self.is_there:
            self._make()
        return Repo(str(self._folder))

    def _make(self) -> None:
        """Creates the repository under another name and renames it: a crash leaves a whole repository or none."""
        from dulwich.repo import Repo

        beside = self._folder / ".git-beside"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        Repo.init(str(beside), default_branch=_BRANCH).close()
        (beside / ".git").rename(self._folder / ".git")
        beside.rmdir()


def _message(thing: Any) -> str:
    message = getattr(thing, "message", b"") if thing.type_name == b"tag" else b""
    return bytes(message or b"").decode()


def _tree_of_index(repository: Any) -> bytes:
    return bytes(repository.open_index().commit(repository.object_store))
