"""``driftline quality``: how complete, fresh and sound the stored data of a run are."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from schemas.wire.settings import KafkaEndpoint
from trainers.commands.questions import NEW_FILE

#: A table that no terminal shows is so wide: in 80 columns its headings were cut into parts of four letters.
_WIDE = 160


@click.command("quality")
@click.option(
    "--stream", default=None, help="The run. Default: DRIFTLINE_STREAM, or the run that was registered last."
)
@click.option(
    "--days", "n_days", type=click.IntRange(1, 3660), default=7, show_default=True, help="The days to judge."
)
@click.option(
    "--targets/--no-targets", "has_targets", default=True, help="Whether rows to train on are counted."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", type=NEW_FILE, help="Write a page with pictures to this file.")
@click.option("--strict", is_flag=True, help="The exit code is 1 if anything is open.")
@click.pass_context
def quality(
    context: click.Context,
    *,
    stream: str | None,
    n_days: int,
    has_targets: bool,
    is_json: bool,
    html: Path | None,
    strict: bool,
) -> None:
    """Show how good the stored data of a run are, by source and day, and what is open.

    Shown are completeness, freshness, duplicates, outliers, broken rules, open gaps, quarantine, dead letters, and
    whether each target has rows enough to be trained on.
    """
    import msgspec

    from schemas.wire.clocks import SystemClock
    from schemas.wire.postgres.pools import PostgresPool
    from trainers.outputs import check_output
    from trainers.quality.assembling import QualityQuestion, quality_report
    from trainers.settings import TrainerSettings

    environment: Mapping[str, str] = context.obj
    settings = TrainerSettings.from_environment(environment, stream=stream)
    endpoints = settings.endpoints()
    if html is not None:
        check_output(html, "--html")
    question = QualityQuestion(
        stream=settings.stream,
        n_days=n_days,
        now_ms=SystemClock().now_ms(),
        has_targets=has_targets,
        letters=lambda: _open_letters(endpoints.kafka),
    )
    with PostgresPool(endpoints.database_url) as pool:
        report = quality_report(pool, question, settings)
    if html is not None:
        from trainers.quality.showing import html_of

        html.write_text(html_of(report))
    if is_json:
        click.echo(msgspec.json.encode(report))
    else:
        from rich.console import Console

        from trainers.quality.showing import print_report

        print_report(report, Console(width=None if sys.stdout.isatty() else _WIDE))
    if strict and report.findings:
        context.exit(1)


def _open_letters(endpoint: KafkaEndpoint) -> dict[str, int]:
    from stream_processors.runtime.dead_letters import read_mailboxes

    return {consumer: len(letters.open()) for consumer, letters in read_mailboxes(endpoint).items()}
