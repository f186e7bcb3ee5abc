"""Trainers: history in, models out, with the evidence for them."""
