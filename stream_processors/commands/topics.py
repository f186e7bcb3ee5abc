"""``driftline topics`` and ``driftline tail``: the topics of the log, and the events of one topic."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from schemas.errors import ConfigurationError
from schemas.topics import BY_NAME
from schemas.wire.clocks import SystemClock
from schemas.wire.processes import stop_on_signals
from stream_processors.commands.consoles import console, kafka_endpoint

#: The width of these tables and lines in a file or a pipe.
_WIDE = 180


@click.command("topics")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON array.")
@click.option("--asyncapi", is_flag=True, help="Print the AsyncAPI document instead; this needs no broker.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    help="Report this consumer group too, such as your own; may be repeated.",
)
@click.option(
    "--unknown-fields",
    is_flag=True,
    help="Check the newest events of each partition for undeclared fields instead.",
)
@click.pass_obj
def topics(
    environment: Mapping[str, str],
    *,
    is_json: bool,
    asyncapi: bool,
    groups: Sequence[str],
    unknown_fields: bool,
) -> None:
    """List topics with their owners, schemas, partitions and the lag of each reader.

    The lag in time is the age of the first record that the group has not consumed. Messages are counted by
    offsets; the marks of transactions count too, on every broker.
    """
    if asyncapi:
        from schemas.contracts.documents import ASYNCAPI, documents

        click.echo(documents()[ASYNCAPI], nl=False)
        return
    from stream_processors.inspection.topic_reports import (
        GROUPS,
        fields_table,
        topic_reports,
        topics_table,
    )
    from stream_processors.monitoring.field_census import FieldCensus

    endpoint = kafka_endpoint(environment)
    if unknown_fields:
        counts = FieldCensus(endpoint).look()
        _show(counts, fields_table(counts), is_json=is_json)
        return
    found = topic_reports(endpoint, groups=(*GROUPS, *groups), now_ms=SystemClock().now_ms())
    _show(found, topics_table(found), is_json=is_json)


def _show(found: Any, table: Any, *, is_json: bool) -> None:
    import msgspec

    if is_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        console(width=_WIDE).print(table)


@click.command("tail")
@click.argument("topic", type=click.Choice(list(BY_NAME)), metavar="TOPIC")
@click.option(
    "--from",
    "since",
    default="end",
    show_default=True,
    metavar="beginning|end|TIME",
    help="Where to begin. TIME is when a record was published: an age such as 90m or 2d, or ISO 8601 in UTC.",
)
@click.option("--key", help="Show only records with this key, such as BTC-USDT.BINANCE.")
@click.option("--stream", help="Show only events of this run, such as live.")
@click.option("-n", "limit", type=click.IntRange(min=1), help="Stop after this number of records.")
@click.option(
    "--no-follow", is_flag=True, help="Stop at the present end of the topic and do not wait for more."
)
@click.option("--headers", "with_headers", is_flag=True, help="Show the records' headers too.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def tail(
    environment: Mapping[str, str],
    topic: str,
    *,
    since: str,
    key: str | None,
    stream: str | None,
    limit: int | None,
    no_follow: bool,
    with_headers: bool,
    is_json: bool,
) -> None:
    """Print the events of a topic, and wait for more.

    Times are the events' own, in UTC. A record that is not an event is shown with the reason.
    """
    from itertools import islice

    import msgspec

    from schemas.wire.administration import Administration
    from stream_processors.inspection.event_lines import line_of, object_of
    from stream_processors.inspection.tailing import RecordFilter, starts_of, tail

    endpoint, found = kafka_endpoint(environment), BY_NAME[topic]
    try:
        starts = starts_of(Administration(endpoint), found, since, now_ms=SystemClock().now_ms())
    except ConfigurationError as error:
        message = f"must be beginning, end, an age such as 90m, or a time in ISO 8601, was {since!r}"
        raise click.BadParameter(message, param_hint="--from") from error
    if not starts:
        message = f"topic {topic} is not on this broker"
        raise click.ClickException(message)
    records = tail(
        endpoint, found, starts, RecordFilter(key, stream), stop=stop_on_signals(), is_endless=not no_follow
    )
    terminal = console(width=_WIDE)
    with suppress(BrokenPipeError):
        for seen in islice(records, limit):
            if is_json:
                click.echo(msgspec.json.encode(object_of(seen, with_headers=with_headers)))
            else:
                terminal.print(line_of(seen, with_headers=with_headers), soft_wrap=True, highlight=False)
