"""Makes a backtest from the options of the command line: settings, models, material, live predictions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from producers.jobs.reading_options import read_request
from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import stated_instrument
from schemas.errors import ConfigurationError, NotReadyError
from schemas.events import PromotionTookEffect
from schemas.streams import StreamDescription
from schemas.targets import Target
from schemas.time import Interval, parse_time
from schemas.wire.clocks import SystemClock
from stream_processors.features.vector_declarations import FeatureGroup
from trainers.backtesting.execution import Costs
from trainers.backtesting.positions import PositionRule, RuleKind
from trainers.datasets.schedules import Refit
from trainers.inputs.backtested_models import BacktestedModels, asked_models
from trainers.inputs.materials import Material, check_beside, from_file
from trainers.inputs.news_scores import NewsFile
from trainers.inputs.registries import registry_of
from trainers.jobs.backtest import (
    BacktestPlan,
    BacktestProgress,
    FinishedBacktest,
    LivePredictions,
    run_backtest,
)
from trainers.settings import TrainerSettings

_ALL = 10**8


class BacktestOptions(NamedTuple):
    """The options of the command, by their names there."""

    model: str
    bars: Path | None
    bars_eth: Path | None
    perp: Path | None
    news: Path | None
    news_delay: int
    over: str | None
    stream: str | None
    target: str | None
    instrument: str | None
    no_trade_minutes: float | None
    close_stamped: bool | None
    from_time: str | None
    to_time: str | None
    every: str | None
    rule: tuple[str, ...]
    threshold: float
    target_volatility: float
    kelly_fraction: float
    cap: float
    long_only: bool
    fee_bps: float
    half_spread_bps: float
    slippage_bps: float
    lag_bars: int
    refit: str
    parity: str | None
    json_path: Path | None
    html_path: Path | None
    seed: int


def requested(
    environment: Mapping[str, str], options: BacktestOptions, *, report: BacktestProgress
) -> FinishedBacktest:
    """Runs the backtest that the options ask for.

    Args:
        environment: The variables that settings are read from.
        options: The options of the command.
        report: Shows the progress.

    Raises:
        ConfigurationError: If an option has the wrong form or contradicts another.
        NotReadyError: If there is no such model, stream or span.
    """
    settings = TrainerSettings.from_environment(environment)
    over = _over(options)
    with _pool(settings, is_needed=over == "postgres" or options.parity is not None) as pool:
        asked = asked_models(
            registry_of(settings),
            options.model,
            stream=options.stream or options.parity,
            target=options.target,
            as_served=options.parity is not None,
            instrument=_instrument(options),
            recorded=_recorded(pool, options.parity),
        )
        plan = _plan(options, asked, minimum_rows=settings.train_minimum_rows)
        description = _described(pool, options.parity)
        live = _live(pool, options.parity, asked, plan)
        return run_backtest(
            plan if live is None else live.within(plan),
            asked,
            _loader(
                options,
                over,
                plan,
                asked,
                settings=settings,
                pool=pool,
                parity=description,
                say=report.say,
                reading=_reading(options, environment, description),
                environment=environment,
            ),
            live=live,
            clock=SystemClock(),
            progress=report,
        )


def _instrument(options: BacktestOptions) -> str | None:
    """The instrument of the file, as the option or the file states it; in stores the stream tells it."""
    if options.instrument is not None or options.bars is None:
        return options.instrument
    return stated_instrument(options.bars) if options.bars.is_file() else None


def _over(options: BacktestOptions) -> str:
    over = options.over or "file"
    if over == "file" and options.bars is None:
        message = "--bars must be a file of candles, and was not given; or use --over postgres or --over topics with --stream"
        raise ConfigurationError(message)
    if over != "file" and options.stream is None:
        message = f"--over {over} needs --stream, which names the run to backtest"
        raise ConfigurationError(message)
    given = {
        "--bars": options.bars,
        "--bars-eth": options.bars_eth,
        "--perp": options.perp,
        "--news": options.news,
    }
    for option, path in given.items():
        if over != "file" and path is not None:
            message = f"{option} is a file, and --over {over} reads no file: give one of the two"
            raise ConfigurationError(message)
    return over


def _plan(options: BacktestOptions, asked: BacktestedModels, *, minimum_rows: int) -> BacktestPlan:
    try:
        rules = tuple(
            PositionRule(
                rule=RuleKind(rule),
                threshold=options.threshold,
                target_volatility=options.target_volatility,
                kelly_fraction=options.kelly_fraction,
                cap=options.cap,
                is_long_only=options.long_only,
            )
            for rule in dict.fromkeys(options.rule)
        )
        costs = Costs(
            fee_bps=options.fee_bps,
            half_spread_bps=options.half_spread_bps,
            slippage_bps=options.slippage_bps,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    from_ms, to_ms = parse_time(options.from_time, "--from"), parse_time(options.to_time, "--to")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        message = f"--from must be before --to, were {options.from_time} and {options.to_time}"
        raise ConfigurationError(message)
    return BacktestPlan(
        model=options.model,
        rules=rules,
        costs=costs,
        every_ms=_every_ms(options, asked),
        lag_bars=options.lag_bars,
        from_ms=from_ms,
        to_ms=to_ms,
        refit=Refit(options.refit),
        minimum_rows=minimum_rows,
        seed=options.seed,
    )


def _every_ms(options: BacktestOptions, asked: BacktestedModels) -> int:
    target = asked.manifest.target
    if options.every is None:
        return (target.interval if options.parity is not None else target.horizon).milliseconds
    try:
        every_ms = Interval(options.every).milliseconds
    except ValueError as error:
        message = f"--every must be one of {', '.join(Interval)}, was {options.every!r}"
        raise ConfigurationError(message) from error
    if every_ms % target.interval.milliseconds or (
        options.parity is not None and every_ms != target.interval.milliseconds
    ):
        message = f"--every must be a multiple of the model's interval {target.interval}, and with --parity equal to it"
        raise ConfigurationError(message)
    return every_ms


@contextmanager
def _pool(settings: TrainerSettings, *, is_needed: bool) -> Iterator[Any]:
    if not is_needed:
        yield None
        return
    from schemas.wire.postgres.pools import PostgresPool

    with PostgresPool(settings.endpoints().database_url) as pool:
        yield pool


def _recorded(pool: Any, stream: str | None) -> Sequence[PromotionTookEffect]:
    if pool is None or stream is None:
        return ()
    from schemas.wire.postgres.promotions import StoredPromotions

    return StoredPromotions(pool).promotion_effects(stream)


def _described(pool: Any, stream: str | None) -> StreamDescription | None:
    if pool is None or stream is None:
        return None
    from schemas.wire.postgres.streams import StoredStreams

    description = StoredStreams(pool).stream(stream)
    if description is None:
        message = f"--parity needs a stream in Postgres to compare with, and there is no stream {stream!r}"
        raise NotReadyError(message)
    return description


def _reading(
    options: BacktestOptions, environment: Mapping[str, str], parity: StreamDescription | None
) -> ReadRequest:
    """What files cannot tell; a run that is compared with left out what had not closed when it was described."""
    not_after_ms = SystemClock().now_ms() if parity is None else parity.created_ms
    return read_request(options._asdict(), environment, not_after_ms=not_after_ms)


def _loader(
    options: BacktestOptions,
    over: str,
    plan: BacktestPlan,
    asked: BacktestedModels,
    *,
    settings: TrainerSettings,
    pool: Any,
    parity: StreamDescription | None,
    say: Callable[[str], None],
    reading: ReadRequest,
    environment: Mapping[str, str],
) -> Callable[[], Material]:
    manifest = asked.manifest

    def load() -> Material:
        stream = options.stream or ""
        if over == "topics":
            from trainers.inputs.stored_materials import from_topics

            return from_topics(settings.kafka_endpoint(), stream, manifest, say=say)
        if over == "postgres" and pool is not None:
            from trainers.inputs.stored_materials import from_postgres

            return from_postgres(pool, stream, manifest.target, spec_hash=manifest.feature_spec_hash)
        # Features with a fading memory depend on where the run began.
        begin_ms = None if parity is None else parity.origin_ms
        given = {
            FeatureGroup.COIN: options.bars_eth,
            FeatureGroup.PERPETUAL: options.perp,
            FeatureGroup.NEWS: options.news,
        }
        beside = {group: path for group, path in given.items() if path is not None}
        check_beside(manifest, beside)
        material = from_file(
            options.bars or Path(),
            manifest.target,
            instrument=options.instrument,
            reading=reading,
            begin_ms=begin_ms,
            beside=beside,
            news=None if options.news is None else NewsFile(options.news, options.news_delay, environment),
            # Refits learn from every bar.
            every_ms=plan.every_ms if plan.refit is Refit.NEVER else None,
        )
        if options.news is not None and material.table.feature_spec_hash != manifest.feature_spec_hash:
            message = (
                f"{manifest.version} was trained on other companions, or on news with other scorers or another "
                "credibility of sources: DRIFTLINE_SCORERS and DRIFTLINE_NEWS_CREDIBILITY must be those of its run"
            )
            raise ConfigurationError(message)
        return material

    return load


def _live(
    pool: Any, stream: str | None, asked: BacktestedModels, plan: BacktestPlan
) -> LivePredictions | None:
    """The predictions that the run made live within the span."""
    if pool is None or stream is None:
        return None
    from schemas.wire.postgres.predictions import StoredPredictions

    target = asked.manifest.target
    key = Target(stream, target.instrument, target.interval, target.horizon)
    found = [made for made, _ in StoredPredictions(pool).predictions(key, limit=_ALL, before_ms=plan.to_ms)]
    if not found:
        message = (
            f"--parity needs stored predictions to compare with, and stream {stream} has none of {target}"
        )
        raise NotReadyError(message)
    return LivePredictions(
        stream, [made for made in found if plan.from_ms is None or made.event_time_ms >= plan.from_ms]
    )
