"""``make bench-train``: what it takes to train, to compute features, and to backtest; one table.

The second and third are what ``make bench-features`` and ``make bench-backtest`` measure by themselves.
"""
