"""An alias means what is left once all that is known has narrowed it, or the error says what to add."""

import msgspec
import pytest

from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.errors import ConfigurationError, NotReadyError
from schemas.time import Interval
from trainers.registry.aliases import meant_lines

REAL = ModelTarget(
    instrument="BTC-USDT.BINANCE", interval=Interval.FIFTEEN_MINUTES, horizon=Interval.FIFTEEN_MINUTES
)
MINUTES = msgspec.structs.replace(REAL, interval=Interval.ONE_MINUTE, horizon=Interval.ONE_MINUTE)
SIMULATED = msgspec.structs.replace(REAL, instrument="BTC-USDT.SIM")


def line(target, *, stream="replay-1", at=1, version="v"):
    return LedgerEntry(
        alias="champion",
        target=target,
        version=version,
        model_hash="h",
        stream=stream,
        effective_from_ms=at,
        recorded_ms=at,
        reason="a test",
    )


def meant(lines, **known):
    return meant_lines(lines, "champion", **{"stream": None, "target": None, **known})


def test_of_several_streams_the_newest_is_meant():
    lines = [line(REAL, version="old"), line(REAL, stream="replay-2", at=2, version="new")]
    assert [one.version for one in meant(lines)] == ["new"]
    assert [one.version for one in meant(lines, stream="replay-1")] == ["old"]


def test_the_datas_instrument_narrows():
    lines = [line(REAL), line(SIMULATED, stream="sim-1", at=2)]
    assert meant(lines, instrument="BTC-USDT.BINANCE") == lines[:1]
    with pytest.raises(NotReadyError, match=r"--target BTC-USDT\.SIM:15m:15m --stream sim-1"):
        meant(lines, instrument="ETH-USDT.BINANCE")


@pytest.mark.parametrize("other", [MINUTES, SIMULATED])
def test_the_words_that_the_error_lists_are_the_words_that_work(other):
    lines = [line(REAL), line(other)]
    with pytest.raises(ConfigurationError) as caught:
        meant(lines)
    choices = str(caught.value).split("add one of: ")[1].split("; ")
    assert len(choices) == 2
    found = []
    for choice in choices:
        _, target, _, stream = choice.split()
        found += meant(lines, target=target, stream=stream)
    assert {one.target for one in found} == {REAL, other}


def test_every_line_of_the_one_that_is_meant_comes_back_oldest_first():
    lines = [line(REAL, version="a"), line(MINUTES, at=2), line(REAL, at=3, version="b")]
    assert [one.version for one in meant(lines, target="15m:15m")] == ["a", "b"]
