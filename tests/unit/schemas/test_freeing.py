"""Memory is given back when few records follow many."""

from schemas.wire.clocks import ManualClock
from schemas.wire.freeing import Freeing


def test_memory_is_given_back_once_after_much_work() -> None:
    """many, many, few: freed with the few, and not again before as many have come and some time has passed."""
    clock = ManualClock(now_ms=1_000_000)
    freeing = Freeing(clock)
    assert [freeing.after(n) for n in (15_000, 15_000, 10, 10, 0)] == [False, False, True, False, False]
    assert not freeing.after(50_000)
    assert not freeing.after(0)
    clock.sleep(31)
    assert freeing.after(0)
