"""The trainers' settings, read from the environment that a ``__main__`` hands over."""

import msgspec
from pydantic import Field, SecretStr

from schemas.artifacts import CHALLENGER, SHADOW
from schemas.errors import ConfigurationError
from schemas.time import Interval
from schemas.wire.settings import JobSettings

REGISTRY_FOLDER = "registry"
_FORM = "interval:horizon pairs such as 15m:15m,1m:1m"


class Horizon(msgspec.Struct, frozen=True, kw_only=True):
    """What is predicted of every instrument: how far ahead, from bars of which interval."""

    interval: Interval
    horizon: Interval


class TrainerSettings(JobSettings):
    """How models are trained."""

    stream: str | None = Field(
        default=None, description="The run to train on; unset only for commands that need none."
    )
    targets: str = Field(
        default="15m:15m,1m:1m,1h:1h",
        description="interval:horizon pairs, trained in this order; the first is the first to be served.",
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

    def parsed_targets(self) -> tuple[Horizon, ...]:
        """The targets, in order.

        Raises:
            ConfigurationError: If the setting has another form, or an unknown interval.
        """
        return tuple(_target(pair, "DRIFTLINE_TARGETS") for pair in self.targets.split(","))

    def parsed_online_targets(self) -> tuple[Horizon, ...]:
        """What is learnt online, in order.

        Raises:
            ConfigurationError: If the setting has another form, or an unknown interval.
        """
        if self.online_targets is None:
            return self.parsed_targets()
        return tuple(_target(pair, "DRIFTLINE_ONLINE_TARGETS") for pair in self.online_targets.split(","))

    def required_stream(self) -> str:
        """The run.

        Raises:
            ConfigurationError: If none is set.
        """
        if not self.stream:
            message = "DRIFTLINE_STREAM must name the run to train on, was not set; `--stream` sets it too"
            raise ConfigurationError(message)
        return self.stream


def _target(pair: str, variable: str) -> Horizon:
    try:
        interval, horizon = (Interval(part.strip()) for part in pair.split(":"))
    except ValueError as error:
        allowed = ", ".join(Interval)
        message = f"{variable} must be {_FORM}, of {allowed}; was {pair!r}"
        raise ConfigurationError(message) from error
    return Horizon(interval=interval, horizon=horizon)
