"""The jobs: each module wires one of them out of an operator or a sink, its topics and the runtime."""
