"""How a worker runs: the sizes and times that its runtime goes by."""

import msgspec

from schemas.wire.settings import KafkaEndpoint


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs.

    Attributes:
        worker_id: Distinguishes the workers of one job. It is part of the transactional id and names the
            member of the group.
        max_batch: The most records in one transaction; a smaller backlog gives smaller batches. With
            20,000, committing a batch took longer than stepping the next one, which cost a quarter of the
            rate.
        poll_s: How long an idle poll waits, in seconds.
        commit_every_s: How often offsets without outputs are committed. Outputs are committed at once.
        checkpoint_every_s: The least time between two checkpoints of an operator. It is longer on the
            embedded broker, which never compacts.
        checkpoint_at_least_every_s: The longest time between two checkpoints while messages come.
        checkpoint_messages_per_key: Between these two times a checkpoint is due once this many messages
            were stepped for each key that the last checkpoint wrote. With 10,000 instruments that trade
            rarely, a checkpoint every second would write as much as is read.
        checkpoint_every_records: A checkpoint is due at the latest after this many messages, so that a
            restart has little to step again.
        transaction_s: The time budget of a commit, in seconds.
        session_s: How long the group keeps the share of a worker that it does not hear of. It is longer
            than a cluster takes to replace a lost broker.
        stalled_after_s: A partition with records left to read that has not moved for this long, or a step
            that has not ended, has stalled. The worker then publishes an alert and ends, to be started
            again.
    """

    worker_id: str = "0"
    max_batch: int = 40_000
    poll_s: float = 0.2
    commit_every_s: float = 0.2
    checkpoint_every_s: float = 1.0
    checkpoint_at_least_every_s: float = 5.0
    checkpoint_messages_per_key: int = 8
    checkpoint_every_records: int = 1_000_000
    transaction_s: float = 30.0
    session_s: float = 10.0
    stalled_after_s: float = 45.0


def default_settings(endpoint: KafkaEndpoint, *, worker_id: str = "0") -> WorkerSettings:
    """Return the settings for a kind of broker."""
    if endpoint.is_embedded:
        # The embedded broker never compacts, and keeps a record for every commit. At its start candles and
        # features come by the ten thousand, each with outputs of kilobytes, so batches are small.
        return WorkerSettings(
            worker_id=worker_id, max_batch=2_000, checkpoint_every_s=10.0, commit_every_s=0.5
        )
    return WorkerSettings(worker_id=worker_id)
