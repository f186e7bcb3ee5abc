"""``driftline dead-letters``: list and show messages that were put aside, publish them again, or discard them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from schemas.errors import ConfigurationError
from schemas.topics import CONSUMERS
from schemas.wire.clocks import SystemClock
from stream_processors.commands.consoles import console, kafka_endpoint

_FILTERS = (
    click.option(
        "--consumer", type=click.Choice(CONSUMERS), help="Only letters that this consumer put aside."
    ),
    click.option("--error-class", help="Only letters with this class of error, such as DecodeError."),
    click.option("--topic", help="Only messages of this topic."),
    click.option(
        "--since", help="Only letters put aside since then: an age such as 90m or 2d, or ISO 8601 in UTC."
    ),
)
Command = Callable[..., None]


def filtered(command: Command) -> Command:
    """Add the options that choose letters by their properties."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def chosen(command: Command) -> Command:
    """Add the IDs and the options that choose the letters to act on."""
    command = click.option("--all", "is_all", is_flag=True, help="Every open letter that meets the filters.")(
        command
    )
    return click.argument("ids", metavar="[ID]...", nargs=-1)(filtered(command))


@click.group("dead-letters")
def dead_letters() -> None:
    """Show, replay or discard messages that a consumer could not process and that were kept whole.

    A letter's ID is the place of its message, TOPIC/PARTITION/OFFSET, as `list` prints it.
    """


