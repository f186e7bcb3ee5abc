"""Faults while the market processor runs on Apache Kafka: ``make chaos-stream``.

Ticks come at a steady pace. Workers, brokers and Redis are killed, and what a subscriber sees in the
end is held, to the byte, against a run in which nothing happened.
"""
