"""The trainers' settings, read from the environment that a ``__main__`` hands over."""

from pydantic import Field, SecretStr, field_validator

from schemas.arms import CHALLENGER, SHADOW
from schemas.errors import ConfigurationError
from schemas.targets import TargetPair, parse_targets
from schemas.wire.settings import TargetSettings

REGISTRY_FOLDER = "registry"


class TrainerSettings(TargetSettings):
    """How models are trained."""

    stream: str | None = Field(
        default=None, description="The run to train on; unset only for commands that need none."
    )
    train_minimum_rows: int = Field(
        default=250, ge=50, description="Labelled rows without ties below which nothing is trained."
    )
    train_folds: int = Field(default=4, ge=1, le=50, description="Refits of the walk-forward.")
    train_model: str = Field(
        default="calibrated-xgboost",
        description="The recipe that is fitted, by its name as `driftline evaluate --model` has it.",
    )
    train_pick_coverage: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="A decision is a pick when it is among the most confident share; the model abstains "
        "from the others.",
    )
    train_wanted_accuracy: float | None = Field(
        default=None,
        gt=0.5,
        lt=1,
        description="If set, a pick needs the confidence above which the year before was right this often, "
        "by a lower bound; where none was, the model always abstains. Takes the place of the coverage.",
    )
    train_seed: int = Field(default=0, ge=0, description="Of the model's sampling and of the bootstrap.")
    train_patience_s: float = Field(
        default=300.0,
        gt=0,
        description="Seconds without any new history after which waiting for it is given up.",
    )

    online_models: str = Field(
        default="",
        description="Models that learn online, comma-separated, such as online-logistic; unset runs no learner, "
        "since River takes its process some 100 MB.",
    )
    online_targets: str | None = Field(
        default=None, description="interval:horizon pairs that they learn; unset means DRIFTLINE_TARGETS."
    )
    online_alias: str = Field(
        default=SHADOW,
        pattern=f"^({SHADOW}|{CHALLENGER})$",
        description="What the newest version of each becomes: shadow or challenger, and never champion by itself.",
    )
    online_publish_rows: int = Field(
        default=500, ge=1, description="Learnt rows after which a version is published."
    )
    online_publish_hours: float = Field(
        default=24.0,
        gt=0,
        le=24 * 366,
        description="Hours of the stream's time after which one is published at the latest, if anything was learnt.",
    )
    online_metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Where the learner answers Prometheus, on this machine alone; unset does not listen.",
    )

    registry_remote: str | None = Field(
        default=None,
        description="Where the registry's git history is pushed: a URL or a path; unset nowhere.",
    )
    registry_repository: str | None = Field(
        default=None,
        description="owner/name on GitHub, whose releases hold the files of versions too; unset the folder alone.",
    )
    registry_token: SecretStr | None = Field(
        default=None, description="GitHub's, with the right to write contents; for remote and releases."
    )
    registry_api_url: str = Field(
        default="https://api.github.com", description="Of GitHub, or of an Enterprise server."
    )

    @field_validator("online_targets")
    @classmethod
    def _is_list_of_targets(cls, text: str | None) -> str | None:
        return None if text is None else ",".join(map(str, parse_targets(text)))

    def parsed_online_targets(self) -> tuple[TargetPair, ...]:
        """What is learnt online, in order."""
        return self.parsed_targets() if self.online_targets is None else parse_targets(self.online_targets)

    def required_stream(self) -> str:
        """The run.

        Raises:
            ConfigurationError: If none is set.
        """
        if not self.stream:
            message = "DRIFTLINE_STREAM must name the run to train on, was not set; `--stream` sets it too"
            raise ConfigurationError(message)
        return self.stream
