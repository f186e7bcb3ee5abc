"""``make bench-sentiment``: headlines a second and the slowest of a hundred, for each scorer, on one core.

Processor time is measured, because other work on the machine stretches wall time. The encoder is the folder of ``ENCODER``. Without
one, the peer's environment exports MiniLM with a new head, whose scores mean nothing and whose speed is that of a trained one. The peer,
plain transformers, runs in the environment of the extra ``sentiment`` (``PEER_PYTHON``); where there is none, its row says so.
"""
