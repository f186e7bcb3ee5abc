"""The versions of the arms: trained once by the job that trains, and put into the registry of each run."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.arms import CHALLENGER, CHAMPION, SHADOW
from schemas.artifacts import Artifact, LedgerEntry
from schemas.targets import parse_targets
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from trainers.commands.fit_options import fit_options_of
from trainers.jobs.train import Plan, Training
from trainers.registry.folders import FolderRegistry
from trainers.reports.progress import PlainReport
from trainers.settings import TrainerSettings

#: The recipe of each arm. The first is the platform's own default.
RECIPES: Mapping[str, str] = {
    CHAMPION: "calibrated-xgboost",
    CHALLENGER: "lightgbm-extra",
    SHADOW: "logistic",
}


class Promoted(NamedTuple):
    """A version with its files, and the line of the ledger that promotes it to champion."""

    artifact: Artifact
    entry: LedgerEntry


def promoted_versions(registry: FolderRegistry) -> list[Promoted]:
    """Return the versions that a registry's ledger promotes, in its order."""
    return [Promoted(registry.load(entry.version), entry) for entry in registry.ledger()]


def trained_versions(
    recipe: str, *, database_url: str, stream: str, targets: str, folder: Path
) -> list[Promoted]:
    """Train a version of a recipe for every target on the stored warm-up of a run, as the training job does.

    Args:
        recipe: The name of the recipe.
        database_url: The Postgres server of the run.
        stream: The run.
        targets: The targets as the setting lists them.
        folder: Where the registry of these versions is made.
    """
    plan = Plan(
        stream=stream,
        targets=parse_targets(targets),
        options=fit_options_of(TrainerSettings.from_environment({"DRIFTLINE_TRAIN_MODEL": recipe})),
        minimum_rows=TrainerSettings.from_environment({}).train_minimum_rows,
        patience_s=300.0,
        code_version="benchmark",
    )
    registry = FolderRegistry(folder)
    with PostgresPool(database_url) as pool:
        Training(
            plan,
            streams=StoredStreams(pool),
            features=StoredFeatures(pool),
            registry=registry,
            announce=lambda _promoted: None,
            clock=SystemClock(),
            report=PlainReport(),
            stop=lambda: False,
        ).run()
    return promoted_versions(registry)


def place(versions: Mapping[str, list[Promoted]], folder: Path) -> None:
    """Publish the versions of each arm in the registry of a run, and promote each to its arm.

    Args:
        versions: The versions by arm.
        folder: The folder of the registry.
    """
    registry = FolderRegistry(folder)
    for arm, promoted in versions.items():
        for artifact, entry in promoted:
            registry.publish(artifact.manifest, artifact.files)
            registry.promote(msgspec.structs.replace(entry, alias=arm))
