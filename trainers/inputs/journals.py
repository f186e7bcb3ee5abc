"""Keeps the journal of a search on disk: Optuna's file with one line for each step, made safe against ``kill -9``.

Two faults of Optuna are handled here. First, its lock is a file whose process may be dead, and the next process waits
half a minute for it (optuna/optuna issue 5921). Here one process owns the journal by a lock that the kernel
releases at its death, so a lock file that is left can be removed. Second, Optuna skips a line that was cut off while
it was written, but appends the next line to it, and then the file cannot be read. Here the cut line is removed before
anything is appended, and the user is told.

Any other damage is refused with the number of its line, because nobody can tell which of the trials after it are
true.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from schemas.errors import ConfigurationError
from trainers.outputs import check_output

STUDY = "search"
_LOCK_SUFFIX = ".lock"
#: The beginning of Optuna's first line, which makes the study.
_BEGINNING = b'{"op_code":0,'
#: Optuna's numbers for making a study and for setting the state of a trial, and the states of an ended trial.
_MAKES_STUDY, _SETS_STATE, _ENDED = 0, 6, {1, 2}
_MINIMISES = [1]


class _Step(msgspec.Struct, frozen=True):
    """The part of Optuna's lines that is checked here; Optuna alone reads the rest."""

    op_code: int
    worker_id: str
    study_name: str | None = None
    directions: list[int] | None = None
    state: int | None = None


@contextmanager
def opened_journal(path: Path, *, say: Callable[[str], None] = lambda _words: None) -> Iterator[Any]:
    """Opens a journal as Optuna's storage; the journal may be new or of an earlier search.

    Args:
        path: The file.
        say: Is told what a crash left in the file, and what is kept.

    Raises:
        ConfigurationError: If the file cannot be read and written, if another process writes it, if it is damaged, or
            if it is not a journal.
    """
    check_output(path, "--journal")
    with _opened(path) as held:
        _own(held, path)
        _check(held, path)
        _cut_torn_line(held, path, say)
        path.with_name(path.name + _LOCK_SUFFIX).unlink(missing_ok=True)
        yield _storage(path)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab+")
    except OSError as error:
        message = f"--journal must be a file that can be read and written, was {path}: {error.strerror}"
        raise ConfigurationError(message) from error


def _own(held: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = (
            f"--journal {path} is in use, because another search is writing it: wait, or name another journal"
        )
        raise ConfigurationError(message) from error


def _check(held: IO[bytes], path: Path) -> None:
    """Refuses a file of another kind or a damaged one, and leaves it as it is."""
    held.seek(0)
    first = held.read(len(_BEGINNING))
    if first and not _BEGINNING.startswith(first):
        message = f"--journal {path} must be new or the journal of a search, and is something else"
        raise ConfigurationError(message)
    held.seek(0)
    n_ended = 0
    for number, line in enumerate(_whole_lines(held), start=1):
        step = _step(line, number=number, n_ended=n_ended, path=path)
        if number == 1 or step.op_code == _MAKES_STUDY:
            # Optuna writes this line again each time that it opens the study.
            _check_study(step, number=number, path=path)
        n_ended += step.op_code == _SETS_STATE and step.state in _ENDED


def _check_study(step: _Step, *, number: int, path: Path) -> None:
    if (step.op_code, step.study_name, step.directions) != (_MAKES_STUDY, STUDY, _MINIMISES):
        message = (
            f"--journal {path} must belong to one search, and line {number} makes study {step.study_name!r}: "
            "name another journal"
        )
        raise ConfigurationError(message)


def _step(line: bytes, *, number: int, n_ended: int, path: Path) -> _Step:
    try:
        return msgspec.json.decode(line, type=_Step)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, number, n_ended, error) from error


def _damaged(path: Path, number: int, n_ended: int, error: Exception) -> ConfigurationError:
    message = (
        f"--journal {path} must be whole, line {number} is damaged ({error}): name another journal, or keep the "
        f"{n_ended} ended trials before it with `head -n {number - 1} {path.name} > another`"
    )
    return ConfigurationError(message)


def _whole_lines(held: IO[bytes]) -> list[bytes]:
    return held.read().split(b"\n")[:-1]


def _cut_torn_line(held: IO[bytes], path: Path, say: Callable[[str], None]) -> None:
    held.seek(0)
    whole = held.read()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        held.truncate(end)
        n_steps = whole.count(b"\n")
        say(
            f"{path.name} ended within a line, as after a crash: its last {len(whole) - end} bytes were cut off, "
            f"and the {n_steps} whole steps before them are kept"
        )


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))
    except Exception as error:  # optuna raises many kinds of errors on a damaged line
        message = (
            f"--journal {path} must be the journal of a search, and its steps do not follow from each other ({error!r}): "
            "name another journal"
        )
        raise ConfigurationError(message) from error
