"""The launcher: holds the data directory, chooses ports for the servers, and supervises a run until asked to stop."""

import signal
from collections.abc import Mapping

from deploy.local.checking import remember_checked
from deploy.local.directories import DataDirectory
from deploy.local.mirroring import remember_mirror
from deploy.local.ports import ClaimedPorts
from deploy.local.runs import PlatformRun
from deploy.local.servers.addresses import check_external
from deploy.local.servers.planning import external_urls, make_plan
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import clear_stale
from deploy.local.supervising import PortTakenError, Supervisor
from deploy.local.terminals import Terminal
from schemas.errors import ConfigurationError
from schemas.wire.processes import Stop

_N_PLANS = 3


def launch(
    settings: LauncherSettings,
    environment: Mapping[str, str],
    run: PlatformRun,
    *,
    terminal: Terminal,
    stop: Stop,
) -> None:
    """Run everything until asked to stop. Call it in the main thread.

    Args:
        settings: The settings of the launcher.
        environment: The variables that processes are started with.
        run: What is to be played.
        terminal: Where progress is shown.
        stop: Set by signals; everything is ended once it is set.

    Raises:
        AlreadyRunningError: If a launcher of this data directory is running.
        ConfigurationError: If a setting is wrong, or a process says that one is.
        StartFailedError: If a one-shot without which nothing goes on failed too often.
    """
    directory = DataDirectory(settings.data_dir)
    with directory.held():
        signal.signal(signal.SIGHUP, lambda *_: stop.set())
        for stale in clear_stale(directory):
            terminal.say(f"ended {stale}, which a launcher that crashed had left running")
        for variable, (url, port) in external_urls(settings).items():
            check_external(variable, url, default_port=port)
        _set_old_files_aside(directory)
        remember_checked(run.environment, directory)
        remember_mirror(run.own_mirror, directory)
        for _ in range(_N_PLANS):
            with ClaimedPorts() as claimed:
                plan = make_plan(settings, directory, environment, claimed=claimed, say=terminal.say)
                supervisor = Supervisor(
                    plan, run, settings, environment, directory=directory, terminal=terminal
                )
                try:
                    supervisor.run(stop)
                except PortTakenError as error:
                    terminal.say(f"{error}, so other ports are chosen")
                else:
                    return
        message = "the servers' ports were taken by other programs three times; set DRIFTLINE_KAFKA_PORT and the like"
        raise ConfigurationError(message)


def _set_old_files_aside(directory: DataDirectory) -> None:
    for old in (directory.endpoints, directory.state, directory.start, directory.memory, directory.predicted):
        old.unlink(missing_ok=True)
    for log in directory.logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
