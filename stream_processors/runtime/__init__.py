"""The runtime: poll, step, transact, checkpoint, dead letters. PUBLISHED."""
