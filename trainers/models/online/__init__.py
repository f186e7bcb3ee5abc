"""Models that learn row by row: River's models behind a protocol of ours, stored in a format of ours.

Pure. ``protocols`` is the interface of a model that learns, ``recipes`` makes models, ``snapshots``
turns them into bytes and back, ``frozen`` serves published snapshots. River is imported only when a model is made or
restored, and then only the parts that it needs, because with its trees it takes some 120 MB.
"""
