"""The journal of a search on disk: Optuna's file of one line per step, made safe against ``kill -9``.

Two things that Optuna leaves open are closed here. Its lock is a file whose maker may be dead, for
which the next process waits half a minute (optuna/optuna issue 5921): here one process owns the
journal by a lock that the kernel takes back, so that such a file is known to be nobody's. And a
line that was cut off while it was written is read over, but the next line is appended to it and then
nothing can be read any more: here it is cut away before anything is appended.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from schemas.errors import ConfigurationError
from trainers.jobs.outputs import check_output

_LOCK_SUFFIX = ".lock"
#: How Optuna's first line begins: it makes the study.
_BEGINNING = b'{"op_code":0,'


@contextmanager
def opened_journal(path: Path) -> Iterator[Any]:
    """Optuna's storage over a journal, new or of a search that ended anyhow.

    Raises:
        ConfigurationError: If it cannot be written, another process writes it, or it is something else.
    """
    check_output(path, "--journal")
    with path.open("ab+") as held:
        _own(held, path)
        _check(held, path)
        _cut_torn_line(held)
        path.with_name(path.name + _LOCK_SUFFIX).unlink(missing_ok=True)
        yield _storage(path)


def _own(held: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"--journal {path} must not be in use, another search is writing it: wait, or name another"
        raise ConfigurationError(message) from error


def _check(held: IO[bytes], path: Path) -> None:
    """A file of another kind is left as it is."""
    held.seek(0)
    first = held.read(len(_BEGINNING))
    if first and not _BEGINNING.startswith(first):
        message = f"--journal {path} must be new or a search's journal, is something else"
        raise ConfigurationError(message)


def _cut_torn_line(held: IO[bytes]) -> None:
    held.seek(0)
    whole = held.read()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        held.truncate(end)


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage  # noqa: PLC0415  (only who searches pays for it)
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock  # noqa: PLC0415

    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))
