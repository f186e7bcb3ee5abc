"""States the figures of a version, with the interval of each, in the same words everywhere.

Pure functions of a manifest. They stand apart because the model card, the leak alarm and the tables of the
command line must state the same figures.
"""

from schemas.artifacts import RIVER_FILE, Metric, ModelManifest


def stated_metrics(manifest: ModelManifest) -> dict[str, Metric]:
    """Returns the figures of a version, each with one interval.

    Versions of earlier releases state two intervals of the accuracy over all decisions, by two
    methods; the one of the evidence is returned.
    """
    all_of_them = next((row.at_close for row in manifest.evidence if row.target == 1), None)
    stated = manifest.metrics.get("accuracy")
    if all_of_them is None or stated is None or all_of_them.n != stated.n:
        return dict(manifest.metrics)
    return manifest.metrics | {"accuracy": all_of_them}


def interval_words(manifest: ModelManifest) -> str:
    """Says in words by which method the 95 % intervals of a version were computed."""
    if RIVER_FILE in manifest.files:
        return "Wilson's, of the running record"
    return (
        "shares of hits by circular blocks of seven days, never narrower than Wilson's if there are fewer than "
        "ten blocks; other figures by the stationary bootstrap in blocks of up to a day"
    )


def figure_words(metric: Metric | None) -> str:
    """Writes a figure with its interval; a dash if there is no figure."""
    if metric is None:
        return "-"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4g}"
    return f"{metric.value:.4f} [{metric.low:.4f}, {metric.high:.4f}]"
