"""Whether ``inspect``, ``evaluate --quick`` and ``up`` say the same of a file; ``make check-cases`` prints it.

Each command reads the file as a user would call it. Of ``up`` it is the check that runs before any server is started.
"""
