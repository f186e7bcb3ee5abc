"""The real launcher over stub jobs: ``python -m tests.integration.deploy.stub_launcher [WARM_UP_KIND] [TRAIN_KIND]``."""

import os
import sys

import click

from deploy.local.launching import launch
from deploy.local.runs import PlatformRun
from deploy.local.settings import LauncherSettings
from deploy.local.terminals import Terminal
from deploy.processes import Lifetime, PlatformProcess, Server, Stage
from schemas.wire.processes import run_command, stop_on_signals


def stub_jobs(warm_up, train):
    """The table of a run, made of stubs."""
    module = "tests.integration.deploy.stub_jobs"
    return (
        PlatformProcess(
            name="service",
            stage=Stage.SERVICES,
            arguments=(module, "service", "service"),
            needs=frozenset({Server.BROKER}),
        ),
        PlatformProcess(name="api", stage=Stage.SERVICES, arguments=(module, "api"), needs=frozenset()),
        PlatformProcess(
            name="warm-up",
            stage=Stage.WARM_UP,
            arguments=(module, warm_up),
            needs=frozenset({Server.BROKER}),
            lifetime=Lifetime.ONE_SHOT,
            ends_when="when its history is published",
        ),
        PlatformProcess(
            name="train",
            stage=Stage.WARM_UP,
            arguments=(module, train),
            needs=frozenset({Server.BROKER}),
            lifetime=Lifetime.ONE_SHOT,
            is_dispensable=True,
        ),
        PlatformProcess(
            name="producer",
            stage=Stage.LIVE,
            arguments=(module, "service", "producer"),
            needs=frozenset({Server.BROKER}),
            lifetime=Lifetime.SOURCE,
        ),
    )


@click.command()
@click.argument("warm_up", default="once")
@click.argument("train", default="nothing")
@click.pass_obj
def stub_up(environment, warm_up, train):
    """Run the stubs."""
    stop = stop_on_signals()
    run = PlatformRun(
        data="STUBS", environment={"DRIFTLINE_STREAM": "replay-stub"}, processes=stub_jobs(warm_up, train)
    )
    settings = LauncherSettings.from_environment(environment)
    launch(settings, environment, run, terminal=Terminal(sys.stdout, shows_logs=True), stop=stop)


if __name__ == "__main__":
    run_command(stub_up, os.environ)
