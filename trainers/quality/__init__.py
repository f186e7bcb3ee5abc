"""How good the stored data of a run are: completeness, freshness, duplicates, outliers, gaps, and rows to train on."""