@dead_letters.command(name="list")
@filtered
@click.option(
    "--all", "with_resolved", is_flag=True, help="List letters that were replayed or discarded, too."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def list_letters(
    environment: Mapping[str, str], /, *, with_resolved: bool, is_json: bool, **filters: str | None
) -> None:
    """List the open letters, oldest first."""
    import msgspec

    from stream_processors.inspection.showing import letter_as_json, letters_table

    found = _selected(environment, filters, with_resolved=with_resolved)
    now_ms = SystemClock().now_ms()
    if is_json:
        for selected in found:
            click.echo(msgspec.json.encode(letter_as_json(selected, now_ms=now_ms)))
    elif found:
        console().print(letters_table(found, now_ms=now_ms))
    else:
        click.echo("no dead letters" if with_resolved else "no open dead letters")


@dead_letters.command()
@click.argument("letter_id", metavar="ID")
@click.option(
    "--consumer", type=click.Choice(CONSUMERS), help="The consumer, where several have this letter."
)
@click.option("--raw", is_flag=True, help="Write only the message's bytes, unchanged.")
@click.pass_obj
def show(environment: Mapping[str, str], /, letter_id: str, *, consumer: str | None, raw: bool) -> None:
    """Show one letter: its reason, headers and body."""
    from stream_processors.inspection.showing import body, letter_facts
    from stream_processors.runtime.dead_letters import read_values

    found = _selected(environment, {"consumer": consumer}, ids=[letter_id], with_resolved=True)
    now_ms = SystemClock().now_ms()
    for selected in found[:1] if raw else found:
        ((_, value),) = read_values(kafka_endpoint(environment), [selected.letter])
        if raw:
            sys.stdout.buffer.write(value or b"")
            return
        console().print(letter_facts(selected, now_ms=now_ms))
        click.echo(body(value))


@dead_letters.command()
@chosen
@click.option("--dry-run", is_flag=True, help="Only print which letters would be published.")
@click.option("--yes", is_flag=True, help="Do not ask before several messages are published.")
@click.pass_obj
def replay(
    environment: Mapping[str, str],
    /,
    ids: Sequence[str],
    *,
    is_all: bool,
    dry_run: bool,
    yes: bool,
    **filters: str | None,
) -> None:
    """Publish messages again into their own partitions, with their keys and headers.

    Each message is published once, however often the command is repeated, and after a crash too. A message
    that fails again becomes a new letter with one more attempt.
    """
    from stream_processors.inspection.replaying import obstacle, replay

    letters = [selected.letter for selected in _chosen(environment, ids, filters, is_all=is_all)]
    refused = {letter.letter_id: why for letter in letters if (why := obstacle(letter)) is not None}
    wanted = list(dict.fromkeys(letter.letter_id for letter in letters if letter.letter_id not in refused))
    if dry_run:
        for letter_id in wanted:
            click.echo(f"would replay {letter_id}")
    elif wanted:
        _confirm(f"Publish {len(wanted)} messages again?", n=len(wanted), yes=yes)
        batches = replay(kafka_endpoint(environment), set(wanted), on_refused=refused.__setitem__)
        n = sum(len(batch) for batch in batches)
        click.echo(f"replayed {n} of {len(wanted)}" if n < len(wanted) else f"replayed {n}")
    else:
        click.echo("nothing to replay")
    for letter_id, why in refused.items():
        click.echo(f"cannot replay {letter_id}: {why}", err=True)
    if refused:
        raise SystemExit(1)


@dead_letters.command()
@chosen
@click.option("--reason", required=True, help="Why nothing is to be done; it is kept with the letter.")
@click.option("--yes", is_flag=True, help="Do not ask before several letters are discarded.")
@click.pass_obj
def discard(
    environment: Mapping[str, str],
    /,
    ids: Sequence[str],
    *,
    is_all: bool,
    reason: str,
    yes: bool,
    **filters: str | None,
) -> None:
    """Resolve letters without publishing their messages; `list --all` still shows them."""
    from stream_processors.inspection.replaying import discard

    letters = [selected.letter for selected in _chosen(environment, ids, filters, is_all=is_all)]
    if not letters:
        click.echo("nothing to discard")
        return
    _confirm(f"Discard {len(letters)} letters?", n=len(letters), yes=yes)
    discard(kafka_endpoint(environment), letters, reason=reason)
    click.echo(f"discarded {len(letters)}")


def _chosen(
    environment: Mapping[str, str], ids: Sequence[str], filters: Mapping[str, str | None], *, is_all: bool
) -> Sequence[Any]:
    """The open letters that a person named, or all; a named letter that is resolved already is reported."""
    if bool(ids) == is_all:
        message = "name letters by their IDs, or give --all"
        raise click.UsageError(message)
    if is_all:
        return _selected(environment, filters)
    found = _selected(environment, filters, ids=ids, with_resolved=True)
    for letter, resolution in found:
        if resolution is not None:
            click.echo(f"{letter.letter_id} of {letter.consumer} is {resolution.how} already", err=True)
    return [selected for selected in found if selected.resolution is None]


def _selected(
    environment: Mapping[str, str],
    filters: Mapping[str, str | None],
    *,
    ids: Sequence[str] | None = None,
    with_resolved: bool = False,
) -> Sequence[Any]:
    from stream_processors.inspection.selecting import LetterFilter, select, time_of
    from stream_processors.runtime.dead_letters import read_mailboxes

    options, since_ms = dict(filters), None
    since = options.pop("since", None)
    if since is not None:
        try:
            since_ms = time_of(since, now_ms=SystemClock().now_ms())
        except ConfigurationError as error:
            message = f"must be an age such as 90m or 2d, or a time in ISO 8601, was {since!r}"
            raise click.BadParameter(message, param_hint="--since") from error
    mailboxes = read_mailboxes(kafka_endpoint(environment))
    found = select(
        mailboxes, LetterFilter(**options, since_ms=since_ms), ids=ids, with_resolved=with_resolved
    )
    missing = set(ids or ()) - {selected.letter.letter_id for selected in found}
    if missing:
        message = f"no such letter: {', '.join(sorted(missing))}; `driftline dead-letters list --all` lists all letters"
        raise click.UsageError(message)
    return found


def _confirm(question: str, *, n: int, yes: bool) -> None:
    if n > 1 and not yes:
        click.confirm(question, abort=True)
