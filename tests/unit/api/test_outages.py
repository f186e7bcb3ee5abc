"""A store that has just failed is left alone for a moment."""

import pytest

from api.reading.outages import Outage
from schemas.errors import StoreUnavailableError
from schemas.wire.clocks import ManualClock


def failing(outage: Outage) -> None:
    with outage.watched():
        message = "Redis: refused"
        raise StoreUnavailableError(message)


def test_after_a_failure_the_store_is_not_asked_until_the_pause_is_over():
    clock = ManualClock()
    outage = Outage(clock, pause_s=2.0)
    asked = []
    with pytest.raises(StoreUnavailableError):
        failing(outage)
    with pytest.raises(StoreUnavailableError, match="refused"), outage.watched():
        asked.append("too early")
    clock.sleep(2.0)
    with outage.watched():
        asked.append("again")
    assert asked == ["again"]


def test_another_error_is_no_outage():
    outage = Outage(ManualClock())
    with pytest.raises(KeyError), outage.watched():
        raise KeyError
    with outage.watched():
        pass
