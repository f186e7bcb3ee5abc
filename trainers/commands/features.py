"""``driftline features``: what each feature tells of the returns that follow."""

from pathlib import Path
from typing import Any

import click

from producers.jobs.reading_options import CLOSE_STAMPED, NO_TRADE
from trainers.commands.questions import FILE, NEW_FILE, NEWS_DELAY


@click.command("features")
@click.option("--bars", type=FILE, required=True, help="Candles of the instrument.")
@click.option("--bars-eth", type=FILE, help="Candles of another coin, as further features.")
@click.option("--perp", type=FILE, help="Candles of the perpetual, for its premium as a feature.")
@click.option(
    "--news", type=FILE, help="Articles, as further features, scored by the scorers of DRIFTLINE_SCORERS."
)
@NEWS_DELAY
@click.option("--interval", help="The time between rows. Default: that of the file's bars.")
@click.option("--also", metavar="INTERVALS", help="Further intervals of the same bars, such as 5m,1h.")
@click.option("--horizons", default="1h,4h,24h", show_default=True, help="How far ahead returns are taken.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the intervals.")
@click.option("--json", "output", type=NEW_FILE, help="Write the figures to this file.")
@NO_TRADE
@CLOSE_STAMPED
def features(horizons: str, output: Path | None, **options: Any) -> None:
    """Print how much each feature tells of the return that follows, by horizon and year.

    Shown is the information coefficient, the rank correlation of the feature with the forward return, with a 95 %
    interval by blocks of seven days. A feature tells more than chance if the interval leaves out 0 and shifts of the
    feature in time seldom give as much, all features of the horizon taken together.
    """
    from trainers.commands.evaluation_options import also_of, interval_of, lengths_of, news_of, reading_of
    from trainers.inputs.evaluation_files import EvaluationFiles
    from trainers.jobs.evaluate import write_figures
    from trainers.jobs.features import FeatureQuestion, feature_tables, judged_features
    from trainers.outputs import check_output
    from trainers.reports.progress import fitting_progress, print_table, say_written

    check_output(output, "--json")
    question = FeatureQuestion(
        interval=interval_of(options["interval"]),
        horizons=lengths_of(horizons, "--horizons"),
        also=also_of(options["also"]),
        seed=options["seed"],
    )
    paths = {name: options[name] for name in ("bars", "bars_eth", "perp")}
    files = EvaluationFiles(**paths, news=news_of(options), reading=reading_of(options))
    with fitting_progress("features") as progress:
        judged = judged_features(files, question, progress)
    if output is not None:
        write_figures(judged.summary(), output)
    for words in judged.warnings:
        click.echo(f"warning: {words}", err=True)
    for table in feature_tables(judged):
        print_table(table)
    say_written(output)
