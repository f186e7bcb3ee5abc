"""The world to topics: recorded files and the simulated market, published as market events."""
