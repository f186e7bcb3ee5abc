"""Writes model cards in Markdown: what a version is, how good it was found to be, and what it is not for.

A card is a function of the manifest alone, so it can be written again at any time. It says which statements
hold because of how the trainer is built; every measured statement has its number.
"""

from collections.abc import Iterable, Mapping

from schemas.artifacts import Evidence, Metric, ModelManifest
from schemas.time import text_of_time
from trainers.registry.figures import figure_words, interval_words, stated_metrics
from trainers.registry.leak_alarms import LEAK_ALARM, alarm_of, alarm_words, not_judged_words

_INTENDED = (
    "Stating how likely the price of the instrument above rises over the horizon, at the close of each bar, "
    "from the features named below, on the venue it was trained for."
)
_NOT_INTENDED = (
    "Other instruments, intervals or horizons; sources with other fields or conventions; trading without an "
    "account of costs. `driftline backtest` states the gross edge against them."
)


def model_card(manifest: ModelManifest) -> str:
    """Writes the card of a version."""
    parts = [
        f"# {manifest.version}",
        f"{manifest.kind}, predicts {manifest.target}.",
        "## Intended use",
        _INTENDED,
        f"Not for: {_NOT_INTENDED}",
        "## Data",
        _table(("", ""), _data(manifest)),
        "## Out of sample, with 95 % intervals",
        _scores(stated_metrics(manifest)),
        f"Intervals: {interval_words(manifest)}.",
        "## Baselines on the same rows",
        _baselines(manifest),
        "## When it decides, and how right that was",
        _decisions(manifest),
        "## Leakage sheet",
        _table(("check", "finding"), _leakage(manifest)),
        "## How it was made",
        _table(("", ""), _provenance(manifest)),
        "## Files",
        _table(("file", "SHA-256"), sorted(manifest.files.items())),
        "## Features",
        ", ".join(f"`{name}`" for name in manifest.feature_names) or "none",
    ]
    return "\n\n".join(parts) + "\n"


def _data(manifest: ModelManifest) -> list[tuple[str, str]]:
    return [
        ("stream", f"{manifest.stream} (source {manifest.source})"),
        ("first row", f"{text_of_time(manifest.trained_from_ms, 'minute')} UTC"),
        ("labels known until", f"{text_of_time(manifest.trained_until_ms, 'minute')} UTC"),
        ("rows without ties", f"{manifest.n_rows:,}"),
        ("feature set", f"{manifest.feature_spec_hash} ({len(manifest.feature_names)} features)"),
        ("model hash", manifest.model_hash),
        ("made", f"{text_of_time(manifest.created_ms, 'minute')} UTC"),
    ]


def _scores(metrics: Mapping[str, Metric]) -> str:
    if not metrics:
        return "None were measured: nothing is known of how good this model is."
    rows = [(_words(name), figure_words(metric), f"{metric.n:,}") for name, metric in metrics.items()]
    return _table(("figure", "value", "n"), rows)


def _baselines(manifest: ModelManifest) -> str:
    names = [
        name for name in manifest.metrics if any(name in scores for scores in manifest.baselines.values())
    ]
    if not names:
        return "None were measured."
    rows = [
        (_words(baseline), *(figure_words(scores.get(name)) for name in names))
        for baseline, scores in manifest.baselines.items()
    ]
    return _table(("baseline", *(_words(name) for name in names)), rows)


def _decisions(manifest: ModelManifest) -> str:
    lines = [f"A pick: {pick_words(manifest)}. Conformal sets: {conformal_words(manifest)}."]
    if manifest.evidence:
        lags = sorted({seconds for row in manifest.evidence for seconds in row.late})
        columns = ("aimed at", "made", "confidence from", "n", "at the close", *(f"{s} s late" for s in lags))
        rows = [_evidence_row(row, lags) for row in manifest.evidence]
        lines += [
            "Thresholds were chosen on data before the decisions they are judged on.",
            _table(columns, rows),
        ]
    return "\n\n".join(lines)


def _evidence_row(row: Evidence, lags: Iterable[int]) -> tuple[str, ...]:
    return (
        f"{row.target:.0%}",
        f"{row.coverage:.1%}",
        f"{row.least_confidence:.4f}",
        f"{row.at_close.n:,}",
        figure_words(row.at_close),
        *(figure_words(row.late.get(lag)) for lag in lags),
    )


def pick_words(manifest: ModelManifest) -> str:
    """Says in words when a version makes a decision."""
    if manifest.picks_from is not None:
        return f"a probability of the direction of at least {manifest.picks_from:.4f}"
    return "never, it always abstains" if manifest.evidence else "not stated"


def conformal_words(manifest: ModelManifest) -> str:
    """Says in words how often the sets of a version are meant to hold the outcome, and how often they did."""
    found = manifest.conformal
    if found is None:
        return "not stated"
    did = "" if found.coverage is None else f", did {figure_words(found.coverage)} of the time"
    return (
        f"to hold the outcome {1 - found.miscoverage:.0%} of the time in each direction{did} "
        f"(limits from {found.n_up:,} ups and {found.n_down:,} downs)"
    )


def _provenance(manifest: ModelManifest) -> list[tuple[str, str]]:
    recipe = "not stated" if manifest.recipe is None else manifest.recipe.name
    tried = ("configurations tried", str(manifest.configurations_tried))
    return [("recipe", recipe), tried, *_parameters(manifest), ("code", manifest.code_version)]


def _leakage(manifest: ModelManifest) -> list[tuple[str, str]]:
    ties = manifest.metrics.get("tie_share")
    return [
        ("order of rows", "by time alone; no argument of the splits shuffles rows"),
        ("labels", "the close at exactly as-of plus horizon, known by the fit; no other row replaces it"),
        ("purge", "training labels that were not known at a test stretch's first decision are left out"),
        (
            "features",
            "computed from closed bars by the kernel that runs live; the test suite truncates the future of each",
        ),
        (
            "scaling and calibration",
            "whatever is fitted is fitted in the fold and stored in the model's bytes",
        ),
        ("ties", "left out of the fit and counted apart" + ("" if ties is None else f": {ties.value:.1%}")),
        (f"leak alarm at an accuracy of {LEAK_ALARM:.0%} over all decisions", _alarm_finding(manifest)),
    ]


def _alarm_finding(manifest: ModelManifest) -> str:
    alarm = alarm_of(manifest)
    if alarm is None:
        return not_judged_words(manifest)
    if alarm.is_ringing:
        return f"rings: {alarm_words(alarm)}. Look for a leak before you believe the figures"
    return f"does not ring at {figure_words(alarm.accuracy)}"


def _parameters(manifest: ModelManifest) -> Iterable[tuple[str, str]]:
    return [(_words(name), str(value)) for name, value in manifest.parameters.items()]


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _words(name: str) -> str:
    return name.replace("_", " ")
