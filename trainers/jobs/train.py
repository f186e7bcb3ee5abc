"""The job that trains: it waits for history, trains the targets without a champion, and announces every champion.

Champions that exist are announced first, because serving waits for them. Then the missing ones are
trained, stored, promoted and announced one after the other, so that the first target predicts while the others are
fitted. A version whose leak alarm rings is stored and not promoted. A second run trains nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.arms import CHAMPION
from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget
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
from trainers.datasets.holes import hole_words
from trainers.datasets.prices import PricePath
from trainers.inputs.stored_companions import companion_warnings
from trainers.inputs.waiting import (
    FeatureHistory,
    StreamHistory,
    TrainingReport,
    nothing_precedes,
    wait_for_features,
    wait_for_stream,
)
from trainers.registry.adopting import adoption_of
from trainers.registry.leak_alarms import confirmation_of, is_ringing, refusal
from trainers.registry.serving import promotion_of
from trainers.registry.summaries import summary_of
from trainers.training.fitting import FitOptions, Origin, recipe_statement, trained, training_decisions

#: Publishes a promotion, and returns when the broker has it.
Announce = Callable[[ModelPromoted], None]


class TrainingPlan(NamedTuple):
    """What to train, and how.

    Attributes:
        stream: The run to train on.
        targets: The intervals and horizons, in the order in which they are trained.
        options: The recipe, the folds and the picks of every version.
        minimum_rows: The least labelled rows without ties; with fewer nothing is trained.
        patience_s: Seconds without new history after which the job stops waiting.
        code_version: The version of the project, for the manifest.
        companions: The companions of each instrument; models of an instrument with companions are trained on vectors.
    """

    stream: str
    targets: tuple[TargetPair, ...]
    options: FitOptions
    minimum_rows: int
    patience_s: float
    code_version: str
    companions: Mapping[str, Companions] = {}


class TrainingJob:
    """One run of the job.

    Args:
        plan: What to train.
        streams: The stored runs.
        features: The stored features.
        live_features: Makes what takes their place for a run that follows the sources themselves, where candles
            that were fetched after an outage stand in the stored minutes and not in the stored features.
        registry: Keeps the versions.
        announce: Publishes a promotion.
        clock: Measures the waiting, and states when a version was made.
        report: Shows the progress.
        stop: Tells whether the process was asked to end.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        *,
        streams: StreamHistory,
        features: FeatureHistory,
        registry: ModelRegistry,
        announce: Announce,
        clock: Clock,
        report: TrainingReport,
        stop: Callable[[], bool],
        live_features: Callable[[], FeatureHistory] | None = None,
    ) -> None:
        self._plan = plan
        self._streams = streams
        self._features = features
        self._live_features = live_features
        self._registry = registry
        self._announce_event = announce
        self._clock = clock
        self._report = report
        self._stop = stop

    def run(self) -> None:
        """Trains what is missing and announces every champion; it returns early when the process is asked to stop.

        Raises:
            NotReadyError: If the history stops growing before it is long enough.
            TransientError: If a server stops answering; a second run of the job continues.
            StateError: If the registry was changed by others.
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
        if description.kind.runs_by_wall_clock and self._live_features is not None:
            self._features = self._live_features()
        missing = [
            target
            for target in self._targets(description)
            if not self._announce_known(description, target) and not self._is_held_back(description, target)
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
        """The hash of the features that the models of a target see."""
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
        """Announces the champion in the registry; tells whether there is one for the features of this release."""
        entry = self._registry.resolve(CHAMPION, target, stream=description.stream)
        if entry is None:
            return False
        manifest = self._registry.load(entry.version).manifest
        if manifest.feature_spec_hash != self._spec_hash(target):
            self._report.say(f"{target}: champion {entry.version} is of another set of features")
            return False
        self._announce(entry, manifest, source=description.source_of(target.instrument))
        self._report.say(
            f"{target}: champion {entry.version} goes on{_unconfirmed(manifest, self._registry.ledger())}"
        )
        return True

    def _is_held_back(self, description: StreamDescription, target: ModelTarget) -> bool:
        """Whether the version that would be trained is there already, and its leak alarm forbids to promote it."""
        # Compared as JSON, because a manifest that was read has lists in the place of tuples.
        recipe = msgspec.json.encode(recipe_statement(self._plan.options))
        for manifest in self._registry.versions():
            if (manifest.target, manifest.stream) != (target, description.stream):
                continue
            is_same = msgspec.json.encode(
                manifest.recipe
            ) == recipe and manifest.feature_spec_hash == self._spec_hash(target)
            if is_same and manifest.trained_until_ms == description.warm_up_until_ms:
                refused = refusal(manifest, CHAMPION, self._registry.ledger())
                if refused is not None:
                    self._say_held_back(target, refused)
                    return True
        return False

    def _say_held_back(self, target: ModelTarget, refused: str) -> None:
        self._report.say(f"{target}: no champion serves. {refused}")

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
        if table is None or decisions is None or n_decided < self._plan.minimum_rows:
            self._report.say(
                f"{target}: too little history, {n_decided} labelled rows of the {self._plan.minimum_rows} needed; "
                "no model"
            )
            if table is not None and (words := hole_words(table, interval_ms=target.interval.milliseconds)):
                self._report.say(f"{target}: {words}")
            self._adopt(description, target)
            return
        companions = self._plan.companions.get(target.instrument)
        for words in companion_warnings(self._features, description, target, table, companions):
            self._report.say(f"{target}: WARNING, {words}")
        artifact = self._trained(description, target, decisions)
        self._registry.publish(artifact.manifest, artifact.files)
        refused = refusal(artifact.manifest, CHAMPION, self._registry.ledger())
        if refused is not None:
            self._report.say(f"{target}: {summary_of(artifact.manifest)}; stored, not promoted")
            self._say_held_back(target, refused)
            return
        entry = self._promoted(description, artifact.manifest)
        self._announce(entry, artifact.manifest, source=description.source_of(target.instrument))
        took_s = self._clock.monotonic_s() - began_s
        self._report.say(f"{target}: {summary_of(artifact.manifest)}; promoted after {took_s:.1f} s")

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

    def _promoted(self, description: StreamDescription, manifest: ModelManifest) -> LedgerEntry:
        """Promotes a version to champion, from the last bar of the warm-up on.

        That bar is not a training row, because its label is known only after the warm-up.
        """
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


def _unconfirmed(manifest: ModelManifest, ledger: Sequence[LedgerEntry]) -> str:
    """What is to be known of a champion that was promoted before leak alarms blocked promotions."""
    if not is_ringing(manifest) or confirmation_of(manifest.version, CHAMPION, ledger) is not None:
        return ""
    return ", although its leak alarm rings and nobody confirmed it for the champion: `driftline models show champion` has the figures"
