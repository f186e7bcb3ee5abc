"""Choosing between models: which differences are more than noise, by a declared rule; pure."""
