"""Training: decision sets become fitted, calibrated and judged versions; bars become the figures of an evaluation; pure."""
