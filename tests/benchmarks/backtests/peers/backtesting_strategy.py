"""backtesting.py: the positions as orders of nearly all equity at the next close, and its statistics."""

import json
import sys
import time
from pathlib import Path

import backtesting
import numpy as np
import pandas as pd
from backtesting.lib import FractionalBacktest


class Following(backtesting.Strategy):
    """Turns to the side that was said; what is held stays where the side is the same."""

    positions: np.ndarray = np.empty(0)

    def init(self) -> None:
        """Nothing is computed beforehand."""

    def next(self) -> None:
        """A bar."""
        wanted = self.positions[len(self.data) - 1]
        if wanted > 0 and not self.position.is_long:
            self.buy()
        elif wanted < 0 and not self.position.is_short:
            self.sell()


def main() -> None:
    """One run, since it takes long."""
    folder, cost = Path(sys.argv[1]), float(sys.argv[2]) / 1e4
    closes = np.load(folder / "closes.npy")
    # A decision at a close is traded at the next one: with trade_on_close that is the bar behind it.
    Following.positions = np.concatenate([[np.nan], np.load(folder / "positions.npy")[:-1]])
    index = pd.date_range("2024-01-01", periods=len(closes), freq="1min")
    columns = dict.fromkeys(("Open", "High", "Low", "Close"), closes)
    frame = pd.DataFrame({**columns, "Volume": np.ones(len(closes))}, index)
    began_s = time.perf_counter()
    test = FractionalBacktest(
        frame,
        Following,
        cash=1e6,
        commission=cost,
        trade_on_close=True,
        exclusive_orders=True,
        finalize_trades=True,
    )
    stats = test.run()
    seconds = time.perf_counter() - began_s
    equity = float(stats["Equity Final [$]"]) / 1e6
    sys.stdout.write(
        json.dumps({"seconds": seconds, "equity": equity, "version": backtesting.__version__}) + "\n"
    )


if __name__ == "__main__":
    main()
