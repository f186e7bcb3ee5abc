"""``driftline alerts``: the alerts about the platform."""

from collections.abc import Mapping

import click

from schemas.wire.clocks import SystemClock
from stream_processors.commands.consoles import console, kafka_endpoint


@click.command()
@click.option("--all", "is_all", is_flag=True, help="Show every alert of the last week, resolved ones too.")
@click.option(
    "--json", "is_json", is_flag=True, help="Print each alert as it was published, one JSON object a line."
)
@click.pass_obj
def alerts(environment: Mapping[str, str], /, *, is_all: bool, is_json: bool) -> None:
    """Show the alerts that last, oldest first."""
    from schemas import codec
    from stream_processors.inspection.alert_lists import open_alerts, published_alerts
    from stream_processors.inspection.showing import alerts_table

    published = published_alerts(kafka_endpoint(environment))
    found = published if is_all else open_alerts(published)
    if is_json:
        for alert in found:
            click.echo(codec.encode(alert))
    elif found:
        console().print(alerts_table(found, now_ms=SystemClock().now_ms()))
    else:
        click.echo("no alerts" if is_all else "no open alerts")
