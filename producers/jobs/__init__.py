"""The jobs: warm up, replay, simulate, and what a run is."""
