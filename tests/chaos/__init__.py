"""Chaos: processes killed with -9 while the product runs, and what must hold afterwards."""
