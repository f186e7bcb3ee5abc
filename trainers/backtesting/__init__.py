"""Backtesting: what a model would have predicted, traded and earned, with costs and the lag of execution; pure.

Published. The caller hands over models, tables and prices. Predictions are made by the batch form of
:func:`trainers.models.decisions.decide`; a test proves that the two agree to the bit.
"""
