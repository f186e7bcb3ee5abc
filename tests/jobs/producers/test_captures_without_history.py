"""A capture without HISTORY has a bar of each of its whole minutes, the first one included.

The numbers are those of a short script with pandas (``tests/fixtures/captures.py``).
"""

from pathlib import Path

import pandas as pd
import pytest

from producers.jobs.replaying import replay
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas.errors import ConfigurationError
from schemas.events import BarClosed
from schemas.time import text_of_time
from tests.fixtures.captures import IDS_ALWAYS_ZERO, MINUTE_MS, history_before, minutes_of_capture, rewritten
from tests.jobs.producers.test_trade_ids_start_again import FIRST_MS, described, made_of, outlet_of
from tests.unit.producers.fakes import RememberingHistory
from tests.unit.producers.test_sessions import session_of

pytestmark = pytest.mark.recorded


@pytest.fixture
def settings(recorded_data: Path, tmp_path: Path) -> ProducerSettings:
    path = rewritten(
        recorded_data / IDS_ALWAYS_ZERO, tmp_path / "capture.gz", lambda line: 3_719_000_000 + line
    )
    return ProducerSettings.from_environment({}, data=path, stream="replay-capture", speed=0.0)


@pytest.fixture
def expected(recorded_data: Path) -> pd.DataFrame:
    return minutes_of_capture(recorded_data / IDS_ALWAYS_ZERO)


def test_first_whole_minute_has_a_bar(settings: ProducerSettings, expected: pd.DataFrame) -> None:
    """The minute in which the first trade came made no bar, although the recorder was there from its start."""
    session = session_of(settings, RememberingHistory())
    warm_up(session)
    assert replay(session)
    bars = [event for event in made_of(outlet_of(session)) if isinstance(event, BarClosed)]
    pd.testing.assert_frame_equal(described(bars), expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("n_published", [1, 3, 2_000])
def test_first_whole_minute_has_a_bar_when_the_log_was_lost(
    settings: ProducerSettings, expected: pd.DataFrame, n_published: int
) -> None:
    history = RememberingHistory()
    asked = iter(range(n_published))
    before = session_of(settings, history, is_stopped=lambda: next(asked, None) is None)
    warm_up(before)
    assert not replay(before)
    history.store(outlet_of(before).events())
    after = session_of(settings, history)
    warm_up(after)
    assert replay(after)
    bars = [event for event in made_of(outlet_of(after)) if isinstance(event, BarClosed)]
    pd.testing.assert_frame_equal(described(bars), expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("until_ms", [FIRST_MS - MINUTE_MS, FIRST_MS + 3_600_000])
def test_a_history_that_does_not_reach_the_trades_is_refused_with_its_own_stretch(
    settings: ProducerSettings, tmp_path: Path, until_ms: int
) -> None:
    """One whose candles begin after the trades is none, and neither is one that ends a minute before them."""
    history = history_before(tmp_path, until_ms=until_ms, n_minutes=30)
    with pytest.raises(
        ConfigurationError, match="HISTORY must hold the candles up to 2024-08-09 00:01"
    ) as told:
        session_of(settings.model_copy(update={"history": history}), RememberingHistory())
    assert (
        f"holds {text_of_time(until_ms - 30 * MINUTE_MS, 'minute')} .. {text_of_time(until_ms, 'minute')}"
        in str(told.value)
    )
