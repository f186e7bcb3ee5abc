"""Models that learn row by row: River's, behind a protocol of our own, kept in a format of our own.

Pure. ``protocols`` is what a model that learns is to its callers, ``recipes`` makes them, ``snapshots``
turns them into bytes and back, ``frozen`` serves what was published. River is imported by what
makes or restores a model, and then only the parts that it needs: with its trees it takes a process
some 120 MB.
"""
