"""A comparison of scorers as tables, for a terminal and for a page: the same columns and cells in both."""

from collections.abc import Iterator
from typing import NamedTuple

from trainers.sentiment.labels import LABELS
from trainers.sentiment.reports import Figure, PairOnData, ScorerComparison, ScorerOnData, ScorerSpeed, Signal

_NONE = "-"


class Rows(NamedTuple):
    """A table; the first column is of words.

    Attributes:
        is_wordy: Whether all columns are of words.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    is_wordy: bool = False


def tables_of(report: ScorerComparison) -> Iterator[Rows]:
    """Yield the tables of a comparison that have rows."""
    tables = (
        Rows("What the figures say", ("",), [(finding,) for finding in report.findings], is_wordy=True),
        Rows("Scorers that did not run", ("",), [(each,) for each in report.unavailable], is_wordy=True),
        Rows("To be known of those that ran", ("",), [(each,) for each in report.notes], is_wordy=True),
        Rows(
            "Labelled texts",
            ("file", "texts", *LABELS, "left out", "labels are"),
            [
                (each.name, f"{each.n:,}", *(f"{n:,}" for n in each.n_by_label), f"{each.n_left_out:,}", each.mapping)
                for each in report.data
            ],
        ),
        Rows(
            "Scorers on labelled texts, with 95 % intervals",
            ("file", "scorer", "accuracy", "macro-F1", "refused", "ECE", "Brier"),
            [_of_figures(each) for each in report.figures],
        ),
        Rows(
            "Confusion: the stated label by the true one",
            ("file", "scorer", "true label", *LABELS, "refused"),
            [row for each in report.figures for row in _of_confusion(each)],
        ),
        Rows(
            "Pairs, by McNemar's test",
            ("file", "first", "second", "second is better by", "p", "p of all pairs", "says"),
            [_of_pair(each) for each in report.pairs],
        ),
        Rows(
            f"Speed, and the cost of a thousand texts at ${report.price_of_core_hour:g} for an hour of a core",
            ("scorer", "texts timed", "texts/s in batches", "p50 alone", "p99 alone", "CPU s per 1,000", "$ per 1,000"),
            [_of_speed(each) for each in report.speeds],
        ),
        Rows(
            f"Information coefficients of hourly means of {report.n_articles:,} articles",
            ("scorer", "return", "known after", "hours", "coefficient", "shifted times give", "p", "p of all", "says"),
            [_of_signal(each) for each in report.signals],
        ),
    )  # fmt: skip
    return (table for table in tables if table.rows)


def _of_figures(each: ScorerOnData) -> tuple[str, ...]:
    return (
        each.data,
        each.scorer,
        str(each.accuracy),
        str(each.macro_f1),
        f"{each.n_refused:,}",
        _figure(each.calibration_error),
        _figure(each.brier),
    )


def _figure(figure: Figure | None) -> str:
    return _NONE if figure is None else str(figure)


def _of_confusion(each: ScorerOnData) -> list[tuple[str, ...]]:
    return [
        (each.data, each.scorer.partition("@")[0], label, *(f"{n:,}" for n in row))
        for label, row in zip(LABELS, each.confusion, strict=True)
    ]


def _of_pair(each: PairOnData) -> tuple[str, ...]:
    return (
        each.data,
        each.first.partition("@")[0],
        each.second.partition("@")[0],
        f"{100 * each.difference:+.1f} points",
        f"{each.p_value:.2g}",
        f"{each.adjusted:.2g}",
        "may be chance" if each.is_noise else "more than chance",
    )


def _of_speed(each: ScorerSpeed) -> tuple[str, ...]:
    return (
        each.scorer,
        f"{each.n_texts:,}",
        f"{each.texts_per_s:,.0f}",
        f"{each.p50_ms:.3f} ms",
        f"{each.p99_ms:.3f} ms",
        f"{each.cpu_s_per_thousand:.3f}",
        f"{each.cost_per_thousand:.2g}",
    )


def _of_signal(each: Signal) -> tuple[str, ...]:
    control = _NONE if each.control is None else f"[{each.control[0]:.3f}, {each.control[1]:.3f}]"
    return (
        each.scorer.partition("@")[0],
        each.horizon,
        f"{each.delay_minutes} min",
        f"{each.n:,}",
        str(each.coefficient),
        control,
        f"{each.p_value:.2g}",
        f"{each.adjusted:.2g}",
        "more than chance" if each.is_shown else "may be chance",
    )
