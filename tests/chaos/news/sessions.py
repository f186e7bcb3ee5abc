"""A run on one broker: articles are fed, the agent is killed, the history stores, and everything is judged."""

import os
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import KafkaEngine, LauncherSettings
from schemas import codec
from schemas.events import Event, SentimentScored
from schemas.streams import StreamKind, stream_id
from schemas.topics import NEWS_ARTICLE, NEWS_SENTIMENT
from schemas.wire.administration import Administration
from schemas.wire.kafka import Publisher, Record
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints, KafkaEndpoint
from stream_processors.agents.reading import Step
from stream_processors.agents.scoring import ArticleScoring
from stream_processors.sentiment.opening import open_named
from stream_processors.sentiment.preparing import prepare
from tests.benchmarks.duplicates.articles import RecordedArticle
from tests.benchmarks.reporting import Figure
from tests.chaos.news.feeding import fed_events
from tests.chaos.news.judging import judge_features, judge_scores
from tests.chaos.news.options import Options
from tests.fixtures.agent_runs import AgentProcess, publish, scores_on

SCORERS = ("vader", "textblob")
_PLACE = (NEWS_SENTIMENT.name, 0)
_DEADLINE_S = 1_200.0
#: One kill in so many comes soon after the start, and not in the middle of the work.
_EARLY_EVERY = 4


def chaos_on(
    broker: str, folder: Path, articles: Sequence[RecordedArticle], options: Options
) -> list[Figure]:
    """Run it on one kind of broker, and return what was found."""
    settings = LauncherSettings(data_dir=folder / "servers", kafka=KafkaEngine(broker))
    with running_servers(settings, dict(os.environ)) as endpoints:
        return chaos_beside(broker, folder, articles, options, endpoints)


def chaos_beside(
    broker: str,
    folder: Path,
    articles: Sequence[RecordedArticle],
    options: Options,
    endpoints: Endpoints,
) -> list[Figure]:
    """The same on servers that run already."""
    stream = stream_id(StreamKind.REPLAY, {"chaos": f"{broker}-{time.time_ns()}"})
    fed = fed_events(articles, stream=stream)
    feeding = threading.Thread(target=_feed, args=(endpoints.kafka, fed), daemon=True)
    agent = AgentProcess(endpoints.kafka, folder / "agent", ["stream_processors", "sentiment"])
    history = AgentProcess(
        endpoints.kafka, folder / "history", ["stream_processors", "history"], endpoints=endpoints
    )
    began_s = time.monotonic()
    try:
        feeding.start()
        agent.start()
        _kill(agent, endpoints.kafka, stream, n_wanted=len(SCORERS) * _n_articles(fed), options=options)
        _wait_for_end(endpoints.kafka, stream, fed[-1][-1])
        took_s = time.monotonic() - began_s
        history.start()
        events = [event for each in fed for event in each]
        n_stored = _stored(endpoints, stream, n_wanted=len(SCORERS) * _n_articles(fed))
        return _figures(broker, events, scores_on(endpoints.kafka, stream), n_stored, took_s, options)
    finally:
        agent.close()
        history.close()
        feeding.join(60)


def _feed(endpoint: KafkaEndpoint, fed: Sequence[Sequence[Event]]) -> None:
    publisher = Publisher(endpoint, role="chaos", transactional_id="chaos-news")
    publisher.prepare_transactions(timeout_s=60)
    for events in fed:
        publish(publisher, NEWS_ARTICLE.name, events)


def _kill(
    agent: AgentProcess, endpoint: KafkaEndpoint, stream: str, *, n_wanted: int, options: Options
) -> None:
    """Kill the agent when so much was scored, and sometimes while it starts."""
    chance = random.Random(options.seed)
    administration = Administration(endpoint)
    begin = administration.ends([_PLACE])[_PLACE]
    for number in range(options.n_kills):
        due = begin + n_wanted * (number + chance.random()) / (options.n_kills + 1)
        until_s = time.monotonic() + _DEADLINE_S
        while administration.ends([_PLACE])[_PLACE] < due:
            assert time.monotonic() < until_s, agent.log_path.read_text()[-3_000:]
            time.sleep(0.02)
        agent.kill()
        agent.start()
        if number % _EARLY_EVERY == 0:
            time.sleep(chance.uniform(0.2, 3.0))
            agent.kill()
            agent.start()


def _wait_for_end(endpoint: KafkaEndpoint, stream: str, last: Event) -> None:
    until_s = time.monotonic() + _DEADLINE_S
    end = -1
    while last not in scores_on(endpoint, stream, since=max(end - 5_000, 0)):
        assert time.monotonic() < until_s, "the last watermark did not come through"
        time.sleep(0.5)
        end = Administration(endpoint).ends([_PLACE])[_PLACE]


def _stored(endpoints: Endpoints, stream: str, *, n_wanted: int) -> int:
    """How many scores Postgres has, once it has those that are wanted, or no more come."""
    until_s = time.monotonic() + _DEADLINE_S
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        while True:
            row = pool.row("SELECT count(*) FROM sentiments WHERE stream = %s", (stream,))
            n = 0 if row is None else int(row[0])
            if n >= n_wanted or time.monotonic() > until_s:
                return n
            time.sleep(0.5)


def _n_articles(fed: Sequence[Sequence[Event]]) -> int:
    return sum(len(events) - 1 for events in fed)


def _reference(events: Sequence[Event], scoring: ArticleScoring) -> list[SentimentScored]:
    """Each score once, made here without any log."""
    nowhere = Record(NEWS_ARTICLE.name, 0, 0, None, None, ())
    steps = scoring.events([Step(event, nowhere) for event in events])
    return [step.event for step in steps if isinstance(step.event, SentimentScored)]


def _figures(
    broker: str,
    events: Sequence[Event],
    found: Sequence[Event],
    n_stored: int,
    took_s: float,
    options: Options,
) -> list[Figure]:
    scoring = ArticleScoring(open_named(SCORERS, {}).scorers, prepare)
    ids = [scorer.id for scorer in scoring.scorers]
    reference = _reference(events, scoring)
    verdict = judge_scores(events, found, ids)
    features = judge_features(found, reference, ids)
    made = {codec.encode(event) for event in found if isinstance(event, SentimentScored)}
    n_other = len(made - {codec.encode(event) for event in reference})
    n_early_kills = -(-options.n_kills // _EARLY_EVERY)
    counts: list[tuple[str, float, str, float | None]] = [
        ("kills", options.n_kills + n_early_kills, "kills", None),
        ("articles times assets times scorers", verdict.n_wanted, "scores", None),
        ("scores lost", verdict.n_lost, "scores", 0),
        ("scores that nobody asked for", verdict.n_strange, "scores", 0),
        ("scores unlike a run without kills", n_other, "scores", 0),
        ("scores stated again otherwise", verdict.n_contradicting, "scores", 0),
        ("scores repeated, which readers drop", verdict.n_repeated, "records", None),
        ("watermarks before their scores", verdict.n_early, "watermarks", 0),
        ("last watermark missing", int(not verdict.is_ended), "watermarks", 0),
        ("rows of Postgres missing or too many", abs(n_stored - verdict.n_wanted), "rows", 0),
        ("news feature rows", features.n_rows, "rows", None),
        ("news feature rows unlike the batch", features.n_different, "rows", 0),
        ("first article to last watermark", took_s, "s", None),
    ]
    return [
        Figure(
            metric=f"{broker}: {metric}",
            value=value,
            unit=unit,
            bar=bar,
            holds=None if bar is None else value == bar,
        )
        for metric, value, unit, bar in counts
    ]
