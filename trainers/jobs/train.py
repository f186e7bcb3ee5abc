"""The job that trains: waits for history, trains what has no champion yet, announces every champion.

Champions that exist are announced before anything else, since serving waits for them. Then each
missing one is trained, stored, promoted and announced before the next is begun, so that the
first target predicts while the others are fitted. Running it again trains nothing twice.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from schemas.arms import CHAMPION
from schemas.artifacts import Artifact, LedgerEntry, Metric, ModelManifest, ModelTarget
from schemas.companions import Companions, predicted_of
from schemas.errors import ConfigurationError
from schemas.events import ModelPromoted
from schemas.features import FeatureTable
from schemas.ports import ModelRegistry
from schemas.streams import StreamDescription
from schemas.targets import TargetPair
from schemas.time import Clock, Interval, bar_start_ms
from stream_processors.features.vector_declarations import spec_of
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.prices import PricePath
from trainers.evaluation.scores import LEAK_ALARM
from trainers.inputs.waiting import (
    FeatureHistory,
    StreamHistory,
    WaitReport,
    nothing_precedes,
    wait_for_features,
    wait_for_stream,
)
from trainers.registry.adopting import adoption_of
from trainers.registry.serving import promotion_of
from trainers.training.fitting import FitOptions, Origin, trained, training_decisions

#: Publishes a promotion, and returns when the broker has it.
Announce = Callable[[ModelPromoted], None]


class Plan(NamedTuple):
    """What to train, and how.

    Attributes:
        options: Of every version: recipe, folds, picks.
        minimum_rows: Labelled rows without ties below which nothing is trained.
        patience_s: Seconds without new history after which waiting is given up.
        code_version: Of the project, for the manifest.
        companions: By instrument; models of one that has any are trained on vectors.
    """

    stream: str
    targets: tuple[TargetPair, ...]
    options: FitOptions
    minimum_rows: int
    patience_s: float
    code_version: str
    companions: Mapping[str, Companions] = {}


class Training:
    """One run of the job.

    Args:
        plan: What to do.
        streams: Where runs are looked up.
        features: Where features are read.
        registry: Where versions are kept.
        announce: Publishes a promotion.
        clock: For waiting, and for when a version was made.
        report: Where progress goes.
        stop: Whether the process was asked to end.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        streams: StreamHistory,
        features: FeatureHistory,
        registry: ModelRegistry,
        announce: Announce,
        clock: Clock,
        report: WaitReport,
        stop: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._streams = streams
        self._features = features
        self._registry = registry
        self._announce_event = announce
        self._clock = clock
        self._report = report
        self._stop = stop

    def run(self) -> None:
        """Train what is missing and announce everything; returns early when asked to stop.

        Raises:
            NotReadyError: If the history stops growing before it is long enough.
            TransientError: If a server stops answering; running the job again goes on.
            StateError: If the registry was tampered with.
        """
        plan = self._plan
        description = wait_for_stream(
            self._streams,
            plan.stream,
            clock=self._clock,
            patience_s=plan.patience_s,
            report=self._report,
            stop=self._stop,
        )
        if description is None:
            return
        missing = [
            target for target in self._targets(description) if not self._announce_known(description, target)
        ]
        if missing and not description.has_warm_up:
            self._report.say(nothing_precedes(description))
        if not missing or not self._is_history_there(description):
            return
        for target in missing:
            if self._stop():
                return
            self._train(description, target)

    def _targets(self, description: StreamDescription) -> list[ModelTarget]:
        return [
            ModelTarget(instrument=instrument, interval=wanted.interval, horizon=wanted.horizon)
            for wanted in self._plan.targets
            for instrument in predicted_of(self._plan.companions, description.instruments)
        ]

    def _spec_hash(self, target: ModelTarget) -> str:
        """Of the features that a target's models see."""
        return spec_of(self._plan.companions.get(target.instrument)).hash

    def _is_history_there(self, description: StreamDescription) -> bool:
        return wait_for_features(
            self._streams,
            description,
            companions=self._plan.companions,
            clock=self._clock,
            patience_s=self._plan.patience_s,
            report=self._report,
            stop=self._stop,
        )

    def _announce_known(self, description: StreamDescription, target: ModelTarget) -> bool:
        """Announce the champion that the registry has; tells whether it has one for today's features."""
        entry = self._registry.resolve(CHAMPION, target, stream=description.stream)
        if entry is None:
            return False
        manifest = self._registry.load(entry.version).manifest
        if manifest.feature_spec_hash != self._spec_hash(target):
            self._report.say(f"{target}: champion {entry.version} is of another set of features")
            return False
        self._announce(entry, manifest, source=description.source_of(target.instrument))
        self._report.say(f"{target}: champion {entry.version} goes on")
        return True

    def _train(self, description: StreamDescription, target: ModelTarget) -> None:
        began_s = self._clock.monotonic_s()
        until_ms = description.warm_up_until_ms
        table = self._features.feature_table(
            description.stream,
            instrument=target.instrument,
            interval=target.interval,
            until_ms=until_ms,
            spec_hash=self._spec_hash(target),
        )
        decisions = None if table is None else self._decisions(description, target, table)
        n_decided = 0 if decisions is None else int(decisions.own.is_decided.sum())
        if decisions is None or n_decided < self._plan.minimum_rows:
            self._report.say(
                f"{target}: too little history, {n_decided} labelled rows of the {self._plan.minimum_rows} needed; "
                "no model"
            )
            self._adopt(description, target)
            return
        artifact = self._trained(description, target, decisions)
        entry = self._promoted(description, artifact.manifest, artifact)
        self._announce(entry, artifact.manifest, source=description.source_of(target.instrument))
        took_s = self._clock.monotonic_s() - began_s
        self._report.say(f"{target}: {summary(artifact.manifest)}; promoted after {took_s:.1f} s")

    def _adopt(self, description: StreamDescription, target: ModelTarget) -> None:
        """Let the champion of another run predict in a run that has too little history for one of its own."""
        found = adoption_of(
            self._registry,
            target,
            run=description,
            spec_hash=self._spec_hash(target),
            now_ms=self._clock.now_ms(),
        )
        if found is None:
            return
        try:
            self._registry.promote(found.entry)
        except ConfigurationError as error:  # the registry says why this version may not serve
            self._report.say(f"{target}: {error}")
            return
        self._announce(found.entry, found.manifest, source=description.source_of(target.instrument))
        self._report.say(f"{target}: {found.entry.reason}")

    def _decisions(
        self, description: StreamDescription, target: ModelTarget, table: FeatureTable
    ) -> DecisionSet:
        return training_decisions(
            table,
            self._plan.options.recipe,
            target=target,
            known_by_ms=description.warm_up_until_ms,
            finer=self._finer_prices(description, target),
        )

    def _finer_prices(self, description: StreamDescription, target: ModelTarget) -> PricePath | None:
        """Closes of the shortest bars that are shorter than the target's; None where there are none."""
        for interval in sorted(Interval, key=lambda one: one.milliseconds):
            if interval.milliseconds >= target.interval.milliseconds:
                break
            finer = self._features.feature_closes(
                description.stream,
                instrument=target.instrument,
                interval=interval,
                until_ms=description.warm_up_until_ms,
            )
            if len(finer.as_of_ms):
                return PricePath.of_bars(finer, interval)
        return None

    def _trained(
        self, description: StreamDescription, target: ModelTarget, decisions: DecisionSet
    ) -> Artifact:
        origin = Origin(
            instrument=target.instrument,
            stream=description.stream,
            source=description.source_of(target.instrument),
            trained_until_ms=description.warm_up_until_ms,
            created_ms=self._clock.now_ms(),
            code_version=self._plan.code_version,
        )
        return trained(decisions, self._plan.options, origin)

    def _promoted(
        self, description: StreamDescription, manifest: ModelManifest, artifact: Artifact
    ) -> LedgerEntry:
        """Put a version into service, from the last bar of the warm-up on.

        That bar is not in the training rows: its label lies behind the warm-up.
        """
        self._registry.publish(manifest, artifact.files)
        entry = LedgerEntry(
            alias=CHAMPION,
            target=manifest.target,
            version=manifest.version,
            model_hash=manifest.model_hash,
            stream=description.stream,
            effective_from_ms=bar_start_ms(description.warm_up_until_ms, manifest.target.interval),
            recorded_ms=self._clock.now_ms(),
            reason="the first model of this stream and set of features",
        )
        self._registry.promote(entry)
        return entry

    def _announce(self, entry: LedgerEntry, manifest: ModelManifest, *, source: str) -> None:
        event = msgspec.structs.replace(promotion_of(entry, manifest), source=source)
        self._announce_event(event)


