"""Pure state machines: bars from ticks and candles, longer bars from shorter, label joins.

PUBLISHED. No operator sees a clock, a broker or a store; whatever happens by time happens because
an event says so.
"""
