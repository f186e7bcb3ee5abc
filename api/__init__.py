"""What the platform says to the outside: the job that predicts, and the HTTP API that answers.

Nothing imports this package but the launcher.
"""
