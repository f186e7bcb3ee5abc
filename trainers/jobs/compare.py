"""The job of ``driftline compare``: it judges several recipes on the same file, and says which one to take."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from schemas.errors import ConfigurationError
from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.edges import ALL, edges
from trainers.evaluation.importance import ShuffledFamilies
from trainers.evaluation.news_effects import WITHOUT_NEWS, NewsEffect, news_effect
from trainers.evaluation.regimes import regime_figures
from trainers.evaluation.summaries import OutOfSampleResult
from trainers.inputs.evaluation_files import EvaluationFiles, decisions_of_files, without_news
from trainers.inputs.parameters import NOT_REPEATED, read_searched, searched_recipe, stated_parameters
from trainers.jobs.evaluate import n_searched
from trainers.models.recipes import Recipe
from trainers.outputs import write_output
from trainers.selection.pages import comparison_page, pair_cells
from trainers.selection.ranking import RULE, Ranking, ranked
from trainers.selection.searching import Searched
from trainers.training.evaluating import Question, evaluated, tested_of
from trainers.training.offered import CONFIGURATIONS_TRIED

Figures = dict[str, Any]
#: The coverages at which the gross edge is stated.
_COVERAGES = (ALL, 0.1, 0.05)


class Comparison(NamedTuple):
    """The result of a comparison.

    Attributes:
        figures: By candidate: its summary, and ``edges``, ``regimes``, ``importance``.
        tested: The predictions of each candidate.
        ranking: The order of the candidates, and the tests of their differences.
        is_weighted: Whether overlapping labels shared their weight.
        news: What news adds to each model, if there is news.
        warnings: What is to be known of the files, a sentence each.
    """

    figures: dict[str, Figures]
    tested: dict[str, OutOfSampleResult]
    ranking: Ranking
    is_weighted: bool
    warnings: tuple[str, ...]
    news: tuple[NewsEffect, ...] = ()

    @property
    def rule(self) -> str:
        """The rule by which a candidate was chosen."""
        return RULE

    def page(self) -> str:
        """Returns the HTML page."""
        return comparison_page(self.ranking, self.figures, self.tested)

    def summary(self) -> Figures:
        """Returns the choice, the pairs and every candidate's figures, ready for JSON."""
        return {
            "chosen": self.ranking.chosen,
            "rule": RULE,
            "order": list(self.ranking.order),
            "n": self.ranking.n,
            "pairs": [{**pair._asdict(), "is_noise": pair.is_noise} for pair in self.ranking.pairs],
            "configurations_tried": CONFIGURATIONS_TRIED
            + len(self.figures)
            + sum(map(n_searched, self.figures.values())),
            "uniqueness_weights": self.is_weighted,
            "warnings": list(self.warnings),
            "news": [{**effect._asdict(), "verdict": effect.verdict} for effect in self.news],
            "candidates": {name: _plain(one) for name, one in self.figures.items()},
        }


