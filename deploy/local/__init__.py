"""The one-machine launcher and the ``driftline`` command."""
