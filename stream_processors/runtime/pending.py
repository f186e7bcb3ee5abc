"""What follows from a batch of messages, until it is committed as a whole."""

from typing import NamedTuple

from schemas.errors import ContractError
from schemas.events import Event
from schemas.wire.kafka import Positions, Record
from stream_processors.operators.protocols import MOST_OUTPUTS, Output
from stream_processors.runtime.checkpointing import Checkpoint


class DueOutput(NamedTuple):
    """An output that is to be published.

    Attributes:
        partition: The number of the input's partition.
        output: The event with its topic and key.
        trace_id: The trace id of the message that triggered it.
    """

    partition: int
    output: Output
    trace_id: str | None


class PendingCommit:
    """What follows from messages, until it is committed.

    Args:
        needs_checkpoint: See the attribute.

    Attributes:
        outputs: The outputs to publish, in order.
        dead: Messages that break the contract, each with the error.
        seen: Events of the inputs that a view may show.
        checkpoints: The checkpoints to write, by partition number.
        positions: The offsets to commit.
        needs_checkpoint: Whether every task writes a checkpoint with this commit.
        bound: The numbers of the tasks whose outputs must be committed together with their state.
        n_messages: How many messages of the inputs were stepped.
    """

    def __init__(self, *, needs_checkpoint: bool = False) -> None:
        self.outputs: list[DueOutput] = []
        self.dead: list[tuple[Record, ContractError]] = []
        self.seen: list[Event] = []
        self.checkpoints: dict[int, Checkpoint] = {}
        self.positions: Positions = {}
        self.needs_checkpoint = needs_checkpoint
        self.bound: set[int] = set()
        self.n_messages = 0

    @property
    def is_urgent(self) -> bool:
        """Whether it must be committed at once: it has outputs, dead letters or a checkpoint."""
        return bool(self.outputs or self.dead or self.checkpoints or self.needs_checkpoint)

    @property
    def has_many_outputs(self) -> bool:
        """Whether nothing more may be stepped into it, so that its memory stays bounded.

        Outputs are counted by number and not by bytes: they become bytes only in the committing thread, and
        encoding them earlier would take that time from the stepping thread.
        """
        return len(self.outputs) >= MOST_OUTPUTS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.is_urgent or self.positions)
