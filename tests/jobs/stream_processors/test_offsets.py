"""What a worker commits of batches that lead to nothing."""

import time
from uuid import uuid4

from schemas.topics import PREDICTIONS
from schemas.wire.administration import Administration
from schemas.wire.settings import KafkaEndpoint
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.runtime.workers import run_job
from tests.fixtures.logs import PARTITION, publish
from tests.fixtures.market_events import MINUTE, prediction


def test_offsets_of_batches_without_outputs_are_committed_one_after_the_other(
    quiet_kafka: KafkaEndpoint,
) -> None:
    """The embedded broker forgets the offsets of a transaction that holds no record, but for the first:
    the label join stood a minute behind what it had read, and sources waited for readers that were through."""
    stream, n_published, deadline = f"replay-{uuid4().hex[:12]}", 0, time.monotonic() + 60
    administration, where = Administration(quiet_kafka), (PREDICTIONS.name, PARTITION)

    def stop() -> bool:
        nonlocal n_published
        assert time.monotonic() < deadline, "the offsets were not committed in time"
        committed = administration.committed("driftline-outcomes", [where]).get(where, 0)
        if committed < administration.ends([where])[where] or n_published == 4:
            return committed >= administration.ends([where])[where]
        publish(quiet_kafka, PREDICTIONS, [prediction(n_published * MINUTE, stream=stream)])
        n_published += 1
        return False

    run_job(outcomes_job([]), endpoint=quiet_kafka, views=None, stop=stop)
    assert n_published == 4
