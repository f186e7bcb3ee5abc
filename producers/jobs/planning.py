"""Which plan a run has; what reads files is imported only where there is one."""

from producers.jobs.live_plans import LiveWorld
from producers.jobs.plans import RunPlan
from producers.jobs.simulation_plans import SimulationPlan, describe_simulation
from producers.settings import ProducerSettings
from producers.sources.files.recognition import file_kind
from schemas.errors import ConfigurationError
from schemas.streams import StreamDescription


def plan_of(
    settings: ProducerSettings,
    stored: StreamDescription | None,
    *,
    now_ms: int,
    live: LiveWorld | None = None,
) -> RunPlan:
    """The plan of the run that settings describe.

    Args:
        stored: What the history remembers of the stream; it wins.
        now_ms: The wall clock, where the history of a new simulation or of a new live run ends.
        live: What a live run needs of the world; without it the run has a description and no plans.

    Raises:
        ConfigurationError: If a file is missing, unreadable or holds nothing of the stretch.
    """
    if settings.is_live:
        return _live_plan(settings, stored, now_ms, live)
    if settings.data is None:
        description = stored or describe_simulation(settings, now_ms)
        return RunPlan(description, [SimulationPlan(description)])
    if not settings.data.is_file():
        message = f"DRIFTLINE_DATA must be an existing file, was {settings.data}"
        raise ConfigurationError(message)
    from producers.jobs.file_plans import candle_file_plan
    from producers.jobs.trade_plans import trade_file_plan

    if file_kind(settings.data).is_candles:
        return candle_file_plan(settings, settings.data, stored, now_ms=now_ms)
    return trade_file_plan(settings, settings.data, stored, now_ms=now_ms)


def _live_plan(
    settings: ProducerSettings, stored: StreamDescription | None, now_ms: int, live: LiveWorld | None
) -> RunPlan:
    from producers.jobs.following.options import FollowOptions
    from producers.jobs.live_descriptions import describe_live, live_plan

    history_ms = (FollowOptions() if live is None else live.options).longest_history_ms
    description = stored or describe_live(settings, now_ms, history_ms=history_ms)
    return (
        RunPlan(description, [])
        if live is None
        else live_plan(settings, description, live.ports(description))
    )
