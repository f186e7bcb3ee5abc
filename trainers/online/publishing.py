"""Publishes what was learnt: a version in the registry, an alias in its ledger, an event for the log.

The registry has a version before its announcement is committed with the job's
offsets. If the process is killed between the two, the same rows make the same version again, by name and
by bytes, and the registry keeps the one that it has. Therefore every time in a version's
manifest is one of the stream; only the ledger also states when the line was written.
"""

import structlog

from schemas.artifacts import (
    RIVER_FILE,
    Artifact,
    LedgerEntry,
    Metric,
    ModelManifest,
    ModelTarget,
    sha256,
)
from schemas.events import ModelPromoted
from schemas.ports import ModelRegistry
from schemas.time import Clock
from trainers.online.operators import DueVersion
from trainers.online.target_learners import LearningModel, TargetLearner
from trainers.registry.leak_alarms import judged_alarm, refusal
from trainers.registry.serving import promotion_of

_log = structlog.get_logger(__name__)


class Publishing:
    """Puts versions into a registry.

    Args:
        registry: The registry.
        alias: The alias of the newest version of each target.
        clock: States when a line of the ledger was written.
        code_version: The version of the project.
    """

    def __init__(self, registry: ModelRegistry, *, alias: str, clock: Clock, code_version: str) -> None:
        self._registry = registry
        self._alias = alias
        self._clock = clock
        self._code_version = code_version

    def __call__(self, due: DueVersion) -> ModelPromoted | None:
        """Stores a version and lets the alias mean it, each once.

        Returns:
            The announcement; None where the leak alarm of the version rings and nobody confirmed it.

        Raises:
            StoreUnavailableError: If the registry cannot be written.
            StateError: If it was changed by others.
        """
        artifact = artifact_of(due, code_version=self._code_version)
        self._registry.publish(artifact.manifest, artifact.files)
        entry = self._entry(artifact.manifest, effective_from_ms=due.now_ms)
        ledger = self._registry.ledger()
        refused = refusal(artifact.manifest, entry.alias, ledger)
        if refused is not None:
            _log.warning("a version is kept and not promoted", reason=refused)
            return None
        if not any(_is_same(line, entry) for line in ledger):
            self._registry.promote(entry)
        return promotion_of(entry, artifact.manifest)

    def _entry(self, manifest: ModelManifest, *, effective_from_ms: int) -> LedgerEntry:
        return LedgerEntry(
            alias=self._alias,
            target=manifest.target,
            version=manifest.version,
            model_hash=manifest.model_hash,
            stream=manifest.stream,
            effective_from_ms=effective_from_ms,
            recorded_ms=self._clock.now_ms(),
            reason=f"learnt online: {manifest.n_rows} rows",
        )


def _is_same(line: LedgerEntry, entry: LedgerEntry) -> bool:
    return (line.alias, line.stream, line.version) == (entry.alias, entry.stream, entry.version)


def artifact_of(due: DueVersion, *, code_version: str) -> Artifact:
    """Returns a version of a model: its snapshot, and the record of its predictions before each row was learnt.

    Args:
        due: The model, and the times of the row that made its version due.
        code_version: The version of the project.
    """
    learner, learning = due.learner, due.learning
    snapshot = learning.model.snapshot()
    model_hash = sha256(snapshot)
    manifest = ModelManifest(
        version=version_name(learner.target, learning, model_hash),
        kind=learning.recipe.name,
        target=learner.target,
        model_hash=model_hash,
        feature_spec_hash=learner.feature_spec_hash,
        feature_names=learner.names,
        stream=learner.stream,
        source=learner.source,
        trained_from_ms=learner.began_ms,
        trained_until_ms=due.now_ms,
        n_rows=learning.model.n_learned,
        metrics={**learning.record.metrics(), **_shares(learner)},
        baselines=learning.record.baselines(),
        parameters=dict(learning.recipe.parameters),
        code_version=code_version,
        created_ms=due.known_ms,
        files={RIVER_FILE: model_hash},
        leak_alarm=judged_alarm(
            learning.record.accuracy, instrument=learner.target.instrument, source=learner.source
        ),
    )
    return Artifact(manifest=manifest, files={RIVER_FILE: snapshot})


def _shares(learner: TargetLearner) -> dict[str, Metric]:
    counts = learner.counts
    n = counts.learned + counts.tied
    return {"tie_share": Metric(value=counts.tied / n, low=None, high=None, n=n)} if n else {}


def version_name(target: ModelTarget, learning: LearningModel, model_hash: str) -> str:
    """Returns a name such as ``online-logistic-btc-usdt.binance-15m-15m-500-3f9a1c02``: kind, target, learnt rows, hash.

    Args:
        target: What the model predicts.
        learning: The model with its record.
        model_hash: The SHA-256 of the model's bytes; its first eight digits are used.
    """
    where = f"{target.instrument.lower()}-{target.interval.value}-{target.horizon.value}"
    return f"{learning.recipe.name}-{where}-{learning.model.n_learned}-{model_hash[:8]}"
