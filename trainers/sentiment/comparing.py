"""Compares scorers on labelled texts: each with its measures, and each pair by McNemar's test."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np

from stream_processors.sentiment.ports import PreparedText, Refusal, Scorer
from trainers.evaluation.significance import holm, mcnemar
from trainers.sentiment.labelled import LabelledTexts
from trainers.sentiment.measures import label_measures, probability_measures
from trainers.sentiment.reports import LabelledData, PairOnData, ScorerComparison, ScorerOnData, figure_of
from trainers.sentiment.scoring import REFUSED, ScoredTexts, measured_speed, prepared_texts, scored_texts

Progress = Callable[[float, str], None]
PLAIN, EXTENDED = "vader_plain", "vader"


def compared_on_labels(
    scorers: Sequence[Scorer],
    data: Sequence[LabelledTexts],
    *,
    seed: int,
    price_of_core_hour: float,
    progress: Progress,
) -> ScorerComparison:
    """Compare scorers on labelled texts.

    Args:
        scorers: In the order in which they are shown.
        data: The sets of texts.
        seed: The seed of the intervals.
        price_of_core_hour: In US dollars, for the cost.
        progress: Told the share that is done, and what.
    """
    figures: list[ScorerOnData] = []
    pairs: list[PairOnData] = []
    readied = [prepared_texts(each.texts) for each in data]
    n_parts = max(1, len(data) * len(scorers))
    for number, (each, texts) in enumerate(zip(data, readied, strict=True)):
        found = {}
        for turn, scorer in enumerate(scorers):
            told = _part(progress, number * len(scorers) + turn, n_parts, f"{scorer.id.name} on {each.name}")
            found[str(scorer.id)] = scored_texts(scorer, texts, told)
        figures += [on_data(each, name, scored, seed=seed) for name, scored in found.items()]
        pairs += pairs_on(each, found)
    timed: list[PreparedText | Refusal] = [text for texts in readied for text in texts]
    report = ScorerComparison(
        data=[_described(each) for each in data],
        figures=figures,
        pairs=pairs,
        speeds=[
            measured_speed(one, timed, price_of_core_hour=price_of_core_hour) for one in scorers if timed
        ],
        price_of_core_hour=price_of_core_hour,
    )
    return msgspec.structs.replace(report, findings=[*label_findings(report)])


def on_data(data: LabelledTexts, scorer: str, scored: ScoredTexts, *, seed: int) -> ScorerOnData:
    """The measures of a scorer on a set of texts.

    Args:
        data: The texts with their true labels.
        scorer: The id of the scorer.
        scored: What it said.
        seed: The seed of the intervals, which is the same for all scorers.
    """
    of_labels = label_measures(data.labels, scored.labels, generator=np.random.default_rng(seed))
    measures = ScorerOnData(
        data=data.name,
        scorer=scorer,
        n=len(data.texts),
        n_refused=int(np.sum(scored.labels == REFUSED)),
        accuracy=figure_of(of_labels.accuracy),
        macro_f1=figure_of(of_labels.macro_f1),
        confusion=of_labels.confusion.tolist(),
    )
    if scored.probabilities is None:
        return measures
    stated = np.isfinite(scored.probabilities).all(axis=1)
    found = probability_measures(
        data.labels[stated], scored.probabilities[stated], generator=np.random.default_rng(seed)
    )
    return msgspec.structs.replace(
        measures,
        calibration_error=figure_of(found.calibration_error),
        brier=figure_of(found.brier),
        bins=[tuple(row) for row in found.bins.tolist()],
    )


def pairs_on(data: LabelledTexts, found: Mapping[str, ScoredTexts]) -> list[PairOnData]:
    """Every pair of scorers on the same texts, with p-values for all of them together.

    Args:
        data: The texts with their true labels.
        found: What each scorer said, by its id.
    """
    hits = {name: scored.labels == data.labels for name, scored in found.items()}
    chosen = list(combinations(hits, 2))
    raw = [mcnemar(is_hit=hits[a], other_is_hit=hits[b]).p_value for a, b in chosen]
    return [
        PairOnData(
            data=data.name,
            first=first,
            second=second,
            difference=float(hits[second].mean() - hits[first].mean()),
            p_value=p_value,
            adjusted=adjusted,
        )
        for (first, second), p_value, adjusted in zip(chosen, raw, holm(raw), strict=True)
    ]


def label_findings(report: ScorerComparison) -> list[str]:
    """What the measures on labels say: the best scorer of each set, and what the extension of the lexicon gains."""
    findings = []
    for data in report.data:
        ranked = sorted(
            (each for each in report.figures if each.data == data.name), key=lambda each: -each.accuracy.value
        )
        if len(ranked) > 1:
            findings.append(
                f"On {data.name} {_name(ranked[0].scorer)} is right most often: {ranked[0].accuracy}; "
                f"the next is {_name(ranked[1].scorer)} with {ranked[1].accuracy}."
            )
    for pair in report.pairs:
        if (_name(pair.first), _name(pair.second)) == (PLAIN, EXTENDED):
            certainty = "which may be chance" if pair.is_noise else "which is more than chance"
            findings.append(
                f"On {pair.data} the extension of the lexicon changes the accuracy of VADER by "
                f"{100 * pair.difference:+.1f} points (p = {pair.adjusted:.2g}), {certainty}."
            )
    return findings


def _name(scorer: str) -> str:
    return scorer.partition("@")[0]


def _described(data: LabelledTexts) -> LabelledData:
    return LabelledData(
        name=data.name,
        n=len(data.texts),
        n_left_out=data.n_left_out,
        n_by_label=np.bincount(data.labels, minlength=3).tolist(),
        mapping=data.mapping,
    )


def _part(progress: Progress, number: int, n: int, what: str) -> Callable[[float], None]:
    return lambda share: progress((number + share) / n, what)