def summary(manifest: ModelManifest) -> str:
    """A version's evidence in one line: accuracy out of sample with its interval, and the best baseline's."""
    if "accuracy" not in manifest.metrics:
        return f"{manifest.version}, too little history to judge it: nothing is known of how good it is"
    accuracy = manifest.metrics["accuracy"]
    rivals = {
        name: scores["accuracy"].value for name, scores in manifest.baselines.items() if "accuracy" in scores
    }
    best = max(rivals, key=lambda name: rivals[name])
    return (
        f"{manifest.version}, out of sample {_within(accuracy)} of {accuracy.n} decisions "
        f"({best.replace('_', ' ')} {rivals[best]:.1%}){_picks(manifest)}{_alarm(accuracy.value)}"
    )


def _within(share: Metric) -> str:
    interval = "" if share.low is None or share.high is None else f" [{share.low:.1%}, {share.high:.1%}]"
    return f"{share.value:.1%}{interval}"


def _picks(manifest: ModelManifest) -> str:
    """Of the decisions that it makes; those of all decisions are said already."""
    if manifest.picks_from is None:
        return "; it abstains from every decision"
    row = next((one for one in manifest.evidence if one.least_confidence >= manifest.picks_from), None)
    if row is None:
        return ""
    return f"; of its picks, {row.coverage:.1%} of all, {_within(row.at_close)}"


def _alarm(accuracy: float) -> str:
    return f"; above {LEAK_ALARM:.0%}: look for a leak first" if accuracy > LEAK_ALARM else ""
