"""The journal of a search on disk: Optuna's file of one line per step, made safe against ``kill -9``.

Two things that Optuna leaves open are closed here. Its lock is a file whose maker may be dead, for
which the next process waits half a minute (optuna/optuna issue 5921): here one process owns the
journal by a lock that the kernel takes back, so that such a file is known to be nobody's. And a
line that was cut off while it was written is read over, but the next line is appended to it and then
nothing can be read any more: here it is cut away, and said, before anything is appended.

Whatever else is damaged is refused with the line that it is in: which of the trials after it are
still true, nobody can say.
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
#: How Optuna's first line begins: it makes the study.
_BEGINNING = b'{"op_code":0,'
#: Optuna's numbers for making a study, and for giving a trial a state; and the states of an ended one.
_MAKES_STUDY, _SETS_STATE, _ENDED = 0, 6, {1, 2}
_MINIMISES = [1]


class _Step(msgspec.Struct, frozen=True):
    """What every line of Optuna's has; the rest is read by Optuna alone."""

    op_code: int
    worker_id: str
    study_name: str | None = None
    directions: list[int] | None = None
    state: int | None = None


@contextmanager
def opened_journal(path: Path, *, say: Callable[[str], None] = lambda _words: None) -> Iterator[Any]:
    """Optuna's storage over a journal, new or of a search that ended anyhow.

    Args:
        path: The file.
        say: Told what a crash had left behind, and what is kept.

    Raises:
        ConfigurationError: If it cannot be read and written, another process writes it, it is damaged, or it is
            something else.
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
        message = f"--journal {path} must not be in use, another search is writing it: wait, or name another"
        raise ConfigurationError(message) from error


def _check(held: IO[bytes], path: Path) -> None:
    """A file of another kind, and one that is damaged, is left as it is."""
    held.seek(0)
    first = held.read(len(_BEGINNING))
    if first and not _BEGINNING.startswith(first):
        message = f"--journal {path} must be new or a search's journal, is something else"
        raise ConfigurationError(message)
    held.seek(0)
    n_ended = 0
    for number, line in enumerate(_whole_lines(held), start=1):
        step = _step(line, number=number, n_ended=n_ended, path=path)
        if number == 1 or step.op_code == _MAKES_STUDY:
            # (Optuna asks for the study at every opening, so that the same line is there again.)
            _check_study(step, number=number, path=path)
        n_ended += step.op_code == _SETS_STATE and step.state in _ENDED


def _check_study(step: _Step, *, number: int, path: Path) -> None:
    if (step.op_code, step.study_name, step.directions) != (_MAKES_STUDY, STUDY, _MINIMISES):
        message = (
            f"--journal {path} must be of one search, line {number} makes study {step.study_name!r}: "
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
        f"--journal {path} must be whole, line {number} is damaged ({error}): name another journal, or keep what is "
        f"before it, {n_ended} ended trials, with `head -n {number - 1} {path.name} > another`"
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
            f"{path.name} ended within a line, as a crash leaves it: its last {len(whole) - end} bytes were cut off, "
            f"and the {n_steps} whole steps before it are kept"
        )


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))
    except Exception as error:  # (optuna raises whatever a damaged line makes it stumble over)
        message = (
            f"--journal {path} must be a search's journal, its steps do not follow from each other ({error!r}): "
            "name another journal"
        )
        raise ConfigurationError(message) from error
