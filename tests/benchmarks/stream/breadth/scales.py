"""For how many instruments, and how long."""

import msgspec


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    Attributes:
        n_minutes: Measured at full speed, 100 ticks of each instrument in each.
        speed: Event time over the clock when minutes close by the clock: as many ticks a second as
            10,000 instruments have in life, or fewer.
        n_closes: Minutes that close by the clock; of few instruments twice as many as lie between two
            whole states of one, so that what is logged of them is an average.
        n_kills: Times that the worker is killed by SIGKILL while ticks come.
        recovery_bar_s: Within which it must commit again; None where nothing is promised.
        close_bar_s: Within which a minute's last row must be committed.
    """

    n_instruments: int
    n_minutes: int
    speed: float
    n_closes: int
    n_kills: int
    recovery_bar_s: float | None = None
    close_bar_s: float | None = None


FULL = (
    Scale(n_instruments=8, n_minutes=1_250, speed=60.0, n_closes=56, n_kills=8, recovery_bar_s=8.0),
    Scale(n_instruments=100, n_minutes=100, speed=60.0, n_closes=56, n_kills=3),
    Scale(n_instruments=1_000, n_minutes=10, speed=6.0, n_closes=10, n_kills=3, close_bar_s=1.0),
    Scale(
        n_instruments=10_000,
        n_minutes=2,
        speed=1.0,
        n_closes=4,
        n_kills=3,
        recovery_bar_s=30.0,
        close_bar_s=5.0,
    ),
)
QUICK = (
    Scale(n_instruments=8, n_minutes=20, speed=60.0, n_closes=3, n_kills=1, recovery_bar_s=8.0),
    Scale(n_instruments=100, n_minutes=2, speed=60.0, n_closes=3, n_kills=1),
)