def compared(
    files: EvaluationFiles,
    question: Question,
    *,
    models: Sequence[str],
    parameters: Sequence[Path] = (),
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Judges every model on the same decisions, then ranks them.

    With a file of news every model is also judged without the news. That candidate comes first, so that it is chosen
    unless news makes the predictions better by more than noise.

    Args:
        files: The files.
        question: What is evaluated.
        models: The names of recipes, the simplest first: of equal recipes the first one is chosen.
        parameters: Files that searches wrote; each is a further candidate.
        progress: Is told the share of the work that is done.

    Raises:
        ConfigurationError: If fewer than two models are named and there is no news, or a name is unknown.
    """
    found = _named([read_searched(path) for path in parameters])
    n_candidates = len(models) * (1 if files.news is None else 2) + len(found)
    if len(set(models)) < len(models) or n_candidates < 2:
        message = f"--models must name two or more different models, was {','.join(models)}"
        raise ConfigurationError(message)
    names = [*models, *(one.model for one in found.values())]
    prepared = decisions_of_files(files, question, names)
    decisions, recipes, warnings = prepared.decisions, prepared.recipes, prepared.warnings
    plain = decisions.with_features(without_news(decisions.names))
    without = {f"{name} {WITHOUT_NEWS}": prepared.recipes_without_news.get(name) for name in models}
    candidates = {name: recipe for name, recipe in without.items() if recipe is not None}
    candidates |= {name: recipes[name] for name in models} | {
        name: searched_recipe(one, question, recipes[one.model]) for name, one in found.items()
    }
    searches = {name: [stated_parameters(one, decisions, recipes[one.model])] for name, one in found.items()}
    figures, tested = {}, {}
    for i, (name, recipe) in enumerate(candidates.items()):
        told = None if progress is None else _share_of(progress, i, len(candidates))
        judged_on = plain if name in without else decisions
        figures[name], tested[name] = _judged(judged_on, recipe, question, told)
        if name in found:
            figures[name]["searches"] = searches[name]
    probabilities = {name: one.probability for name, one in tested.items()}
    ranking = ranked(decisions, probabilities, from_ms=question.train_until_ms)
    effects = tuple(
        news_effect(
            name,
            decisions,
            with_news=probabilities[name],
            without=probabilities[f"{name} {WITHOUT_NEWS}"],
            from_ms=question.train_until_ms,
            seed=question.seed,
        )
        for name in models
        if f"{name} {WITHOUT_NEWS}" in candidates
    )
    return Comparison(figures, tested, ranking, question.is_weighted, warnings, effects)


def _named(searches: Sequence[Searched]) -> dict[str, Searched]:
    """The searches by the name of their candidate; further searches of one model are numbered from the second on."""
    found: dict[str, Searched] = {}
    for one in searches:
        n_before = sum(other.model == one.model for other in found.values())
        found[f"{one.model} searched" + (f" {n_before + 1}" if n_before else "")] = one
    return found


def _judged(
    decisions: DecisionSet, recipe: Recipe, question: Question, progress: Callable[[float], None] | None
) -> tuple[Figures, OutOfSampleResult]:
    """The figures of a candidate, with those that only a comparison has."""
    shuffled = ShuffledFamilies(decisions, seed=question.seed)
    figures, probability = evaluated(decisions, recipe, question, progress=progress, watch=shuffled.watch)
    tested = tested_of(decisions, probability, question)
    figures["edges"] = edges(tested, targets=_COVERAGES, seed=question.seed)
    figures["regimes"] = regime_figures(tested, seed=question.seed)
    figures["importance"] = shuffled.found(probability, tested.rows(decisions.own))
    return figures, tested


def _plain(figures: Figures) -> Figures:
    """The figures ready for JSON, with named tuples as mappings."""
    named = ("edges", "importance")
    return {**figures, **{key: [one._asdict() for one in figures[key]] for key in named}}


def _share_of(progress: Callable[[float], None], i: int, n: int) -> Callable[[float], None]:
    return lambda share: progress((i + share) / n)


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Makes the tables of the ranking and of the differences, which say what is noise."""
    ranking = comparison.ranking
    unsure = [
        name
        for name, one in comparison.figures.items()
        if not all(search["is_repeated"] for search in one.get("searches", ()))
    ]
    doubt = f"; {', '.join(unsure)}: {NOT_REPEATED}" if unsure else ""
    table = Table(title=f"chosen: {ranking.chosen}, of {ranking.n:,} decisions{doubt}")
    for column in ("model", "Brier", "accuracy", "at 10 %"):
        table.add_column(column)
    for name in ranking.order:
        one = comparison.figures[name]
        ten = next(item for item in one["selective"] if item["target_coverage"] == 0.1)
        low, high = one["accuracy_interval"]
        made = "-" if ten["accuracy"] is None else f"{ten['accuracy']:.1%}, made {ten['coverage']:.1%}"
        table.add_row(name, f"{one['brier']:.5f}", f"{one['accuracy']:.1%} [{low:.1%}, {high:.1%}]", made)
    pairs = Table(title="differences, p-values adjusted by Holm")
    for column in ("pair", "Brier", "p", "accuracy", "p", ""):
        pairs.add_column(column)
    for pair in ranking.pairs:
        pairs.add_row(*pair_cells(pair))
    return [table, pairs, *([_news_table(comparison.news)] if comparison.news else [])]


def _news_table(effects: Sequence[NewsEffect]) -> Table:
    """Makes the table of what news adds, with intervals."""
    table = Table(title="what news adds: with news less without, 95 % intervals by blocks of seven days")
    for column in ("model", "decisions", "Brier", "accuracy", ""):
        table.add_column(column)
    for one in effects:
        table.add_row(
            one.model,
            f"{one.n:,}",
            f"{one.brier_difference:+.5f} [{one.brier_low:+.5f}, {one.brier_high:+.5f}]",
            f"{one.accuracy_difference:+.2%} [{one.accuracy_low:+.2%}, {one.accuracy_high:+.2%}]",
            one.verdict,
        )
    return table


def write_page(comparison: Comparison, path: Path) -> None:
    """Writes the page of a comparison.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    write_output(path, comparison.page().encode(), "--html")
