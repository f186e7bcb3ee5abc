"""The client of Kafka: the names of ``schemas.wire`` with which a job reads and publishes.

Administration stands apart (:mod:`schemas.wire.administration`), because tools of operators need it and jobs
do not. Every exception of the library is translated into the tree of :mod:`schemas.errors`.
"""

from schemas.wire.connections import LARGEST_MESSAGE_BYTES, connection, translate, translated
from schemas.wire.members import Member
from schemas.wire.publishing import Publisher
from schemas.wire.reading import Reader, read_range, read_runs
from schemas.wire.runs import Headers, Positions, Record, Run, Taken

__all__ = [
    "LARGEST_MESSAGE_BYTES",
    "Headers",
    "Member",
    "Positions",
    "Publisher",
    "Reader",
    "Record",
    "Run",
    "Taken",
    "connection",
    "read_range",
    "read_runs",
    "translate",
    "translated",
]
