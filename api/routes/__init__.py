"""The HTTP routes. Each reads from the stores and answers with a payload; none keeps state."""
