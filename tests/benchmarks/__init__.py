"""Benchmarks: each prints a table and writes ``build/bench/NAME.json``; see this folder's README."""
