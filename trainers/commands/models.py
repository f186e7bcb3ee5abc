"""The commands about versions. Each imports what it runs, so that ``--help`` stays quick."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from schemas.arms import ALIASES, is_arm


def _checked_alias(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Refuses an alias of another form than those under which versions are scored."""
    if not is_arm(value):
        message = f"{value!r} must be a short lower-case name, such as {', '.join(ALIASES)}"
        raise click.BadParameter(message)
    return value


_ALIAS_OPTION = click.option(
    "--alias",
    callback=_checked_alias,
    default="champion",
    show_default=True,
    help="The champion serves. A challenger, a shadow or another short lower-case name predicts beside it.",
)


@click.group()
def models() -> None:
    """List, show, promote and roll back versions; read the ledger."""


@models.command(name="list")
@click.option("--json", "is_json", is_flag=True, help="Print JSON, with every figure and baseline.")
@click.pass_obj
def list_versions(environment: Mapping[str, str], *, is_json: bool) -> None:
    """List every version with its out-of-sample accuracy, beside that of the best baseline."""
    from trainers.reports.versions import versions_json, versions_table

    registry = _registry(environment)
    if is_json:
        click.echo(versions_json(registry.versions(), registry.ledger()))
        return
    _print(versions_table(registry.versions(), registry.ledger()))


@models.command()
@click.argument("version")
@click.option("--target", help="Interval and horizon, such as 15m:15m, if several targets have this alias.")
@click.option("--stream", help="The run whose alias is meant. Default: the newest run that has it.")
@click.option("--card", is_flag=True, help="Print its model card as Markdown.")
@click.pass_obj
def show(
    environment: Mapping[str, str], version: str, target: str | None, stream: str | None, *, card: bool
) -> None:
    """Show one version, or the version that an alias such as champion means.

    Shows what it was made of, its figures with their intervals, its leak alarm and its promotions.
    """
    from trainers.registry.aliases import meant_lines
    from trainers.registry.cards import model_card
    from trainers.reports.versions import version_tables

    registry = _registry(environment)
    if all(version != known.version for known in registry.versions()):
        version = meant_lines(registry.ledger(), version, stream=stream, target=target)[-1].version
    manifest = registry.load(version).manifest
    if card:
        click.echo(model_card(manifest), nl=False)
        return
    for table in version_tables(manifest, [line for line in registry.ledger() if line.version == version]):
        _print(table)


@models.command()
@click.argument("version")
@_ALIAS_OPTION
@click.option("--reason", required=True, help="The reason; it stays in the ledger.")
@click.option("--stream", help="The run in which it is to serve. Default: the run that it was trained on.")
@click.option(
    "--effective-from",
    help="The time from which it serves, UTC, by the stream's clock. Default: the end of the open bar.",
)
@click.option(
    "--leak-alarm-confirmed-by",
    metavar="NAME",
    help="Who looked for a leak and found none, where the leak alarm of the version rings; it stays in the ledger.",
)
@click.pass_obj
def promote(environment: Mapping[str, str], /, version: str, **options: Any) -> None:
    """Let an alias mean a version, after the version was loaded and checked.

    A version whose leak alarm rings is refused, unless somebody confirms by name that there is no leak, or
    the alias is shadow.
    """
    from trainers.commands.promotion_requests import PromotionOptions, promoted_version

    entry = promoted_version(environment, version, PromotionOptions(**options), say=click.echo)
    _tell(entry)


@models.command()
@_ALIAS_OPTION
@click.option("--reason", required=True, help="The reason; it stays in the ledger.")
@click.option("--target", help="Interval and horizon, such as 15m:15m, if several targets have this alias.")
@click.option("--stream", help="The run whose alias is meant. Default: the newest run that has it.")
@click.option(
    "--effective-from",
    help="The time from which it serves, UTC, by the stream's clock. Default: the end of the open bar.",
)
@click.pass_obj
def rollback(environment: Mapping[str, str], /, target: str | None, **options: Any) -> None:
    """Let an alias mean the version before the present one, after that version was loaded and checked."""
    from trainers.commands.promotion_requests import PromotionOptions, rolled_back

    entry = rolled_back(environment, PromotionOptions(**options), target=target, say=click.echo)
    _tell(entry)


@models.command()
@click.option(
    "--at", "at_time", help="Which version served at this time, and why. UTC, by the clock of the stream."
)
@click.option("--alias", help="Show this alias only.")
@click.option("--stream", help="Show this run only.")
@click.pass_obj
def history(
    environment: Mapping[str, str], at_time: str | None, alias: str | None, stream: str | None
) -> None:
    """Show every promotion and rollback, or which versions served at a time.

    If Postgres is running, also show from which time on each version predicted.
    """
    from schemas.time import parse_time
    from trainers.inputs.effects import stored_effects
    from trainers.registry.serving import serving_at
    from trainers.reports.versions import ledger_table

    registry = _registry(environment)
    lines = [
        line for line in registry.ledger() if alias in (None, line.alias) and stream in (None, line.stream)
    ]
    at_ms = parse_time(at_time, "--at")
    found = lines if at_ms is None else list(serving_at(lines, at_ms).values())
    if not found:
        click.echo("no promotion" if at_time is None else f"nothing served at {at_time}")
        return
    n_unrecorded = registry.n_unrecorded()
    if n_unrecorded:
        click.echo(
            f"{n_unrecorded} of the ledger's lines are not in its git history yet: the next promotion or "
            "`driftline models push` records them",
            err=True,
        )
    title = "ledger, oldest first" if at_time is None else f"what served at {at_time}, and why"
    recorded = stored_effects(environment, {line.stream for line in found})
    _print(ledger_table(found, title=title, recorded=recorded))


@models.command()
@click.pass_obj
def push(environment: Mapping[str, str]) -> None:
    """Push history and files to DRIFTLINE_REGISTRY_REMOTE and DRIFTLINE_REGISTRY_REPOSITORY."""
    from schemas.errors import ConfigurationError

    if not any(environment.get(f"DRIFTLINE_REGISTRY_{name}") for name in ("REMOTE", "REPOSITORY")):
        message = "DRIFTLINE_REGISTRY_REMOTE or DRIFTLINE_REGISTRY_REPOSITORY must be set, and neither was"
        raise ConfigurationError(message)
    _registry(environment).send()
    click.echo("everything is there")


def _registry(environment: Mapping[str, str]) -> Any:
    from trainers.inputs.registries import registry_of
    from trainers.settings import TrainerSettings

    return registry_of(TrainerSettings.from_environment(environment))


def _tell(entry: Any) -> None:
    from schemas.time import text_of_time
    from trainers.reports.versions import reason_words

    click.echo(
        f"{entry.alias} of {entry.target} in {entry.stream} is {entry.version} from "
        f"{text_of_time(entry.effective_from_ms, 'minute')} UTC on: {reason_words(entry)}"
    )


def _print(table: Any) -> None:
    """Prints a table at least as wide as its longest words, so that a narrow terminal never breaks a version's name."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(width=None if sys.stdout.isatty() else 160)
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).minimum
    console.width = max(console.width, needed)
    console.print(table)
