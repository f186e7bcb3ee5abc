"""Reads files of trades: recordings of a venue's messages, and dumps of trades as rows of text."""
