"""Sums up the evidence of a version in one line, for the log of the job that trained it.

A function of the manifest alone.
"""

from schemas.artifacts import Metric, ModelManifest
from trainers.registry.leak_alarms import is_ringing


def summary_of(manifest: ModelManifest) -> str:
    """States the evidence of a version in one line: its accuracy out of sample, and that of the best baseline."""
    if "accuracy" not in manifest.metrics:
        return f"{manifest.version}, with too little history to judge it: nobody knows how good it is"
    accuracy = manifest.metrics["accuracy"]
    rivals = {
        name: scores["accuracy"].value for name, scores in manifest.baselines.items() if "accuracy" in scores
    }
    best = max(rivals, key=lambda name: rivals[name])
    return (
        f"{manifest.version}, out of sample {_within(accuracy)} of {accuracy.n} decisions "
        f"({best.replace('_', ' ')} {rivals[best]:.1%}){_picks(manifest)}{_alarm(manifest)}"
    )


def _within(share: Metric) -> str:
    interval = "" if share.low is None or share.high is None else f" [{share.low:.1%}, {share.high:.1%}]"
    return f"{share.value:.1%}{interval}"


def _picks(manifest: ModelManifest) -> str:
    """The accuracy of its picks, where it does not decide always."""
    if manifest.picks_from is None:
        return "; it abstains from every decision"
    row = next((one for one in manifest.evidence if one.least_confidence >= manifest.picks_from), None)
    if row is None:
        return ""
    return f"; of its picks, {row.coverage:.1%} of all, {_within(row.at_close)}"


def _alarm(manifest: ModelManifest) -> str:
    return "; the leak alarm rings" if is_ringing(manifest) else ""
