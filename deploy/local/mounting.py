"""The ``driftline`` command: the commands of every package under one name, imported when they are called.

It stands apart so that ``driftline --help`` answers at once: it reads nothing but the table below.
"""

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click


class Mounted(NamedTuple):
    """The place of a command.

    Attributes:
        module: The ``commands`` module of a package, whose group is called ``commands``.
        command: The name of the command in that group; None mounts the whole group.
        help: One line of help, which is shown without importing the module.
    """

    module: str
    command: str | None
    help: str


OPERATING = {
    "up": Mounted("deploy.local.commands", "up", "Start everything, and keep it running."),
    "status": Mounted("deploy.local.commands", "status", "Show the processes and their memory."),
    "stop": Mounted("deploy.local.commands", "stop", "End a running launcher in order."),
    "reset": Mounted("deploy.local.commands", "reset", "Delete everything that was stored."),
    "doctor": Mounted("deploy.local.commands", "doctor", "Check this machine, and say what to do."),
    "kafka": Mounted("deploy.local.commands", "kafka", "Run Apache Kafka alone, in the foreground."),
    "compile": Mounted("deploy.local.commands", "compile", "Compile the feature kernel beforehand."),
    "collect": Mounted("deploy.local.collecting", "collect", "Collect news and prices, once or for good."),
    "prepare": Mounted("deploy.local.commands", "prepare", "Create topics and tables on running servers."),
}
PACKAGES = {
    "inspect": Mounted("producers.commands", "inspect", "Say what a data file is and which rows are bad."),
    "convert": Mounted("producers.commands", "convert", "Write a file of candles of any form as parquet."),
    "record": Mounted("producers.commands", "record", "Record the flow of perpetual futures into files."),
    "recording": Mounted("producers.commands", "recording", "Show what was recorded, and what a day costs."),
    "replay": Mounted("producers.commands", "replay", "Publish a recorded file."),
    "follow": Mounted("producers.commands", "follow", "Follow the venues of a live run."),
    "simulate": Mounted("producers.commands", "simulate", "Publish the simulated market."),
    "backfill": Mounted("producers.commands", "backfill", "Fetch the candles of the past months."),
    "warm-up": Mounted("producers.commands", "warm-up", "Publish the history of a run at full speed."),
    "process": Mounted("stream_processors.commands", None, "Run one of the stream processors."),
    "topics": Mounted(
        "stream_processors.commands", "topics", "List topics, schemas, and the lag of each reader."
    ),
    "tail": Mounted("stream_processors.commands", "tail", "Print the events of a topic as they arrive."),
    "dead-letters": Mounted(
        "stream_processors.commands", "dead-letters", "List, show, replay and discard dead letters."
    ),
    "store": Mounted("stream_processors.commands", "store", "Export days of the store, and delete old ones."),
    "alerts": Mounted("stream_processors.commands", "alerts", "Show what is wrong with the platform now."),
    "quality": Mounted(
        "trainers.commands",
        "quality",
        "Say how complete, fresh and sound the stored data are, and what is open.",
    ),
    "train": Mounted("trainers.commands", "train", "Train and promote the models of a run."),
    "learn": Mounted("trainers.commands", "learn", "Train models online, and publish new versions."),
    "evaluate": Mounted("trainers.commands", "evaluate", "Evaluate a model on a file of candles."),
    "search": Mounted(
        "trainers.commands", "search", "Search the parameters of a model, and count every trial."
    ),
    "compare": Mounted("trainers.commands", "compare", "Rank models, and say which differences are noise."),
    "features": Mounted(
        "trainers.commands", "features", "Say what each feature tells of the returns that follow."
    ),
    "sentiment": Mounted("trainers.commands", "sentiment", "Train, export and compare scorers of sentiment."),
    "audit": Mounted("trainers.commands", "audit", "Find features that know the future."),
    "backtest": Mounted(
        "trainers.commands", "backtest", "Replay a model over past data, costs and lag included."
    ),
    "models": Mounted(
        "trainers.commands", "models", "List, show, promote and roll back versions; who served when."
    ),
    "score": Mounted("api.commands", "scoring", "Predict at every bar's close."),
    "serve": Mounted("api.commands", "serve", "Serve predictions over HTTP."),
}
SECTIONS = {"Operating": OPERATING, "The packages' commands": PACKAGES}


class MountedGroup(click.Group):
    """A group of commands that are named in tables and imported one at a time."""

    def __init__(self, sections: Mapping[str, Mapping[str, Mounted]], *, name: str, help_text: str) -> None:
        super().__init__(name=name, help=help_text)
        self._sections = sections
        self._mounted = {name: mounted for table in sections.values() for name, mounted in table.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (the signature is click's)
        """Return the names, in the order of the tables."""
        return list(self._mounted)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is none of that name."""
        mounted = self._mounted.get(cmd_name)
        if mounted is None:
            return None
        group: click.Group = importlib.import_module(mounted.module).commands
        return group if mounted.command is None else group.commands[mounted.command]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the lines of the tables, which need no import."""
        for title, table in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, mounted.help) for name, mounted in table.items()])


driftline = MountedGroup(
    SECTIONS,
    name="driftline",
    help_text="Market intelligence on Kafka: prices in, predictions with their record out.",
)
