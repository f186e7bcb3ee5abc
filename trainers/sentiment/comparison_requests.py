"""What ``driftline sentiment compare`` does, from options to a report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.errors import ConfigurationError
from schemas.scorers import VARIABLE, parse_scorer_names
from stream_processors.sentiment.opening import FOLDER_PREFIX, open_named
from stream_processors.sentiment.ports import OpenedScorers, Scorer
from trainers.inputs.bar_files import read_bars
from trainers.outputs import write_output
from trainers.sentiment.comparing import PLAIN, compared_on_labels
from trainers.sentiment.kept_scores import KeptScores
from trainers.sentiment.labelled import Columns, read_labelled
from trainers.sentiment.labels import parse_mapping
from trainers.sentiment.news_files import read_articles
from trainers.sentiment.news_signals import HOUR_MS, signal_findings, signals_of
from trainers.sentiment.reports import ScorerComparison
from trainers.sentiment.showing import html_of
from trainers.settings import TrainerSettings

Progress = Callable[[float, str], None]
SCORES_FILE = "sentiment/scores.sqlite3"


class ComparisonRequest(NamedTuple):
    """The options of ``driftline sentiment compare``, as the command line states them."""

    data: tuple[Path, ...]
    text: str | None = None
    label: str | None = None
    mapping: str | None = None
    scorers: str | None = None
    folders: tuple[str, ...] = ()
    news: Path | None = None
    prices: Path | None = None
    asset: str = "BTC"
    price_of_core_hour: float = 0.04
    seed: int = 0


def compared(
    asked: ComparisonRequest, environment: Mapping[str, str], progress: Progress
) -> ScorerComparison:
    """Compare scorers.

    Args:
        asked: The options.
        environment: For the scorers that it configures, and for the folder in which scores of news are kept.
        progress: Told the share that is done, and what.

    Raises:
        ConfigurationError: If nothing is to be compared, no scorer runs, or a file cannot be used.
    """
    if (asked.news is None) != (asked.prices is None) or not (asked.data or asked.news):
        message = "--data must name labelled texts, or --news and --prices articles and candles; the two belong together"
        raise ConfigurationError(message)
    opened = _opened(asked, environment)
    columns, mapping = Columns(asked.text, asked.label), parse_mapping(asked.mapping)
    data = [read_labelled(path, columns, stated=mapping) for path in asked.data]
    report = compared_on_labels(
        opened.scorers,
        data,
        seed=asked.seed,
        price_of_core_hour=asked.price_of_core_hour,
        progress=progress,
    )
    report = msgspec.structs.replace(
        report,
        unavailable=[each.sentence for each in opened.unavailable],
        notes=[f"{name}: {sentence}" for name, sentence in opened.notes],
    )
    if asked.news is None or asked.prices is None:
        return report
    kept = TrainerSettings.from_environment(environment).data_dir / SCORES_FILE
    return _with_signals(report, opened.scorers, asked, kept, progress)


def _opened(asked: ComparisonRequest, environment: Mapping[str, str]) -> OpenedScorers:
    """The scorers that are asked for.

    Raises:
        ConfigurationError: If a name or a folder has another form, or none of them runs.
    """
    configured = asked.scorers or f"{PLAIN},{','.join(parse_scorer_names(environment.get(VARIABLE)))}"
    further = dict(_named_folder(text) for text in asked.folders)
    names = tuple(dict.fromkeys((*parse_scorer_names(configured), *further)))
    stated = {name: environment.get(f"{FOLDER_PREFIX}{name.upper()}", "").strip() for name in names}
    folders = {name: Path(folder) for name, folder in stated.items() if folder} | further
    opened = open_named(names, folders)
    if not opened.scorers:
        message = f"no scorer runs: {' '.join(each.sentence for each in opened.unavailable)}"
        raise ConfigurationError(message)
    return opened


def _named_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not folder:
        message = f"--folder must be like finbert=FOLDER, was {text!r}"
        raise ConfigurationError(message)
    return name.strip(), Path(folder)


def _with_signals(
    report: ScorerComparison,
    scorers: Sequence[Scorer],
    asked: ComparisonRequest,
    kept: Path,
    progress: Progress,
) -> ScorerComparison:
    if asked.news is None or asked.prices is None:
        return report
    bars = read_bars(asked.prices)
    if bars.interval.milliseconds > HOUR_MS:
        message = (
            f"--prices must be candles of an hour or less, {asked.prices.name} has bars of {bars.interval}"
        )
        raise ConfigurationError(message)
    articles = read_articles(asked.news)
    store = KeptScores(kept, asked.asset)
    scores = {
        str(one.id): store.of(one, articles.texts, _told(progress, f"{one.id.name} on news"))
        for one in scorers
    }
    signals = signals_of(articles.published_ms, scores, bars.prices(), seed=asked.seed)
    return msgspec.structs.replace(
        report,
        signals=signals,
        n_articles=len(articles.texts),
        findings=[*report.findings, *signal_findings(signals)],
    )


def _told(progress: Progress, what: str) -> Callable[[float], None]:
    return lambda share: progress(share, what)


def write_comparison(report: ScorerComparison, *, html: Path | None, json: Path | None) -> None:
    """Write a comparison as a page, as JSON, as both or not at all.

    Args:
        report: The comparison.
        html: The file of the page.
        json: The file of the figures.

    Raises:
        ConfigurationError: If a file cannot be written.
    """
    if html is not None:
        write_output(html, html_of(report).encode(), "--html")
    if json is not None:
        write_output(json, msgspec.json.format(msgspec.json.encode(report)), "--json")
