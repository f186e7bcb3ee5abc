"""The simulated market and its news wire: seeded, and never to be mistaken for the real one."""
