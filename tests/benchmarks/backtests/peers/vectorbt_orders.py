"""vectorbt: the positions as target shares of equity, traded at the next close, and its statistics."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import vectorbt as vbt


def run(closes: pd.Series, positions: pd.Series, cost: float) -> tuple[float, float]:
    """Seconds, and the last equity from 1."""
    began_s = time.perf_counter()
    portfolio = vbt.Portfolio.from_orders(
        closes, size=positions, size_type="targetpercent", fees=cost, init_cash=1.0, freq="1min"
    )
    portfolio.stats()
    equity = float(portfolio.value().iloc[-1])
    return time.perf_counter() - began_s, equity


def main() -> None:
    """The best of three, behind a first run that compiles."""
    folder, cost = Path(sys.argv[1]), float(sys.argv[2]) / 1e4
    index = pd.date_range("2024-01-01", periods=len(np.load(folder / "closes.npy")), freq="1min")
    closes = pd.Series(np.load(folder / "closes.npy"), index)
    positions = pd.Series(np.load(folder / "positions.npy"), index).shift(1)
    positions.iloc[-1] = 0.0
    runs = [run(closes, positions, cost) for _ in range(4)]
    seconds, equity = min(runs[1:])
    sys.stdout.write(json.dumps({"seconds": seconds, "equity": equity, "version": vbt.__version__}) + "\n")


if __name__ == "__main__":
    main()
