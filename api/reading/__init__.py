"""What the routes read: stores, names, the state of a run, and what is said while something is missing."""
