"""``make bench-backtest``: a year of minutes with a decision every quarter of an hour, ours and the peers'.

Two questions, each with its own figures. How long does the command take, data, features, model,
money and tear sheet included? And how long do ours, vectorbt and backtesting.py take from the same
closes and the same positions to the same equity and its statistics? Peers run in processes and
environments of their own; what their equity ends at is held against ours.
"""
