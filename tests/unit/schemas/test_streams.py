"""Descriptions of streams: what older runs stored is read, and what belongs to no source is refused."""

import msgspec
import pytest

from schemas.errors import ConfigurationError
from schemas.sources import parse_sources, source_of
from schemas.streams import Silence, StreamDescription, StreamKind, StreamSource

#: As the release before several sources stored the replay of a capture.
STORED = (
    b'{"stream":"replay-1","kind":"replay","title":"t","source":"binance","instruments":["BTC-USDT.BINANCE"],'
    b'"origin_ms":0,"warm_up_until_ms":5,"end_ms":9,"speed":1.0,"parameters":{"file":"c.gz","history":null,'
    b'"skew_ms":1273,"lateness_ms":54,"silences":"[[3,7]]"},"created_ms":1}'
)
SPOT = StreamSource(name="binance", instruments=("BTC-USDT.BINANCE",))
FUTURES = StreamSource(name="binance-futures", instruments=("BTC-USDT-PERP.BINANCE",), skew_ms=1269)


def described(*sources: StreamSource, source: str = "binance") -> StreamDescription:
    return StreamDescription(
        stream="live",
        kind=StreamKind.LIVE,
        title="two sources",
        source=source,
        instruments=("BTC-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"),
        origin_ms=0,
        warm_up_until_ms=0,
        end_ms=None,
        speed=1.0,
        parameters={},
        created_ms=0,
        sources=sources,
    )


def test_description_that_an_older_release_stored_has_its_one_source_with_its_clock() -> None:
    found = msgspec.json.decode(STORED, type=StreamDescription)
    assert found.sources == (
        StreamSource(
            name="binance",
            instruments=("BTC-USDT.BINANCE",),
            skew_ms=1273,
            lateness_ms=54,
            silences=(Silence(3, 7),),
        ),
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=StreamDescription) == found


def test_description_states_the_source_of_each_instrument() -> None:
    description = described(SPOT, FUTURES)
    assert description.source_of("BTC-USDT-PERP.BINANCE") == "binance-futures"
    assert msgspec.json.decode(msgspec.json.encode(description), type=StreamDescription) == description


@pytest.mark.parametrize(
    "sources",
    [(SPOT,), (SPOT, SPOT), (SPOT, FUTURES, FUTURES), (FUTURES, SPOT)],
    ids=["an instrument without", "one twice", "an instrument in two", "another first"],
)
def test_instruments_that_do_not_each_belong_to_one_source_are_refused(
    sources: tuple[StreamSource, ...],
) -> None:
    with pytest.raises(ValueError, match="must belong to one source"):
        described(*sources)


def test_source_is_named_after_the_venue_unless_it_is_stated() -> None:
    stated = parse_sources("binance-futures:BTC-USDT-PERP.BINANCE, ETH-USDT-PERP.BINANCE; other:X-Y.Z")
    assert source_of("ETH-USDT-PERP.BINANCE", stated) == "binance-futures"
    assert source_of("BTC-USDT.BINANCE", stated) == "binance"
    assert parse_sources(None) == parse_sources(" ") == {}


@pytest.mark.parametrize("text", ["binance", "a:nothing", ":BTC-USDT.BINANCE", "a:X-Y.Z;b:X-Y.Z"])
def test_sources_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DRIFTLINE_SOURCES"):
        parse_sources(text)
