"""The setting that lists the targets of a run, for the jobs that train, predict or read history for them."""

from pydantic import Field, field_validator

from schemas.targets import DEFAULT_TARGETS, TargetPair, parse_targets
from schemas.wire.settings import EnvironmentSettings, JobSettings


class ListedTargets(EnvironmentSettings):
    """The setting that lists the targets of a run."""

    targets: str = Field(
        default=DEFAULT_TARGETS,
        description="The targets of every instrument: interval:horizon pairs, separated by commas and trained in "
        "this order. The API answers that other pairs are unknown, rather than not ready.",
    )

    @field_validator("targets")
    @classmethod
    def _are_targets(cls, text: str) -> str:
        return ",".join(map(str, parse_targets(text)))

    def parsed_targets(self) -> tuple[TargetPair, ...]:
        """Return the targets in the order in which they are listed."""
        return parse_targets(self.targets)


class TargetSettings(ListedTargets, JobSettings):
    """The settings of every job on the log that trains or serves predictions."""
