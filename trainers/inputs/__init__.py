"""Reads what jobs work on: bars, stored features, data sets, searched parameters, journals."""
