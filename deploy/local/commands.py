"""The commands that operate the platform on this machine: up, status, stop, reset, kafka, doctor, prepare, compile."""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import psutil

from deploy.local.directories import LOCK_FILE, AlreadyRunningError, DataDirectory, Holder
from deploy.local.settings import LauncherSettings
from deploy.local.sources import render_sources, source_states
from deploy.local.spawning import clear_stale, find
from deploy.local.states import age_of_state, read_memory, read_state, render, troubles
from schemas.errors import ConfigurationError
from schemas.wire.processes import EXIT_FAILED, stop_on_signals

_STOP_S = 20.0


def _speed(text: str | None) -> float | None:
    """Read a speed as people type it; 0 means as fast as possible."""
    if text is None:
        return None
    try:
        speed = 0.0 if text == "max" else float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < math.inf:
        message = f"must be a number of 0 or more, or max, was {text!r}"
        raise click.BadParameter(message)
    return speed


@click.group()
def commands() -> None:
    """Operate the platform on this machine."""


@commands.command()
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A recorded file. Several files of candles, each with its own --data, are played side by side. "
    "Without a file --source says what is run.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    help="A file of 1-minute candles before a capture, for its warm-up and training.",
)
@click.option(
    "--news",
    type=click.Path(path_type=Path),
    help="A file of articles that is played beside the prices: columns timestamp, headline or title, url.",
)
@click.option(
    "--news-delay",
    type=click.IntRange(0, 1_440),
    help="Minutes after its published time at which an article of --news counts as first seen; 5 if not stated.",
)
@click.option("--from", "from_text", help="The time at which the run begins, ISO 8601 in UTC.")
@click.option("--to", "to_text", help="The time at which the run ends.")
@click.option(
    "--speed",
    callback=lambda _context, _option, text: _speed(text),
    help="The multiple of real time, or max.",
)
@click.option("--seed", type=int, help="The seed of the simulated market, which is run then.")
@click.option(
    "--source",
    type=click.Choice(["live", "mirror", "simulated"]),
    help="What a run without files runs on. Unset: a mirror if DRIFTLINE_SOURCES_MIRROR is set, the live market if a "
    "venue answers within three seconds, otherwise the simulated market.",
)
@click.option(
    "--logs/--no-logs", default=True, help="Show the log lines of the processes.", show_default=True
)
@click.pass_obj
def up(environment: Mapping[str, str], /, *, logs: bool, source: str | None, **options: Any) -> None:
    """Start everything, and keep it running until Ctrl-C.

    Servers whose URL is set (KAFKA_BOOTSTRAP_SERVERS, REDIS_URL, DATABASE_URL) are used; the
    others run here. A run that was stored before goes on.
    """
    from deploy.local.checking import check_files
    from deploy.local.choosing import SIMULATED
    from deploy.local.launching import launch
    from deploy.local.runs import chosen, lacks_file, run_of
    from deploy.local.terminals import Terminal

    settings = LauncherSettings.from_environment(environment)
    terminal = Terminal(sys.stdout, shows_logs=logs)
    directory = DataDirectory(settings.data_dir)
    asked = {"data": options["data"], "source": source, "seed": options["seed"]}
    # Where a launcher runs already, or options of files stand without one, no source is asked: this start is refused.
    is_refused = bool(directory.holder()) or lacks_file(environment, options)
    choice = SIMULATED if is_refused else chosen(environment, **asked, say=terminal.say)
    run = run_of(environment, **options, choice=choice)
    check_files(run, environment, directory=directory, say=terminal.say)
    stop = stop_on_signals()
    try:
        launch(settings, environment, run, terminal=terminal, stop=stop)
    except AlreadyRunningError as error:
        state = read_state(directory)
        where = "" if state is None else f" at {state.api_url}, {state.data}"
        click.echo(f"already running{where} ({_named(error.holder)}); `driftline stop` ends it")


