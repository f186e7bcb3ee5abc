"""Writing into a store that refuses rows, takes no writes for a time, or takes little at a time."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ContractError, RowRefusedError, StoreUnavailableError
from schemas.wire.clocks import ManualClock
from schemas.wire.kafka import Record
from stream_processors.runtime.sinks import BatchWriter, ReadableMessage, ReceivedEvent
from tests.fixtures.market_events import tick


class FakeStore:
    """A store of trade ids: whole batches or nothing.

    Args:
        refused: What it never takes.
        outages: How many of its next calls fail, one number per stretch between rows that it took.
        n_at_once: The most rows that it can take in one call.
    """

    def __init__(
        self, *, refused: set[int] | None = None, outages: Sequence[int] = (), n_at_once: int = 10_000
    ) -> None:
        self.stored: list[int] = []
        self.n_calls = 0
        self._refused = refused or set()
        self._outages = list(outages)
        self._n_at_once = n_at_once

    def write(self, batch: Sequence[ReceivedEvent]) -> None:
        self.n_calls += 1
        if self._outages and self._outages[0] > 0:
            self._outages[0] -= 1
            message = "Postgres: could not extend file: No space left on device (SQLSTATE 53100)"
            raise StoreUnavailableError(message)
        if len(batch) > self._n_at_once:
            message = "Postgres: canceling statement due to statement timeout (SQLSTATE 57014)"
            raise StoreUnavailableError(message)
        ids = [received.event.trade_id for received in batch]  # type: ignore[attr-defined]
        if self._refused & set(ids):
            message = "Postgres refuses the row: 23514"
            raise RowRefusedError(message)
        self.stored += ids
        self._outages = self._outages[1:]


def batch_of(n: int) -> list[ReadableMessage]:
    return [
        (
            Record("market.tick.v1", 0, i, None, b"", (), None),
            ReceivedEvent("market.tick.v1", 0, tick(i, trade_id=i)),
        )
        for i in range(n)
    ]


class Letters:
    def __init__(self) -> None:
        self.offsets: list[int] = []

    def put_aside(self, record: Record, error: ContractError) -> None:
        assert "23514" in str(error)
        self.offsets.append(record.offset)


def writing(store: FakeStore, letters: Letters, clock: ManualClock) -> BatchWriter:
    return BatchWriter(
        "history", write=store.write, put_aside=letters.put_aside, idle=clock.sleep, clock=clock
    )


@given(
    n=st.integers(0, 60),
    refused=st.sets(st.integers(0, 59)),
    outages=st.lists(st.integers(0, 12), max_size=10),
    n_at_once=st.integers(1, 60),
)
def test_every_row_is_stored_once_in_order_or_put_aside(
    n: int, refused: set[int], outages: list[int], n_at_once: int
) -> None:
    """A row refused for an unforeseen reason held the sink up for ever, and all that came behind it."""
    store, letters = FakeStore(refused=refused, outages=outages, n_at_once=n_at_once), Letters()
    assert writing(store, letters, ManualClock()).write(batch_of(n), stop=lambda: False)
    assert store.stored == [i for i in range(n) if i not in refused]
    assert letters.offsets == [i for i in range(n) if i in refused]


def test_refused_row_is_found_in_few_steps() -> None:
    store, letters = FakeStore(refused={4_321}), Letters()
    writing(store, letters, ManualClock()).write(batch_of(10_000), stop=lambda: False)
    assert store.n_calls < 60


def test_store_that_takes_no_writes_is_waited_for_and_asked_seldom() -> None:
    store, clock = FakeStore(outages=[200]), ManualClock()
    assert writing(store, Letters(), clock).write(batch_of(3), stop=lambda: False)
    assert store.stored == [0, 1, 2]
    assert clock.monotonic_s() > 900.0


def test_waiting_ends_when_asked_to_stop_and_nothing_counts_as_written() -> None:
    store, letters = FakeStore(outages=[10**9]), Letters()
    assert not writing(store, letters, ManualClock()).write(batch_of(3), stop=lambda: True)
    assert (store.stored, letters.offsets) == ([], [])
