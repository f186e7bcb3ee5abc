"""The scorers of news that a run joins: names alone become the ids of the versions that run here."""

from collections.abc import Mapping, Sequence
from functools import partial

from schemas.companions import CREDIBILITY_VARIABLE, NEWS, VARIABLE, parse_credibility
from schemas.errors import ConfigurationError
from schemas.scorers import VARIABLE as SCORERS_VARIABLE
from schemas.scorers import parse_scorer_names


def with_scorer_ids(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment whose companions name each scorer by its id.

    ``BTC-USDT.BINANCE:news/vader`` becomes ``BTC-USDT.BINANCE:news/vader@0123456789abcdef``. An id that is stated stays if it
    is that of the scorer that runs here, because no other version makes scores in this run.

    Args:
        environment: The variables; those of scorers say which run.

    Raises:
        ConfigurationError: If a companion names a scorer that does not run here, or another version of one; or if a setting of
            scorers or of credibility has another form, which processes would only say after their start.
    """
    if environment.get(SCORERS_VARIABLE):
        from stream_processors.sentiment.opening import check_scorers  # loads numpy

        check_scorers(environment)
    parse_credibility(environment.get(CREDIBILITY_VARIABLE))
    text = environment.get(VARIABLE, "")
    if f"{NEWS}/" not in text:
        return environment
    ids = _ids_here(environment)
    targets = [target.partition(":") for target in text.split(";")]
    resolved = [
        f"{name}{colon}{','.join(map(partial(_resolved, ids), stated.split(',')))}"
        for name, colon, stated in targets
    ]
    return {**environment, VARIABLE: ";".join(resolved)}


def _ids_here(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The id of each scorer that runs here; of one that does not, why."""
    from stream_processors.sentiment.opening import open_scorers  # loads lexicons and weights

    opened = open_scorers(environment)
    return {
        **{each.name: each.sentence for each in opened.unavailable},
        **{scorer.id.name: str(scorer.id) for scorer in opened.scorers},
    }


def _resolved(ids: Mapping[str, str], companion: str) -> str:
    kind, *scorers = (part.strip() for part in companion.split("/"))
    if kind != NEWS or not scorers:
        return companion
    return "/".join([kind, *_checked(ids, scorers)])


def _checked(ids: Mapping[str, str], scorers: Sequence[str]) -> list[str]:
    found = []
    for stated in scorers:
        name, at, _ = stated.partition("@")
        here = ids.get(name)
        if here is None:
            running = ", ".join(ids) or ", ".join(parse_scorer_names(None))
            message = f"{VARIABLE}: the scorer {name!r} does not run here; {SCORERS_VARIABLE} names those that run: {running}"
            raise ConfigurationError(message)
        if not here.startswith(f"{name}@"):
            message = f"{VARIABLE}: {here}"
            raise ConfigurationError(message)
        if at and stated != here:
            message = (
                f"{VARIABLE}: news is joined with the scorer {stated}, and the version that runs here is {here}, so its features "
                f"would never be defined: write {name} alone for the version that runs here"
            )
            raise ConfigurationError(message)
        found.append(here)
    return found
