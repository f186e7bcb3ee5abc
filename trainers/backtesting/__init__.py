"""Backtesting: what a model would have said, done and earned, with costs and the lag of execution; pure.

Published. Models, tables and prices are handed over; what was decided is what
:func:`trainers.models.decisions.decide` says, in its batch form, which a test holds to it to the bit.
"""
