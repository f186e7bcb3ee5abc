"""How the worker does with many instruments: ``make bench-stream PARTS=breadth``.

``scales`` says for how many instruments, and how long. ``markets`` makes their ticks, ``pacing``
publishes them by the clock as a process of its own, ``rows`` reads the features as a subscriber
does, ``stores`` watches Redis and Postgres, ``changelogs`` weighs what was logged of the state, and
``running`` puts one number of instruments through all of it.
"""
