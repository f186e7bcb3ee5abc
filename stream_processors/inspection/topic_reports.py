"""What each topic holds, and the lag of its readers, for people and for scripts."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from schemas.topics import ALL_TOPICS, CONSUMERS, STATEFUL_JOBS, Topic
from schemas.wire.administration import Administration
from schemas.wire.lags import Lag, Where, lags, worst
from schemas.wire.settings import KafkaEndpoint
from stream_processors.inspection.showing import printable
from stream_processors.monitoring.field_census import FieldCounts

#: The consumer groups of the platform's own jobs.
GROUPS = tuple(f"driftline-{job}" for job in sorted({*STATEFUL_JOBS, *CONSUMERS}))
_DAY_MS = 86_400_000
#: A reader with at least this lag is shown in yellow, or in red.
_SLOW_S, _LATE_S = 5.0, 60.0


class GroupLag(msgspec.Struct, frozen=True, kw_only=True):
    """The lag of a consumer group on a topic.

    Attributes:
        group: The consumer group.
        lag_messages: The lag over all partitions in which the group has committed. On Apache Kafka it counts
            the marks of transactions too.
        lag_s: The age of the oldest record that the group has not consumed; 0 when it has consumed all.
    """

    group: str
    lag_messages: int
    lag_s: float


class TopicReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported about one topic.

    Attributes:
        topic: Its name.
        owner: The job that writes it.
        about: What it holds, in a sentence.
        schemas: The kinds of event with their versions.
        keys: The fields that make the record key, by kind of event.
        partitions: How many it has.
        retention_ms: How long records are kept; None on a compacted topic.
        is_compacted: Whether only the newest record of each key is kept.
        messages: How many there are, as offsets count; None where the topic does not exist yet.
        readers: The lag of each group.
    """

    topic: str
    owner: str
    about: str
    schemas: list[str]
    keys: dict[str, str]
    partitions: int
    retention_ms: int | None
    is_compacted: bool
    messages: int | None
    readers: list[GroupLag]


def topic_reports(
    endpoint: KafkaEndpoint, *, groups: Iterable[str], now_ms: int, topics: Sequence[Topic] = ALL_TOPICS
) -> list[TopicReport]:
    """Return a report for each topic, in the order of the topics.

    Args:
        endpoint: The broker.
        groups: The consumer groups whose lag is reported.
        now_ms: The wall clock, UTC milliseconds.
        topics: The topics to report on.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    administration = Administration(endpoint)
    there = administration.topics()
    found = [(topic.name, number) for topic in topics for number in range(there.get(topic.name, 0))]
    ends, beginnings = administration.ends(found), administration.beginnings(found)
    n_messages = {where: ends[where] - beginnings[where] for where in found}
    by_group = {
        group: lags(endpoint, administration, group=group, partitions=found, now_ms=now_ms)
        for group in dict.fromkeys(groups)
    }
    return [_report(topic, n_messages, by_group) for topic in topics]


def _report(
    topic: Topic, n_messages: Mapping[Where, int], by_group: Mapping[str, Mapping[Where, Lag]]
) -> TopicReport:
    counts = [n for (name, _), n in n_messages.items() if name == topic.name]
    readers = {
        group: {where: lag for where, lag in found.items() if where[0] == topic.name}
        for group, found in by_group.items()
    }
    return TopicReport(
        topic=topic.name,
        owner=", ".join(topic.owners),
        about=topic.about,
        schemas=[f"{kind.__name__} v{kind.schema_version}" for kind in topic.events],
        keys={kind.__name__: "/".join(kind.key_fields) for kind in topic.events},
        partitions=topic.n_partitions,
        retention_ms=topic.retention_ms,
        is_compacted=topic.is_compacted,
        messages=sum(counts) if counts else None,
        readers=[
            GroupLag(group=group, lag_messages=lag.n_messages, lag_s=round(lag.behind_s, 3))
            for group, found in readers.items()
            if found
            for lag in [worst(found)]
        ],
    )


def topics_table(reports: Iterable[TopicReport]) -> Table:
    """Return a table with a row for each topic."""
    table = Table(title="Topics and the lag of their readers", title_justify="left")
    for column in ("topic", "owner", "events", "key"):
        table.add_column(column, overflow="fold")
    for column in ("parts", "kept", "messages"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("readers: lag in messages, in time", no_wrap=True)
    for report in reports:
        table.add_row(
            report.topic,
            report.owner,
            "\n".join(report.schemas) or "-",
            "\n".join(dict.fromkeys(report.keys.values())) or "-",
            str(report.partitions),
            _kept(report),
            "missing" if report.messages is None else f"{report.messages:,}",
            Text("\n").join(_reader(reader) for reader in report.readers),
            end_section=True,
        )
    return table


def fields_table(found: Mapping[str, FieldCounts]) -> Table:
    """Return a table of undeclared fields with a row for each topic."""
    table = Table(title="Undeclared fields on the newest events", title_justify="left")
    table.add_column("topic", overflow="fold")
    table.add_column("checked", justify="right")
    table.add_column("with unknown fields", justify="right")
    table.add_column("fields", overflow="fold")
    for topic, counts in found.items():
        names = ", ".join(f"{printable(name)} {n:,}" for name, n in counts.names.most_common())
        table.add_row(topic, f"{counts.n_checked:,}", f"{counts.n_with_unknown:,}", Text(names))
    return table


def _kept(report: TopicReport) -> str:
    if report.is_compacted or report.retention_ms is None:
        return "newest"
    return "for good" if report.retention_ms < 0 else f"{report.retention_ms // _DAY_MS} d"


def _reader(reader: GroupLag) -> Text:
    style = "green" if reader.lag_s < _SLOW_S else "yellow" if reader.lag_s < _LATE_S else "red"
    name = reader.group.removeprefix("driftline-")
    return Text.assemble(f"{name} ", (f"{reader.lag_messages:,}, {duration(reader.lag_s)}", style))


def duration(seconds: float) -> str:
    """Return a time span in its two largest units.

    Example:
        >>> duration(4.25), duration(250), duration(90_000)
        ('4.2 s', '4m 10s', '1d 1h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for unit, length, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= length:
            return f"{whole // length}{unit} {whole % length // part}{smaller}"
    return f"{whole}s"
