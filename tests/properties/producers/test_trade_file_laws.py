"""A file of trades with any faults is read to its true trades, or refused in one line; nothing is wrong in silence."""

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.normalise.trades import TradeKind
from producers.sources.files.trades.filters import TradeFilter
from schemas.streams import Silence
from tests.fakes.trade_faults import faulty_file
from tests.fakes.trade_files import trades
from tests.fuzzing.trade_files import fate_of

TRADES = trades(120)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_file_with_any_faults_is_read_to_its_true_trades_or_refused_in_one_line(
    tmp_path: Path, seed: int
) -> None:
    fate_of(faulty_file(tmp_path, TRADES, seed))


def test_hardly_any_faulty_file_is_refused(tmp_path: Path) -> None:
    found = Counter(fate_of(faulty_file(tmp_path, TRADES, seed)) for seed in range(200))
    assert found["read"] > 150


times = st.integers(0, 1_000)


@given(
    known=st.lists(times, min_size=1),
    leads=st.lists(st.integers(-50, 50), min_size=1),
    bounds=st.tuples(times, times),
    silences=st.lists(st.tuples(times, st.integers(1, 100)), max_size=3),
    is_stamped=st.booleans(),
)
def test_filter_says_of_one_trade_what_it_says_of_many(
    known: list[int],
    leads: list[int],
    bounds: tuple[int, int],
    silences: list[tuple[int, int]],
    *,
    is_stamped: bool,
) -> None:
    begins = sorted({begin for begin, _ in silences})
    chosen = TradeFilter(
        is_stamped=is_stamped,
        kind=TradeKind.SINGLE,
        first_known_ms=min(bounds),
        last_known_ms=max(bounds),
        lead_from_ms=-20,
        lead_until_ms=30,
        rows_aside=((2, 2), (5, 7)),
        silences=tuple(
            Silence(begin, min(begin + 60, after))
            for begin, after in zip(begins, [*begins[1:], 2_000], strict=False)
        ),
    )
    pairs = [(time, time + lead) for time, lead in zip(known, leads * len(known), strict=False)]
    rows = np.arange(len(pairs)) + 1
    many = chosen.accepted(rows, np.array([k for k, _ in pairs]), np.array([t for _, t in pairs]))
    assert many.tolist() == [chosen.accepts(row, k, t) for row, (k, t) in enumerate(pairs, start=1)]
