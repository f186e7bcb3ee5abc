"""Names and times: instruments, intervals, streams, features."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.features import FeatureDeclaration, FeatureSpec
from schemas.instruments import Instrument, is_instrument, parse_instrument
from schemas.streams import StreamKind, kind_of_stream, stream_id
from schemas.time import Interval, bar_start_ms, milliseconds_from_microseconds
from schemas.wire.clocks import ManualClock

symbols = st.text("ABCXYZ019", min_size=1, max_size=6)


@given(symbols, symbols.filter(lambda quote: quote != "PERP"), symbols, st.booleans())
def test_instrument_comes_back_from_its_name(base: str, quote: str, venue: str, is_perpetual: bool) -> None:  # noqa: FBT001
    instrument = Instrument(base=base, quote=quote, venue=venue, is_perpetual=is_perpetual)
    assert parse_instrument(str(instrument)) == instrument


@pytest.mark.parametrize(
    "name",
    [
        "",
        "BTC",
        "BTC-USDT",
        "btc-usdt.binance",
        "BTC-USDT.",
        "BTC-USDT-PERP-X.B",
        " BTC-USDT.B",
        "BTC-USDT.B\n",
    ],
)
def test_name_of_another_form_is_refused(name: str) -> None:
    """A name with a newline behind it passed, since ``$`` also matches before one."""
    assert not is_instrument(name)
    with pytest.raises(ConfigurationError, match="BTC-USDT"):
        parse_instrument(name)


def test_only_the_reserved_venue_is_simulated() -> None:
    assert parse_instrument("BTC-USDT.SIMULATED").is_simulated
    assert not parse_instrument("BTC-USDT.BINANCE").is_simulated


@given(st.integers(-(2**53), 2**53), st.sampled_from(Interval))
def test_bar_of_a_time_holds_it(time_ms: int, interval: Interval) -> None:
    start_ms = bar_start_ms(time_ms, interval)
    assert start_ms % interval.milliseconds == 0
    assert start_ms <= time_ms < start_ms + interval.milliseconds


@given(st.integers(-(2**53), 2**53))
def test_microseconds_are_floored(time_us: int) -> None:
    time_ms = milliseconds_from_microseconds(time_us)
    assert time_ms * 1000 <= time_us < time_ms * 1000 + 1000


def test_stream_is_a_function_of_its_facts_whatever_their_order() -> None:
    first = stream_id(StreamKind.REPLAY, {"file": "abc", "from_ms": 1, "to_ms": None})
    assert first == stream_id(StreamKind.REPLAY, {"to_ms": None, "from_ms": 1, "file": "abc"})
    assert first != stream_id(StreamKind.REPLAY, {"file": "abc", "from_ms": 2, "to_ms": None})
    assert first.startswith("replay-")
    assert len(first) == len("replay-") + 12


@pytest.mark.parametrize("kind", StreamKind)
def test_kind_of_a_stream_is_read_from_its_id(kind: StreamKind) -> None:
    assert kind_of_stream(stream_id(kind, {"at": "http://127.0.0.1:8099"})) is kind


def test_stream_that_names_no_kind_is_live_and_a_mirror_never_is() -> None:
    assert kind_of_stream("live") is StreamKind.LIVE
    assert kind_of_stream("mirror-0123456789ab") is StreamKind.MIRROR
    assert [kind for kind in StreamKind if kind.runs_by_wall_clock] == [StreamKind.LIVE, StreamKind.MIRROR]


def declared(**changes: object) -> FeatureSpec:
    fields = {
        "name": "log_return_1",
        "unit": "dimensionless",
        "memory_bars": 2,
        "warm_up_bars": 2,
        "source": "here",
    }
    return FeatureSpec(features=(FeatureDeclaration(**(fields | changes)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [{"name": "other"}, {"memory_bars": 3}, {"warm_up_bars": 3}, {"version": 2}, {"unit": "per bar"}],
)
def test_hash_of_a_feature_set_changes_with_each_of_its_declarations(change: dict[str, object]) -> None:
    assert declared().hash == declared().hash
    assert declared(**change).hash != declared().hash


def test_manual_clock_stands_still_until_it_sleeps() -> None:
    clock = ManualClock(now_ms=5)
    assert (clock.now_ms(), clock.now_ms()) == (5, 5)
    clock.sleep(1.5)
    clock.sleep(-1.0)
    assert (clock.now_ms(), clock.monotonic_s()) == (1505, 1.505)
