"""The settings of trainers, read from the environment that a ``__main__`` hands over."""

from pydantic import Field, SecretStr, field_validator

from schemas.arms import CHALLENGER, SHADOW
from schemas.errors import ConfigurationError
from schemas.targets import TargetPair, parse_targets
from schemas.wire.target_settings import TargetSettings

REGISTRY_FOLDER = "registry"


class TrainerSettings(TargetSettings):
    """The settings of training, of online learning and of the registry."""

    stream: str | None = Field(
        default=None, description="The run to train on. Commands that read no run need none."
    )
    train_minimum_rows: int = Field(
        default=250, ge=50, description="The least labelled rows without ties; with fewer nothing is trained."
    )
    train_folds: int = Field(default=4, ge=1, le=50, description="The refits of the walk-forward.")
    train_model: str = Field(
        default="calibrated-xgboost",
        description="The recipe that is fitted, by its name in `driftline evaluate --model`.",
    )
    train_pick_coverage: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="A decision is a pick if it is among the most confident share; the model abstains "
        "from the others.",
    )
    train_wanted_accuracy: float | None = Field(
        default=None,
        gt=0.5,
        lt=1,
        description="If set, a pick needs the confidence above which decisions of the year before were right this "
        "often, by a lower bound. If there is no such confidence, the model always abstains. Replaces the coverage.",
    )
    train_seed: int = Field(
        default=0, ge=0, description="The seed of the model's sampling and of the bootstrap."
    )
    train_patience_s: float = Field(
        default=300.0,
        gt=0,
        description="Seconds without new history after which the job stops waiting for it.",
    )

    online_models: str = Field(
        default="",
        description="The models that learn online, comma-separated, such as online-logistic. Unset runs no learner, "
        "because River takes some 100 MB of memory.",
    )
    online_targets: str | None = Field(
        default=None,
        description="The pairs of interval and horizon that they learn; unset means DRIFTLINE_TARGETS.",
    )
    online_alias: str = Field(
        default=SHADOW,
        pattern=f"^({SHADOW}|{CHALLENGER})$",
        description="The alias of the newest version of each model: shadow or challenger, never champion.",
    )
    online_publish_rows: int = Field(
        default=500, ge=1, description="The learnt rows after which a version is published."
    )
    online_publish_hours: float = Field(
        default=24.0,
        gt=0,
        le=24 * 366,
        description="Hours by the stream's clock after which a version is published at the latest, if a row was learnt.",
    )
    online_metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port for Prometheus on this machine alone; unset does not listen.",
    )

    registry_remote: str | None = Field(
        default=None,
        description="The URL or path to which the registry's git history is pushed; unset pushes nothing.",
    )
    registry_repository: str | None = Field(
        default=None,
        description="owner/name on GitHub, whose releases hold the files of versions too; unset keeps them in the folder.",
    )
    registry_token: SecretStr | None = Field(
        default=None,
        description="GitHub's token with the right to write contents, for the remote and the releases.",
    )
    registry_api_url: str = Field(
        default="https://api.github.com", description="The URL of GitHub's API, or of an Enterprise server's."
    )

    @field_validator("online_targets")
    @classmethod
    def _is_list_of_targets(cls, text: str | None) -> str | None:
        return None if text is None else ",".join(map(str, parse_targets(text)))

    def parsed_online_targets(self) -> tuple[TargetPair, ...]:
        """Returns what is learnt online, in order."""
        return self.parsed_targets() if self.online_targets is None else parse_targets(self.online_targets)

    def required_stream(self) -> str:
        """Returns the run to train on.

        Raises:
            ConfigurationError: If no run is set.
        """
        if not self.stream:
            message = (
                "DRIFTLINE_STREAM must name the run to train on, and was not set; `--stream` sets it too"
            )
            raise ConfigurationError(message)
        return self.stream
