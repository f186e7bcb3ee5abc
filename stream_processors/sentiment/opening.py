"""Opens the scorers that a setting names. One that cannot run is stated with its reason, and nothing runs in its place."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from schemas.errors import ConfigurationError
from schemas.scorers import VARIABLE, parse_scorer_names
from stream_processors.sentiment.encoders import open_encoder
from stream_processors.sentiment.polarity import open_textblob
from stream_processors.sentiment.ports import OpenedScorers, Scorer, Unavailable
from stream_processors.sentiment.vader import open_vader, open_vader_plain

#: The variable of an encoder's folder is this and its name in capitals: ``DRIFTLINE_SCORER_FINBERT``.
FOLDER_PREFIX = "DRIFTLINE_SCORER_"
_BUILT_IN: Mapping[str, Callable[[], Scorer]] = {
    "vader": open_vader,
    "vader_plain": open_vader_plain,
    "textblob": open_textblob,
}
_MOST_CHARACTERS = 500


def open_scorers(environment: Mapping[str, str]) -> OpenedScorers:
    """Return the scorers that the environment configures.

    Args:
        environment: ``DRIFTLINE_SCORERS`` holds names separated by commas, by default ``vader,textblob``;
            ``DRIFTLINE_SCORER_FINBERT`` holds the folder of the encoder ``finbert``, and so on.

    Raises:
        ConfigurationError: If a name has another form.
    """
    names = parse_scorer_names(environment.get(VARIABLE))
    return open_named(names, _folders(names, environment))


def check_scorers(environment: Mapping[str, str]) -> None:
    """Raise an error if no named scorer can run, without loading any.

    Args:
        environment: As for :func:`open_scorers`.

    Raises:
        ConfigurationError: If a name has another form, or no scorer is built in and none has a folder.
    """
    names = parse_scorer_names(environment.get(VARIABLE))
    if not any(name in _BUILT_IN for name in names) and not _folders(names, environment):
        variables = ", ".join(f"{FOLDER_PREFIX}{name.upper()}" for name in names)
        message = (
            f"{VARIABLE} must name a scorer that can run here, was {','.join(names)}: vader and textblob run everywhere, "
            f"and an encoder runs from the folder that its variable names, here {variables}"
        )
        raise ConfigurationError(message)


def _folders(names: Sequence[str], environment: Mapping[str, str]) -> dict[str, Path]:
    """Return the folder of each encoder that has one."""
    stated = {name: environment.get(f"{FOLDER_PREFIX}{name.upper()}", "").strip() for name in names}
    return {name: Path(folder) for name, folder in stated.items() if folder}


def open_named(names: Sequence[str], folders: Mapping[str, Path]) -> OpenedScorers:
    """Return scorers by name.

    Args:
        names: ``vader``, ``vader_plain``, ``textblob``, or the name of an encoder.
        folders: The folder of each encoder.
    """
    scorers: list[Scorer] = []
    unavailable: list[Unavailable] = []
    notes: list[tuple[str, str]] = []
    for name in names:
        try:
            scorer, note = _opened(name, folders)
        except ConfigurationError as error:
            unavailable.append(Unavailable(name, _sentence(name, error)))
            continue
        scorers.append(scorer)
        if note is not None:
            notes.append((name, note[:_MOST_CHARACTERS]))
    return OpenedScorers(tuple(scorers), tuple(unavailable), tuple(notes))


def _opened(name: str, folders: Mapping[str, Path]) -> tuple[Scorer, str | None]:
    built_in = _BUILT_IN.get(name)
    if built_in is not None:
        return built_in(), None
    folder = folders.get(name)
    if folder is None:
        message = f"{FOLDER_PREFIX}{name.upper()} must name the folder of its weights, and is not set"
        raise ConfigurationError(message)
    opened = open_encoder(name, folder)
    return opened.scorer, opened.note


def _sentence(name: str, error: ConfigurationError) -> str:
    """Return one line that says that a scorer is unavailable, and why."""
    reason = " ".join(str(error).split())
    return f"The scorer {name} is unavailable: {reason}."[:_MOST_CHARACTERS]
