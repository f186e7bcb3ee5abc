"""Kafka Streams: its program in Java, and what starts it."""
