"""The setting that lists targets, and its parser."""

import pytest

from schemas.targets import Target, TargetPair, parse_target, parse_targets
from schemas.time import Interval

M15, H1, MINUTE = Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR, Interval.ONE_MINUTE


def test_a_target_is_an_interval_and_a_horizon():
    assert parse_target(" 15m : 1h ") == TargetPair(M15, H1)


@pytest.mark.parametrize("pair", [TargetPair(first, second) for first in Interval for second in Interval])
def test_every_pair_is_read_back_as_it_is_written(pair):
    assert parse_target(str(pair)) == pair


@pytest.mark.parametrize(
    "text", ["", "15m", "15m:", ":15m", "15m-15m", "2m:2m", "1m:1m:1m", "15M:15m", "15m:15m,"]
)
def test_another_form_is_refused_with_the_allowed_one(text):
    with pytest.raises(ValueError, match="must look like 15m:1h"):
        parse_target(text)


def test_targets_come_in_their_order_and_each_once():
    assert parse_targets("1h:1h, 1m:1m,1h:1h") == (TargetPair(H1, H1), TargetPair(MINUTE, MINUTE))


@pytest.mark.parametrize("text", ["", "15m:15m,", "15m:15m,,1m:1m"])
def test_a_list_with_a_gap_is_refused(text):
    with pytest.raises(ValueError, match="must look like 15m:1h"):
        parse_targets(text)


def test_a_target_of_a_run_has_a_pair():
    assert Target("live", "BTC-USDT.BINANCE", M15, H1).pair == TargetPair(M15, H1)
