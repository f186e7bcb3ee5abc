"""From bars and samples to fitted, calibrated and evaluated models; pure."""
