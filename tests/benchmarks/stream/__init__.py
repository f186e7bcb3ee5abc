"""``make bench-stream``: one job on one Apache Kafka, by us and by other stream libraries.

The job: JSON ticks on ``market.tick.v1`` -> one-minute bars by event time -> the full indicator
set -> ``features.market.v1`` and Redis. ``markets`` makes the ticks and ``expectations`` what must
come of them; ``feeding`` puts them into the log and lets go of them at once; ``watching`` sees
what comes out and when; ``competitors`` are the processes in between. The parts are
``throughput``, ``latency``, ``scaling``, ``growth`` and ``breadth``, which has a package of its own.

How a rate is measured, the same for everyone: the log holds some minutes of ticks to start on, and
behind them the measured ones in a transaction that is still open. When the features of the first
have been seen, so that the competitor has started, joined its group and compiled what it compiles,
the transaction is committed, and the clock runs until the last feature can be read by a
read_committed consumer. Every feature record is compared with what the ticks must lead to.
"""
