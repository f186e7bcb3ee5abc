"""Recorded files: candles in parquet or CSV, and captures of Binance WebSocket messages."""
