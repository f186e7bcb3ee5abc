"""What a new live run states of itself."""

import pytest

from producers.jobs.live_descriptions import describe_live
from producers.settings import ProducerSettings
from producers.sources.binance.spot import SPOT_TRAITS
from producers.sources.coinbase.exchange import COINBASE_TRAITS
from producers.sources.kraken.spot import KRAKEN_TRAITS

MINUTE_MS, DAY_MS = 60_000, 86_400_000
NOW_MS = 1_796_052_000_000


@pytest.mark.parametrize(("seconds", "ends_ms"), [(0, -MINUTE_MS), (9, -MINUTE_MS), (20, 0), (59, 0)])
def test_the_history_ends_with_a_minute_that_every_venue_hands_out(seconds: int, ends_ms: int) -> None:
    """A run that began within 10 s of a minute waited for ever for Coinbase's last candle, and trained no model."""
    settings = ProducerSettings.model_validate({"source": "live"})
    made = describe_live(settings, NOW_MS + seconds * 1000, history_ms=DAY_MS)
    assert made.warm_up_until_ms == NOW_MS + ends_ms


@pytest.mark.parametrize("second", range(60))
def test_no_venue_settles_later_than_the_history_ends(second: int) -> None:
    longest_s = max(traits.settles_s for traits in (SPOT_TRAITS, COINBASE_TRAITS, KRAKEN_TRAITS))
    now_ms = NOW_MS + second * 1000
    made = describe_live(ProducerSettings.model_validate({"source": "live"}), now_ms, history_ms=DAY_MS)
    assert now_ms - made.warm_up_until_ms >= longest_s * 1000
