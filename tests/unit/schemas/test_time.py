"""How times are read and printed: the two functions that the whole platform uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.time import TimeLook, parse_time, text_of_time

LOOKS: dict[TimeLook, str] = {
    "day": "2025-06-01",
    "minute": "2025-06-01 00:15",
    "second": "2025-06-01 00:15:07",
    "millisecond": "2025-06-01 00:15:07.250",
    "iso": "2025-06-01T00:15:07.250Z",
}
AT_MS = 1_748_736_907_250
FIRST_MS, LAST_MS = parse_time("0001-01-01", ""), parse_time("9999-12-31T23:59:59.999", "")


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_cuts_off_what_is_smaller(look: TimeLook) -> None:
    assert text_of_time(AT_MS, look) == LOOKS[look]


@pytest.mark.parametrize("look", LOOKS)
@given(time_ms=st.integers())
def test_printing_a_time_never_raises(look: TimeLook, time_ms: int) -> None:
    shown = text_of_time(time_ms, look)
    assert (shown == f"{time_ms} ms") == (not FIRST_MS <= time_ms <= LAST_MS)


@given(time_ms=st.integers(FIRST_MS, LAST_MS), look=st.sampled_from(["millisecond", "iso"]))
def test_printed_time_is_read_back_to_the_millisecond(time_ms: int, look: TimeLook) -> None:
    assert parse_time(text_of_time(time_ms, look), "") == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2025-06-01", 1_748_736_000_000),
        (" 2025-06-01T00:00 ", 1_748_736_000_000),
        ("2025-06-01T02:00+02:00", 1_748_736_000_000),
        ("1969-12-31T23:59:59.999900", -1),
        (None, None),
    ],
)
def test_time_is_utc_unless_it_states_an_offset(text: str | None, time_ms: int | None) -> None:
    assert parse_time(text, "FROM") == time_ms


@pytest.mark.parametrize("text", ["", "soon", "2025-13-01", "0001-01-01T00:00+05:00", "10000-01-01"])
def test_what_is_no_time_is_refused_with_what_was_expected_and_what_it_was(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_time(text, "FROM")
    assert str(refused.value) == (
        "FROM must be an ISO time such as 2025-06-01 or 2025-06-01T12:00, in UTC unless it states an offset, "
        f"was {text!r}"
    )
