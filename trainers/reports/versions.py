"""Makes tables of versions, where every figure has its interval and the baselines beside it."""

from collections.abc import Iterable, Sequence

import msgspec
from rich.table import Table

from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, Metric, ModelManifest
from schemas.events import PromotionTookEffect
from schemas.time import text_of_time
from trainers.registry.aliases import words_of
from trainers.registry.cards import conformal_words, pick_words
from trainers.registry.figures import figure_words, interval_words, stated_metrics
from trainers.registry.leak_alarms import alarm_of, confirmations_of, is_ringing, standing_words
from trainers.registry.serving import line_of, records_by_line


def versions_table(versions: Sequence[ModelManifest], ledger: Sequence[LedgerEntry]) -> Table:
    """Makes the table of all versions, oldest first, with the aliases that point to each.

    Version, target and stream are never broken over lines, so that they can be copied into commands. `models show` has
    the other figures.
    """
    aliases = aliases_of(ledger)
    table = Table(title="Models, by purged walk-forward (95 % intervals; ties apart)")
    for column in ("version", "target", "stream"):
        table.add_column(column, no_wrap=True, overflow="ignore")
    for column in ("alias", "until", "accuracy", "best baseline"):
        table.add_column(column, overflow="fold")
    for manifest in versions:
        table.add_row(
            manifest.version,
            words_of(manifest.target),
            manifest.stream,
            ", ".join(aliases.get(manifest.version, ())),
            text_of_time(manifest.trained_until_ms, "minute"),
            _accuracy(manifest, ledger),
            _best_baseline(manifest),
        )
    return table


def _accuracy(manifest: ModelManifest, ledger: Sequence[LedgerEntry]) -> str:
    """The accuracy, and after it that the leak alarm rings or could not judge it."""
    stated = share(stated_metrics(manifest).get("accuracy"))
    if not is_ringing(manifest):
        is_unjudged = alarm_of(manifest) is None and "accuracy" in stated_metrics(manifest)
        return f"{stated}; leak alarm: not judged" if is_unjudged else stated
    confirmed = confirmations_of(manifest.version, ledger)
    by = ", ".join(f"{line.leak_alarm_confirmed_by} for {alias}" for alias, line in sorted(confirmed.items()))
    return f"{stated}; LEAK ALARM, " + (f"confirmed by {by}" if by else "not confirmed")


def aliases_of(ledger: Iterable[LedgerEntry]) -> dict[str, list[str]]:
    """Returns the aliases that point to each version now."""
    newest = {(entry.alias, entry.target, entry.stream): entry for entry in ledger}
    found: dict[str, set[str]] = {}
    for entry in newest.values():
        found.setdefault(entry.version, set()).add(entry.alias)
    return {version: sorted(aliases) for version, aliases in found.items()}


def versions_json(versions: Sequence[ModelManifest], ledger: Sequence[LedgerEntry]) -> bytes:
    """Returns all versions as JSON, oldest first, with every figure and baseline."""
    aliases = aliases_of(ledger)
    listed = [
        {
            "version": manifest.version,
            "aliases": aliases.get(manifest.version, []),
            "target": manifest.target,
            "stream": manifest.stream,
            "trained_until_ms": manifest.trained_until_ms,
            "n_rows": manifest.n_rows,
            "metrics": stated_metrics(manifest),
            "baselines": manifest.baselines,
            "leak_alarm": alarm_of(manifest),
            "leak_alarm_confirmed_by": _confirmed_by(manifest, ledger),
            "leak_alarm_confirmations": _confirmations(manifest, ledger),
        }
        for manifest in versions
    ]
    return msgspec.json.format(msgspec.json.encode(listed), indent=2)


def _confirmed_by(manifest: ModelManifest, ledger: Sequence[LedgerEntry]) -> str | None:
    """Who confirmed the version for the champion."""
    return _confirmations(manifest, ledger).get(CHAMPION)


def _confirmations(manifest: ModelManifest, ledger: Sequence[LedgerEntry]) -> dict[str, str]:
    """By alias who confirmed the version for it."""
    found = confirmations_of(manifest.version, ledger)
    return {alias: line.leak_alarm_confirmed_by or "" for alias, line in found.items()}


def _best_baseline(manifest: ModelManifest) -> str:
    """The baseline that is right most often, which the model must beat."""
    found = {name: scores["accuracy"] for name, scores in manifest.baselines.items() if "accuracy" in scores}
    if not found:
        return "-"
    best = max(found, key=lambda name: found[name].value)
    return f"{short_share(found[best])} {best.replace('_', ' ')}"


def version_tables(manifest: ModelManifest, promotions: Sequence[LedgerEntry]) -> list[Table]:
    """Makes the tables of one version: its facts, its figures beside those of the baselines, its evidence, its promotions."""
    return [_facts(manifest, promotions), _figures(manifest), _evidence(manifest), _promotions(promotions)]


