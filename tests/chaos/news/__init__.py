"""The agent killed again and again while recorded articles flow: one score for each article, asset and scorer."""
