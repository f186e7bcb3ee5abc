"""``driftline alerts``: what is wrong with the platform now."""

import sys
from collections.abc import Mapping

import click

from schemas.wire.clocks import SystemClock


@click.command()
@click.option("--all", "is_all", is_flag=True, help="Everything of the last week, resolved alerts too.")
@click.option("--json", "is_json", is_flag=True, help="Print a JSON object per line, as they were published.")
@click.pass_obj
def alerts(environment: Mapping[str, str], /, *, is_all: bool, is_json: bool) -> None:
    """The alerts that last, oldest first."""
    from rich.console import Console

    from schemas import codec
    from stream_processors.inspection.alert_lists import open_alerts, published_alerts
    from stream_processors.inspection.showing import alerts_table
    from stream_processors.settings import ProcessorSettings

    published = published_alerts(ProcessorSettings.from_environment(environment).kafka_endpoint())
    found = published if is_all else open_alerts(published)
    if is_json:
        for alert in found:
            click.echo(codec.encode(alert))
    elif found:
        table = alerts_table(found, now_ms=SystemClock().now_ms())
        Console(width=None if sys.stdout.isatty() else 200).print(table)
    else:
        click.echo("no alerts" if is_all else "no open alerts")