def _facts(manifest: ModelManifest, promotions: Sequence[LedgerEntry]) -> Table:
    table = Table(title=manifest.version, show_header=False)
    facts = {
        "target": str(manifest.target),
        "stream": f"{manifest.stream} (source {manifest.source})",
        "trained on": f"{text_of_time(manifest.trained_from_ms, 'minute')} .. {text_of_time(manifest.trained_until_ms, 'minute')}, {manifest.n_rows:,} rows",
        "model hash": manifest.model_hash,
        "feature spec": f"{manifest.feature_spec_hash} ({len(manifest.feature_names)} features)",
        "parameters": ", ".join(f"{name} {value}" for name, value in manifest.parameters.items()),
        "recipe": "not stated" if manifest.recipe is None else manifest.recipe.name,
        "configurations tried": str(manifest.configurations_tried),
        "leak alarm": standing_words(manifest, promotions),
        "a pick": pick_words(manifest),
        "conformal sets": conformal_words(manifest),
        "code": manifest.code_version,
        "made": text_of_time(manifest.created_ms, "minute"),
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def _figures(manifest: ModelManifest) -> Table:
    table = Table(
        title="out of sample, with 95 % intervals", caption=f"intervals: {interval_words(manifest)}"
    )
    table.add_column("figure")
    table.add_column(manifest.kind)
    for baseline in manifest.baselines:
        table.add_column(baseline.replace("_", " "))
    for name, metric in stated_metrics(manifest).items():
        beside = (scores.get(name) for scores in manifest.baselines.values())
        table.add_row(
            name.replace("_", " "), figure_words(metric), *(figure_words(other) for other in beside)
        )
    return table


def _evidence(manifest: ModelManifest) -> Table:
    table = Table(title="decisions by confidence, out of sample; thresholds from earlier data only")
    lags = sorted({seconds for row in manifest.evidence for seconds in row.late})
    for column in ("aimed at", "made", "confidence from", "at the close", *(f"{lag} s late" for lag in lags)):
        table.add_column(column)
    for row in manifest.evidence:
        table.add_row(
            f"{row.target:.0%}",
            f"{row.coverage:.1%}",
            f"{row.least_confidence:.4f}",
            share(row.at_close),
            *(share(row.late.get(lag)) for lag in lags),
        )
    return table


def _promotions(promotions: Iterable[LedgerEntry]) -> Table:
    table = Table(title="ledger")
    for column in ("alias", "stream", "effective from", "recorded", "reason"):
        table.add_column(column)
    for entry in promotions:
        table.add_row(
            entry.alias,
            entry.stream,
            text_of_time(entry.effective_from_ms, "minute"),
            text_of_time(entry.recorded_ms, "minute"),
            reason_words(entry),
        )
    return table


def reason_words(line: LedgerEntry) -> str:
    """States why a line was written, and who confirmed a leak alarm with it."""
    if line.leak_alarm_confirmed_by is None:
        return line.reason
    return f"{line.reason} (leak alarm confirmed by {line.leak_alarm_confirmed_by})"


def ledger_table(
    lines: Iterable[LedgerEntry], *, title: str, recorded: Iterable[PromotionTookEffect] = ()
) -> Table:
    """Makes a table of lines of the ledger: what an alias meant, from when, and why.

    Args:
        lines: The lines.
        title: The title of the table.
        recorded: The records of when promotions took effect; the table has a column for them if there are any.
    """
    records = records_by_line(recorded)
    table = Table(title=title)
    began = ("predicts from",) if records else ()
    for column in ("alias", "target", "stream", "version", "effective from", *began, "recorded", "reason"):
        table.add_column(column, overflow="fold", no_wrap=column == "version")
    for line in lines:
        table.add_row(
            line.alias,
            str(line.target),
            line.stream,
            line.version,
            text_of_time(line.effective_from_ms, "minute"),
            *((_start_words(records.get(line_of(line))),) if records else ()),
            text_of_time(line.recorded_ms, "minute"),
            reason_words(line),
        )
    return table


def _start_words(record: PromotionTookEffect | None) -> str:
    if record is None:
        return "-"
    lost = f", {record.n_let_go:,} earlier bars lost" if record.n_let_go else ""
    return f"{text_of_time(record.event_time_ms, 'minute')}{lost}"


def share(metric: Metric | None) -> str:
    """Writes a share in percent with its interval and its n."""
    if metric is None:
        return "-"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.1%} of {metric.n:,}"
    return f"{metric.value:.1%} [{metric.low:.1%}, {metric.high:.1%}] of {metric.n:,}"


def short_share(metric: Metric | None) -> str:
    """Writes a share in percent."""
    return "-" if metric is None else f"{metric.value:.1%}"
