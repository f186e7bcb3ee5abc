"""Generates the market minute by minute: regime, volatility, and the price at the end of each minute.

The log-volatility is a mean-reverting walk around the level of a regime (calm, normal, turbulent), and the
regime is a Markov chain. The price follows this volatility, rare jumps, and the planted pattern. The states
are computed recursively from the origin on, with the draws of each hour. A fortnight takes some 50 ms.

Source:
    Taylor (1986), stochastic volatility; Merton (1976), jumps; Hamilton (1989), regimes.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.simulated.chance import DrawPurpose, generator
from producers.sources.simulated.parameters import MarketParameters

MINUTES = 60
HOUR_MS = 3_600_000
QUARTER = 15
#: Standard deviation of a minute's log return in the normal regime; June 2025 had 4.5e-4.
TYPICAL_VOLATILITY = 4.5e-4
REGIMES = ("calm", "normal", "turbulent")
_REGIME_LEVEL = (math.log(0.6), 0.0, math.log(2.0))
#: Chance per minute of leaving a regime: they last some 8, 8 and 3 hours.
_LEAVING = (1 / 480, 1 / 480, 1 / 180)
_PERSISTENCE = 0.985
_VOLATILITY_OF_VOLATILITY = 0.06
_JUMPS_PER_MINUTE = 1 / 720
_JUMP_SIZE = 6.0
#: Returns are counted up to this many standard deviations in what is planted.
_CLIP = 3.0


class HourOfStates(NamedTuple):
    """The minutes of one hour. Each array has shape (60,).

    Attributes:
        hour: Hours since the Unix epoch.
        open: The price at the start of the minute, quote per base.
        close: The price at the end of the minute.
        volatility: The standard deviation of the log return of the minute.
        activity: The number of trades as a multiple of the typical number.
        regime: The number of the regime in :data:`REGIMES`.
    """

    hour: int
    open: NDArray[np.float64]
    close: NDArray[np.float64]
    volatility: NDArray[np.float64]
    activity: NDArray[np.float64]
    regime: NDArray[np.int64]


class _State:
    """The state at the end of a minute, from which the next minute is computed."""

    def __init__(self, parameters: MarketParameters) -> None:
        self.log_price = math.log(parameters.start_price)
        self.log_volatility = 0.0
        self.regime = 1
        self.quarter_return = 0.0
        self.quarter_variance = 0.0
        self.pull = 0.0


class MarketStates:
    """The states of every hour since the origin, computed when they are first needed and then kept.

    Args:
        parameters: The parameters of the market.
        origin_ms: When the market begins, a whole hour.
    """

    def __init__(self, parameters: MarketParameters, origin_ms: int) -> None:
        self._parameters = parameters
        self._first = origin_ms // HOUR_MS
        self._state = _State(parameters)
        self._hours: list[HourOfStates] = []
        drift = parameters.drift_hours
        self._drift_minute = None if drift is None else round(drift * MINUTES)

    def hour(self, hour: int) -> HourOfStates:
        """Return the states of an hour since the epoch.

        Raises:
            ValueError: If the hour lies before the origin.
        """
        if hour < self._first:
            message = f"the market begins at hour {self._first}, asked for {hour}"
            raise ValueError(message)
        while self._first + len(self._hours) <= hour:
            self._hours.append(self._next_hour(self._first + len(self._hours)))
        return self._hours[hour - self._first]

    def _next_hour(self, hour: int) -> HourOfStates:
        chance = generator(seed=self._parameters.seed, hour=hour, purpose=DrawPurpose.STATES)
        shocks = chance.standard_normal((MINUTES, 3)).tolist()
        luck = chance.random((MINUTES, 3)).tolist()
        since_origin = (hour - self._first) * MINUTES
        rows = [self._next_minute(since_origin + i, shocks[i], luck[i]) for i in range(MINUTES)]
        opened, closed, volatility, activity, regime = zip(*rows, strict=True)
        return HourOfStates(
            hour,
            np.array(opened),
            np.array(closed),
            np.array(volatility),
            np.array(activity),
            np.array(regime, dtype=np.int64),
        )

    def _next_minute(
        self, minute: int, shocks: list[float], luck: list[float]
    ) -> tuple[float, float, float, float, int]:
        state = self._state
        has_drifted = self._drift_minute is not None and minute >= self._drift_minute
        if luck[0] < _LEAVING[state.regime]:
            state.regime = (state.regime + (1 if luck[1] < 0.5 else 2)) % len(REGIMES)
        level = _REGIME_LEVEL[state.regime]
        state.log_volatility += (1 - _PERSISTENCE) * (level - state.log_volatility)
        state.log_volatility += _VOLATILITY_OF_VOLATILITY * shocks[0]
        volatility = TYPICAL_VOLATILITY * math.exp(state.log_volatility) * (2.0 if has_drifted else 1.0)
        if minute % QUARTER == 0:
            self._begin_quarter(sign=1.0 if has_drifted else -1.0)
        jump = _JUMP_SIZE * shocks[2] if luck[2] < _JUMPS_PER_MINUTE else 0.0
        # Half the variance is taken off, so that the price and not its logarithm is the martingale.
        log_return = volatility * (shocks[1] + jump + state.pull) - volatility * volatility / 2
        opened = math.exp(state.log_price)
        state.log_price += log_return
        state.quarter_return += log_return
        state.quarter_variance += volatility * volatility
        activity = math.exp(0.7 * state.log_volatility) * (1 + min(4.0, 0.3 * abs(shocks[1] + jump)))
        return opened, math.exp(state.log_price), volatility, activity, state.regime

    def _begin_quarter(self, *, sign: float) -> None:
        """Set the planted pull of a new quarter-hour: the return of the last one, in its standard deviations."""
        state = self._state
        if state.quarter_variance > 0:
            score = state.quarter_return / math.sqrt(state.quarter_variance)
            score = max(-_CLIP, min(_CLIP, score))
            state.pull = sign * self._parameters.edge * score / math.sqrt(QUARTER)
        state.quarter_return = state.quarter_variance = 0.0
