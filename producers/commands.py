"""The commands that publish market data.

Heavy imports stand inside the commands, so that ``--help`` is quick.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from producers.jobs.reading_options import CLOSE_STAMPED, INSTRUMENT, NO_TRADE, read_request, reading
from producers.sources.files.forms import ReadRequest

Environment = Mapping[str, str]


@click.group(name="producers")
def commands() -> None:
    """Publish market data: recorded files and the simulated market."""


@commands.command("warm-up")
@click.pass_obj
def warm_up_command(environment: Environment) -> None:
    """Publish the stored events of a run and its history up to the end of the warm-up, then exit.

    The run is described by DRIFTLINE_DATA, DRIFTLINE_DATA_BESIDE, DRIFTLINE_HISTORY, DRIFTLINE_FROM, DRIFTLINE_TO,
    DRIFTLINE_INSTRUMENT and DRIFTLINE_SEED. If DRIFTLINE_DATA is not set, the run is the simulated market, or the
    live market if DRIFTLINE_SOURCE is `live`.
    """
    from producers.jobs.publishing import publish_rejects
    from producers.jobs.sessions import open_session
    from producers.jobs.warming import warm_up
    from producers.settings import ProducerSettings
    from schemas.wire.clocks import SystemClock
    from schemas.wire.processes import stop_on_signals
    from schemas.wire.settings import ServerSettings

    settings = ProducerSettings.from_environment(environment)
    endpoints = ServerSettings.from_environment(environment).endpoints()
    with open_session(
        settings, endpoints, clock=SystemClock(), is_stopped=stop_on_signals(), environment=environment
    ) as session:
        warm_up(session)
        if session.plan.breaches:
            from rich.console import Console

            from producers.jobs.reporting import print_report

            print_report(session.plan.description.title, session.plan.breaches, Console(stderr=True))
        news = () if session.news is None else session.news.rejects
        publish_rejects(session.outlet, [*session.plan.rejects, *news])
        session.outlet.flush()


@commands.command("check")
@click.pass_obj
def check_command(environment: Environment) -> None:
    """Check without any server that the files of a run hold the requested data. The exit code is 2 if they do not."""
    from producers.jobs.checking import check_run
    from producers.settings import ProducerSettings
    from schemas.wire.clocks import SystemClock

    settings = ProducerSettings.from_environment(environment)
    for note in check_run(settings, now_ms=SystemClock().now_ms()):
        click.echo(note)


@commands.command("replay")
@click.option("--speed", help="Multiple of real time, or `max`. It overrides DRIFTLINE_SPEED.")
@click.option(
    "--news",
    type=click.Path(path_type=Path),
    help="A file of articles to play beside the prices. It overrides DRIFTLINE_NEWS.",
)
@click.option(
    "--news-delay",
    type=click.IntRange(0, 1_440),
    help="Minutes after its published time at which an article counts as first seen; 5 if it is not stated.",
)
@click.pass_obj
def replay_command(
    environment: Environment, speed: str | None, news: Path | None, news_delay: int | None
) -> None:
    """Replay DRIFTLINE_DATA from the stored position. The exit code is 0 at the end of the file.

    Another file of articles, or another delay, is another run, because its data differ.
    """
    from schemas.errors import ConfigurationError

    if not environment.get("DRIFTLINE_DATA"):
        message = "DRIFTLINE_DATA must be the file to replay, but is not set; use `simulate` for a run without a file"
        raise ConfigurationError(message)
    stated = {"DRIFTLINE_NEWS": news, "DRIFTLINE_NEWS_DELAY": news_delay}
    added = {name: str(value) for name, value in stated.items() if value is not None}
    _run({**environment, **added}, speed)


@commands.command("simulate")
@click.option(
    "--print-news",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print N items of the simulated news and exit.",
)
@click.pass_obj
def simulate_command(environment: Environment, print_news: int | None) -> None:
    """Continue the simulated market from the stored position in real time."""
    if print_news is not None:
        _print_news(environment, print_news)
        return
    files = {"DRIFTLINE_DATA", "DRIFTLINE_DATA_BESIDE"}
    simulated = {name: value for name, value in environment.items() if name not in files}
    _run(simulated, None)


@commands.command("collect")
@click.option("--once", "is_once", is_flag=True, help="Read every source once, and exit.")
@click.option(
    "--json", "is_json", is_flag=True, help="With --once: print one JSON object instead of a table."
)
@click.pass_obj
def collect_command(environment: Environment, /, *, is_once: bool, is_json: bool) -> None:
    """Collect news and latest prices from the sources, publish what is new, and say how healthy each source is.

    It stays until it is asked to end. With --once the exit code is 0 if a source answered, and 1 if none did.
    """
    from functools import partial

    from producers.jobs.collecting.choosing import sources_of
    from producers.jobs.collecting.opening import run_collector, run_once
    from producers.jobs.collecting.printing import print_reports
    from producers.jobs.collecting.settings import CollectorSettings
    from schemas.wire.clocks import SystemClock
    from schemas.wire.processes import stop_on_signals

    settings = CollectorSettings.from_environment(environment)
    endpoints = settings.endpoints()
    clock, stop = SystemClock(), stop_on_signals()
    if not is_once:
        run_collector(settings, endpoints, sources_of, clock=clock, is_stopped=stop)
        return
    reports = run_once(settings, endpoints, partial(sources_of, is_once=True), clock=clock, is_stopped=stop)
    print_reports(settings.run, reports, is_json=is_json)


@commands.command("follow")
@click.pass_obj
def follow_command(environment: Environment) -> None:
    """Follow the venues of a live run: publish their trades and quotes as they come, until asked to end.

    DRIFTLINE_LIVE_INSTRUMENTS names what is followed. What was missed while nothing ran is fetched first.
    """
    from schemas.errors import ConfigurationError

    if environment.get("DRIFTLINE_SOURCE") != "live":
        message = "DRIFTLINE_SOURCE must be `live` for a run that follows venues; use `replay` or `simulate` for others"
        raise ConfigurationError(message)
    _run(environment, None)


@commands.command("backfill")
@click.option(
    "--months",
    type=click.IntRange(1, 240),
    default=6,
    show_default=True,
    help="How far back, without --from.",
)
@click.option(
    "--instrument",
    "instruments",
    multiple=True,
    metavar="NAME",
    help="Such as BTC-USD.KRAKEN; may be repeated. Without it, those of DRIFTLINE_LIVE_INSTRUMENTS.",
)
@click.option("--from", "from_text", metavar="ISO", help="The first time, in UTC unless it states an offset.")
@click.option("--to", "to_text", metavar="ISO", help="The time at which it ends, exclusive. Without it, now.")
@click.option("--interval", default="1m", show_default=True, help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")
@click.option(
    "--again", "asks_again", is_flag=True, help="Ask for stored candles, too, and store their corrections."
)
@click.option(
    "--news/--no-news",
    "has_news",
    default=False,
    show_default=True,
    help="Publish the news of the time, too, as far as sitemaps reach. No collector may be at work meanwhile.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_obj
def backfill_command(
    environment: Environment,
    /,
    *,
    instruments: tuple[str, ...],
    interval: str,
    is_json: bool,
    has_news: bool,
    asks_again: bool,
    **span: Any,
) -> None:
    """Fetch the candles of the venues for the past months straight into Postgres, and say what is missing.

    Nothing is asked twice that is stored, so a backfill that was stopped goes on when it is run again. The exit code is
    1 if a venue was given up, and 130 if it was stopped.
    """
    from producers.jobs.backfilling.opening import run_backfill
    from producers.jobs.backfilling.opening_news import run_news
    from producers.jobs.backfilling.printing import print_tallies
    from producers.jobs.backfilling.settings import BackfillSettings, request_of
    from schemas.wire.clocks import SystemClock
    from schemas.wire.processes import stop_on_signals

    settings = BackfillSettings.from_environment(environment)
    clock, stop = SystemClock(), stop_on_signals()
    places = settings.places(instruments, interval)
    request = request_of(places, now_ms=clock.now_ms(), asks_again=asks_again, **span)
    tallies = run_backfill(settings, settings.endpoints(), request, clock=clock, is_stopped=stop)
    news = run_news(environment, request.span, clock=clock, is_stopped=stop) if has_news else ()
    print_tallies(tallies, news, is_json=is_json)
    if stop():
        raise SystemExit(130)
    if any([tally.trouble for tally in tallies] + [each.trouble for each in news]):
        raise SystemExit(1)


@commands.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@reading(INSTRUMENT, NO_TRADE, CLOSE_STAMPED)
@click.pass_obj
def inspect_command(environment: Environment, /, file: Path, *, is_json: bool, **options: Any) -> None:
    """Say what a data file is, how sure that is, and which rows are set aside and why. Nothing is published.

    The exit code is 0 if the file can be used and 2 if it is refused.
    """
    from producers.jobs.reporting import inspected, json_text, lines_of_report, refusal_json
    from schemas.errors import ConfigurationError

    try:
        report = inspected(file, _request(environment, options))
    except ConfigurationError as error:
        if is_json:
            click.echo(refusal_json(str(error)))
        raise
    for line in [json_text(report)] if is_json else lines_of_report(file.name, report):
        click.echo(line)


@commands.command("convert")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@reading(INSTRUMENT, NO_TRADE, CLOSE_STAMPED)
@click.pass_obj
def convert_command(environment: Environment, /, file: Path, out: Path, **options: Any) -> None:
    """Write the good candles of a FILE of any form as parquet to OUT, which every command reads quickest."""
    from producers.jobs.converting import convert

    click.echo(convert(file, out, _request(environment, options)))


@commands.command("record")
@click.pass_obj
def record_command(environment: Environment) -> None:
    """Record the flow of perpetual futures of a live run into files, until asked to end. Nothing is published.

    DRIFTLINE_RECORDING_INSTRUMENTS names what is recorded. Trades that were missed are fetched, as far back as a day.
    """
    from producers.jobs.live_runs import live_stream
    from producers.jobs.recording.running import record_perpetuals
    from producers.jobs.recording.settings import RecordingSettings
    from producers.settings import ProducerSettings
    from producers.sources.web.settings import WebSettings
    from schemas.wire.clocks import SystemClock
    from schemas.wire.postgres.gaps import StoredGaps
    from schemas.wire.postgres.pools import PostgresPool
    from schemas.wire.processes import stop_on_signals

    settings = RecordingSettings.from_environment(environment)
    run = ProducerSettings.from_environment(environment)
    with PostgresPool(settings.endpoints().database_url) as pool:
        record_perpetuals(
            settings,
            WebSettings.from_environment(environment).parameters(None),
            StoredGaps(pool),
            stream=run.stream or live_stream(run),
            clock=SystemClock(),
            is_stopped=stop_on_signals(),
        )


@commands.command("recording")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def recording_command(environment: Environment, /, *, is_json: bool) -> None:
    """Show what the platform has recorded by itself: files, rows and bytes by kind and day, and what a day costs."""
    from producers.jobs.recording.printing import print_recorded
    from producers.jobs.recording.settings import RecordingSettings

    print_recorded(RecordingSettings.from_environment(environment).folder, is_json=is_json)


def _request(environment: Environment, options: Mapping[str, Any]) -> ReadRequest:
    from schemas.wire.clocks import SystemClock

    return read_request(options, environment, not_after_ms=SystemClock().now_ms())


def _run(environment: Environment, speed: str | None) -> None:
    from producers.jobs.replaying import replay
    from producers.jobs.sessions import open_session
    from producers.settings import ProducerSettings
    from schemas.wire.clocks import SystemClock
    from schemas.wire.processes import stop_on_signals
    from schemas.wire.settings import ServerSettings

    settings = ProducerSettings.from_environment(environment, speed=speed)
    endpoints = ServerSettings.from_environment(environment).endpoints()
    with open_session(
        settings, endpoints, clock=SystemClock(), is_stopped=stop_on_signals(), environment=environment
    ) as session:
        replay(session)


def _print_news(environment: Environment, n: int) -> None:
    from itertools import islice

    from producers.settings import ProducerSettings
    from producers.sources.simulated.news import NewsWire
    from producers.sources.simulated.states import HOUR_MS, MarketStates
    from schemas.time import text_of_time
    from schemas.wire.clocks import SystemClock

    settings = ProducerSettings.from_environment(environment)
    origin_ms = SystemClock().now_ms() // HOUR_MS * HOUR_MS
    states = MarketStates(settings.market_parameters, origin_ms)
    for item in islice(NewsWire(states, seed=settings.seed).items(origin_ms), n):
        click.echo(f"{text_of_time(item.published_ms)}  [{item.source}]  {item.headline}\n    {item.summary}")