@commands.command()
@click.option("--json", "is_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def status(environment: Mapping[str, str], /, *, is_json: bool) -> None:
    """Show the processes, their restarts and memory, and what is wrong. The exit code is 1 if nothing runs."""
    directory = _directory(environment)
    holder = directory.holder()
    state = None if holder is None else read_state(directory)
    age_s = None if state is None else age_of_state(directory, now_s=time.time_ns() / 1e9)
    wrong = [] if holder is None else troubles(directory, state, age_s=age_s)
    sources = source_states(state.api_url) if state is not None and state.follows_sources else []
    if is_json:
        content = {
            "is_running": holder is not None,
            "state": state,
            "troubles": wrong,
            "start": msgspec.json.decode(directory.start.read_bytes()) if directory.start.exists() else None,
            "memory": read_memory(directory),
            "sources": sources,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
    elif state is not None:
        from rich.console import Console

        console = Console(soft_wrap=True)
        console.print(render(state, wrong))
        if sources:
            console.print(render_sources(sources))
    else:
        click.echo(
            f"nothing is running in {directory.path}" if holder is None else f"starting ({_named(holder)})"
        )
        for line in wrong:
            click.echo(line)
    if holder is None:
        raise SystemExit(EXIT_FAILED)


@commands.command()
@click.pass_obj
def stop(environment: Mapping[str, str]) -> None:
    """End a running launcher and all its processes, in order."""
    directory = _directory(environment)
    holder = directory.holder()
    if holder is None:
        stale = clear_stale(directory)
        click.echo(
            f"ended what a crash had left running: {', '.join(stale)}" if stale else "nothing is running"
        )
        return
    process = find(holder.pid, holder.create_time)
    if process is not None:
        process.terminate()
        _wait_for_end(directory, process)
    click.echo("everything has ended")


@commands.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def reset(environment: Mapping[str, str], /, *, yes: bool) -> None:
    """Delete everything in the data directory except the recording: the history, the models and the logs."""
    directory = _directory(environment)
    if directory.holder() is not None:
        message = f"DRIFTLINE_DATA_DIR: {directory.path} is in use; run `driftline stop` first"
        raise ConfigurationError(message)
    for lock in directory.path.glob(f"apache-*/{LOCK_FILE}"):
        if DataDirectory(lock.parent).holder() is not None:
            message = f"DRIFTLINE_DATA_DIR: `driftline kafka` runs in {lock.parent}; end it first"
            raise ConfigurationError(message)
    if not yes:
        click.confirm(f"Delete everything in {directory.path}?", abort=True)
    clear_stale(directory)
    directory.empty()
    click.echo(f"{directory.path} is empty")
    if directory.recording.exists():
        click.echo(f"{directory.recording} stays, because it can be had nowhere else; delete it yourself")


@commands.command()
@click.option("--nodes", "n_nodes", type=click.Choice([1, 3]), default=1, show_default=True)
@click.option("--fetch", "only_fetches", is_flag=True, help="Only fetch the files of Apache Kafka, and exit.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="The lowest port to try."
)
@click.pass_obj
def kafka(environment: Mapping[str, str], /, *, n_nodes: int, port: int, only_fetches: bool) -> None:
    """Run Apache Kafka, as one node or a cluster of three, until Ctrl-C. Its log stays."""
    if only_fetches:
        from deploy.local.servers.jars import kafka_jars

        click.echo(f"Apache Kafka is in {kafka_jars(environment, say=click.echo)}")
        return
    from deploy.local.foreground import run_apache

    path = _directory(environment).path / f"apache-{n_nodes}"
    try:
        run_apache(
            path,
            n_nodes=n_nodes,
            first_port=port,
            environment=environment,
            stop=stop_on_signals(),
            say=click.echo,
        )
    except AlreadyRunningError as error:
        click.echo(f"already running in {path} ({_named(error.holder)})")
        raise SystemExit(EXIT_FAILED) from error


@commands.command()
@click.pass_obj
def doctor(environment: Mapping[str, str]) -> None:
    """Check this machine, and say what to do. The exit code is 1 if something is to be done."""
    from deploy.local.diagnosing import diagnoses

    settings = LauncherSettings.from_environment(environment)
    found = list(diagnoses(settings, environment))
    for diagnosis in found:
        mark = click.style("ok  ", fg="green") if diagnosis.is_well else click.style("look", fg="red")
        remedy = "" if diagnosis.is_well else f": {diagnosis.remedy}"
        click.echo(f"{mark} {diagnosis.what:<16} {diagnosis.finding}{remedy}")
    if not all(diagnosis.is_well for diagnosis in found):
        raise SystemExit(EXIT_FAILED)


@commands.command()
@click.pass_obj
def prepare(environment: Mapping[str, str]) -> None:
    """Wait until the servers answer, create the topics and migrate the tables."""
    from deploy.local.preparing import prepare_servers
    from deploy.local.states import remember_predicted

    settings = LauncherSettings.from_environment(environment)
    stream = environment.get("DRIFTLINE_STREAM") or None
    continued = prepare_servers(settings.endpoints(), stream=stream, say=click.echo)
    if settings.data_dir.is_dir():
        remember_predicted(
            DataDirectory(settings.data_dir), {} if continued is None else continued.predicted_ms
        )


@commands.command("compile")
@click.pass_obj
def compile_kernel(environment: Mapping[str, str]) -> None:
    """Compile the feature kernel into the data directory, so that no start has to compile it."""
    import subprocess

    from deploy.local.environments import kernel_cache

    cache = kernel_cache(_directory(environment))
    command = [sys.executable, "-m", "stream_processors", "compile-kernel"]
    subprocess.run(command, env={**environment, "NUMBA_CACHE_DIR": str(cache)}, check=True)  # noqa: S603
    click.echo(f"the feature kernel is compiled into {cache}")


def _directory(environment: Mapping[str, str]) -> DataDirectory:
    return DataDirectory(LauncherSettings.from_environment(environment).data_dir)


def _named(holder: Holder | None) -> str:
    return "its process is starting" if holder is None else f"process {holder.pid}"


def _wait_for_end(directory: DataDirectory, process: psutil.Process) -> None:
    deadline = time.monotonic() + _STOP_S
    while directory.holder() is not None:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            clear_stale(directory)
            return
        time.sleep(0.1)
