"""Trades by the batch: bytes to columns to open bars, compiled, without an object per trade.

What is not plain is left to the codec and to :class:`~stream_processors.operators.bars.BarBuilder`,
whose results are the rule; this room only gets there faster.
"""
