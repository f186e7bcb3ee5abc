"""``driftline collect``: on the servers that run, or, with ``--once``, on servers that are started for it.

A scheduled workflow has no launcher. So ``--once`` starts the servers that are missing and the history sink, collects,
waits until everything is stored, and ends what it started.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import click

from deploy.local.directories import AlreadyRunningError, DataDirectory
from deploy.local.environments import import_path
from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import Command, end_together, spawn
from producers.jobs.collecting.settings import CollectorSettings
from schemas.errors import NotReadyError
from schemas.events import Event
from schemas.wire.settings import Endpoints

_END_S = 10.0


@click.group()
def commands() -> None:
    """Collect from outside sources on this machine."""


@commands.command("collect")
@click.option("--once", "is_once", is_flag=True, help="Read every source once, and exit.")
@click.option(
    "--json", "is_json", is_flag=True, help="With --once: print one JSON object instead of a table."
)
@click.pass_obj
def collect(environment: Mapping[str, str], /, *, is_once: bool, is_json: bool) -> None:
    """Collect news and latest prices, publish what is new, and say how healthy each source is.

    It stays until it is asked to end. With --once it reads every source once, and starts the servers that are
    missing; the exit code is 0 if a source answered, and 1 if none did.
    """
    from producers.jobs.collecting.choosing import sources_of
    from producers.jobs.collecting.opening import run_collector, run_once
    from producers.jobs.collecting.printing import print_reports
    from producers.jobs.collecting.storing import StoredWait
    from schemas.wire.clocks import SystemClock
    from schemas.wire.processes import stop_on_signals

    settings = CollectorSettings.from_environment(environment)
    clock, stop = SystemClock(), stop_on_signals()
    if not is_once:
        run_collector(settings, settings.endpoints(), sources_of, clock=clock, is_stopped=stop)
        return
    with servers_for(settings, environment) as (endpoints, has_own):
        if stop():
            message = "the process was asked to end before any source was read; nothing was published"
            raise NotReadyError(message)
        reports = run_once(
            settings,
            endpoints,
            partial(sources_of, is_once=True),
            clock=clock,
            is_stopped=stop,
            on_published=StoredWait(endpoints, settings.run, clock=clock, is_stopped=stop)
            if has_own
            else ignored,
        )
    print_reports(settings.run, reports, is_json=is_json)


def ignored(_: Sequence[Event]) -> None:
    """Wait for nothing: whoever runs the servers runs the history sink, too."""


@contextmanager
def servers_for(
    settings: CollectorSettings, environment: Mapping[str, str]
) -> Iterator[tuple[Endpoints, bool]]:
    """Yield the servers, and whether they were started here, together with the history sink.

    Args:
        settings: The settings of the collector.
        environment: The environment of what is started.

    Raises:
        ConfigurationError: If a server cannot start on this machine.
        NotReadyError: If another process is starting the servers.
    """
    try:
        found = settings.endpoints()
    except NotReadyError:
        pass
    else:
        yield found, False
        return
    launcher = LauncherSettings.from_environment(environment)
    try:
        starting = ExitStack()
        started = starting.enter_context(running_servers(launcher, environment))
    except AlreadyRunningError as error:
        message = (
            f"another process starts or uses the servers in {settings.data_dir}; run this again when `driftline status` "
            "shows them running, or when that process has ended"
        )
        raise NotReadyError(message) from error
    with starting, _history(launcher, environment):
        yield started, True


@contextmanager
def _history(settings: LauncherSettings, environment: Mapping[str, str]) -> Iterator[None]:
    directory = DataDirectory(settings.data_dir)
    command = Command(
        name="history",
        arguments=(sys.executable, "-m", "stream_processors", "history"),
        environment={
            **environment,
            "DRIFTLINE_DATA_DIR": str(directory.path),
            "PYTHONPATH": import_path(environment),
            "PYTHONUNBUFFERED": "1",
        },
    )
    history = spawn(command, directory)
    try:
        yield
    finally:
        end_together([history], timeout_s=_END_S)
