"""The runtime: it polls, steps, commits by transactions, writes checkpoints and recovers. PUBLISHED."""
