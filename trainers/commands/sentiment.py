"""``driftline sentiment``: fine-tunes, exports and compares scorers. Each command imports what it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trainers.commands.questions import FILE, FOLDER, NEW_FILE

_LABELS_OPTION = click.option(
    "--labels",
    "mapping",
    metavar="MAPPING",
    help="What the labels of files mean that have no certain meaning, such as 0=negative,1=neutral,2=positive.",
)


@click.group()
def sentiment() -> None:
    """Fine-tune, export and compare scorers of sentiment."""


@sentiment.command()
@click.option("--data", type=FILE, required=True, help="A file of labelled texts.")
@click.option("--text", help="Its column of texts. Default: found by its name.")
@click.option("--label", help="Its column of labels. Default: found by its name.")
@_LABELS_OPTION
@click.option("--base", type=FOLDER, help="The folder of the encoder. Default: MiniLM, of its package.")
@click.option("--folds", type=click.IntRange(0, 50), default=5, show_default=True, help="0 judges nothing.")
@click.option("--epochs", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--rate", type=click.FloatRange(0, 1, min_open=True), default=1e-4, show_default=True, help="Of learning."
)
@click.option("--rows", type=click.IntRange(min=20), help="Take only so many rows, drawn by the seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option(
    "--bf16", is_flag=True, help="Multiply 16-bit numbers: faster on processors with avx512_bf16 or amx."
)
@click.option(
    "--out", type=FOLDER, help="Write the scorer to this folder. Without it, folds are judged only."
)
@click.option("--json", "output", type=NEW_FILE, help="Write the model card to this file.")
def train(output: Path | None, **options: Any) -> None:
    """Fine-tune a small encoder on labelled texts, and judge it out of fold.

    Needs `pip install 'driftline[sentiment]'`. What was trained on texts under a non-commercial licence, such as
    Financial PhraseBank, must not be shipped.
    """
    from trainers.outputs import check_output
    from trainers.reports.progress import fitting_progress, say_written

    check_output(output, "--json")
    _check_torch()
    from trainers.sentiment.requests import TrainingRequest, trained

    with fitting_progress("fine-tuning") as progress:
        card, exported = trained(TrainingRequest(**options), progress)
    _say_card(card, output)
    _say_exported(exported)
    say_written(output, options["out"])


@sentiment.command()
@click.option(
    "--model", required=True, help="The folder of a model, or its name on the hub: ProsusAI/finbert."
)
@click.option("--out", type=FOLDER, required=True, help="Write the scorer to this folder.")
@click.option(
    "--max-length", type=click.IntRange(8, 512), help="The most tokens of a text. Default: the model's."
)
def export(model: str, out: Path, max_length: int | None) -> None:
    """Export any classifier of sentiment of transformers, so that it runs without torch.

    The labels are read from the model's own id2label. Needs `pip install 'driftline[sentiment]'`.
    """
    from trainers.reports.progress import say_written

    _check_torch()
    from trainers.sentiment.requests import exported_model

    _say_exported(exported_model(model, out, max_length=max_length))
    say_written(out)


@sentiment.command()
@click.option("--data", type=FILE, multiple=True, help="Labelled texts; may be repeated.")
@click.argument("more", nargs=-1, type=FILE)
@click.option("--text", help="Their column of texts. Default: found by its name.")
@click.option("--label", help="Their column of labels. Default: found by its name.")
@_LABELS_OPTION
@click.option(
    "--scorers",
    help="The scorers, comma-separated. Default: vader_plain and those of DRIFTLINE_SCORERS.",
)
@click.option(
    "--folder", "folders", multiple=True, metavar="NAME=FOLDER", help="A further scorer that was exported."
)
@click.option("--news", type=FILE, help="Articles, whose scores are judged by the returns that follow.")
@click.option("--prices", type=FILE, help="Candles of an hour or less, for these returns.")
@click.option("--asset", default="BTC", show_default=True, help="The asset of the prices.")
@click.option(
    "--core-hour",
    "price_of_core_hour",
    type=click.FloatRange(min=0),
    default=0.04,
    show_default=True,
    help="What an hour of one core costs, in US dollars.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the intervals.")
@click.option("--html", type=NEW_FILE, help="Write a page with pictures to this file.")
@click.option("--json", "output", type=NEW_FILE, help="Write the figures to this file.")
@click.pass_obj
def compare(
    environment: Mapping[str, str], /, data: tuple[Path, ...], more: tuple[Path, ...], **options: Any
) -> None:
    """Compare scorers on labelled texts, and by what their scores of news tell of the returns that follow."""
    from rich.console import Console

    from trainers.outputs import check_output
    from trainers.reports.progress import fitting_progress, say_written
    from trainers.sentiment.comparison_requests import ComparisonRequest, compared, write_comparison
    from trainers.sentiment.showing import print_comparison

    html, output = options.pop("html"), options.pop("output")
    check_output(html, "--html")
    check_output(output, "--json")
    request = ComparisonRequest(data=(*data, *more), **options)
    with fitting_progress("scoring") as progress:
        report = compared(request, environment, progress)
    write_comparison(report, html=html, json=output)
    print_comparison(report, _wide_console(Console()))
    say_written(html, output)


@sentiment.command()
@click.argument("folder", type=FOLDER)
@click.option("--name", default="encoder", show_default=True, help="The name under which it scores.")
@click.pass_obj
def keep(environment: Mapping[str, str], folder: Path, name: str) -> None:
    """Keep an exported scorer as a version that can be promoted."""
    click.echo(f"kept as {_heads(environment).keep(name, folder)}")


@sentiment.command(name="list")
@click.pass_obj
def list_heads(environment: Mapping[str, str]) -> None:
    """List the versions that are kept, and which of them serve."""
    kept = _heads(environment).versions()
    for head in kept:
        figures = head.card.get("out_of_fold") or {}
        accuracy = f", accuracy {figures['accuracy_mean_of_folds']:.3f} out of fold" if figures else ""
        made_of = head.card.get("data") or head.card.get("exported_from") or "unknown data"
        click.echo(f"{head.version}: of {made_of}{accuracy}{', serves' if head.is_current else ''}")
    if not kept:
        click.echo("no version is kept: `driftline sentiment keep FOLDER` keeps one")


@sentiment.command()
@click.argument("version")
@click.option("--reason", required=True, help="The reason; it stays in the ledger.")
@click.pass_obj
def promote(environment: Mapping[str, str], version: str, reason: str) -> None:
    """Let a version serve under its name, after its self-test was run."""
    from schemas.wire.clocks import SystemClock

    heads = _heads(environment)
    _say_promoted(heads, heads.promote(version, reason=reason, now_ms=SystemClock().now_ms()))


@sentiment.command("roll-back")
@click.option("--name", default="encoder", show_default=True, help="The name under which it scores.")
@click.option("--reason", required=True, help="The reason; it stays in the ledger.")
@click.pass_obj
def roll_back(environment: Mapping[str, str], name: str, reason: str) -> None:
    """Let the version before the present one serve again."""
    from schemas.wire.clocks import SystemClock

    heads = _heads(environment)
    _say_promoted(heads, heads.roll_back(name, reason=reason, now_ms=SystemClock().now_ms()))


def _heads(environment: Mapping[str, str]) -> Any:
    from trainers.sentiment.heads import HeadRegistry
    from trainers.settings import REGISTRY_FOLDER, TrainerSettings

    return HeadRegistry(TrainerSettings.from_environment(environment).data_dir / REGISTRY_FOLDER / "scorers")


def _say_promoted(heads: Any, line: Any) -> None:
    click.echo(f"{line.name} is {line.version} from the next start of the agent on")
    click.echo(f"DRIFTLINE_SCORER_{line.name.upper()}={heads.current(line.name)}")


def _wide_console(console: Any) -> Any:
    """A console of 160 columns where standard output is no terminal."""
    if not console.is_terminal:
        console.width = 160
    return console


def _check_torch() -> None:
    """Says what to install where the libraries of training are missing."""
    from importlib.util import find_spec

    from schemas.errors import ConfigurationError

    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        message = (
            f"training and exporting need {' and '.join(missing)}, which the default install leaves out because it "
            "takes several GB: `pip install 'driftline[sentiment]'`. Running an exported scorer needs neither"
        )
        raise ConfigurationError(message)


def _say_card(card: Mapping[str, Any], output: Path | None) -> None:
    import msgspec

    from trainers.outputs import write_output
    from trainers.sentiment.model_cards import card_lines

    for line in card_lines(card):
        click.echo(line)
    click.echo(f"licence: {card['licence']}")
    if output is not None:
        write_output(output, msgspec.json.format(msgspec.json.encode(card)), "--json")


def _say_exported(exported: Any) -> None:
    if exported is None:
        return
    click.echo(
        f"ONNX and torch differ by at most {exported.export_difference:.1e} in a probability, int8 and fp32 by "
        f"{exported.int8_difference:.3f}"
    )
    for name, size in exported.bytes_by_file.items():
        click.echo(f"{name}: {size / 1e6:.1f} MB")
