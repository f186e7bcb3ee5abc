"""Decision sets as bytes: a parquet file that is the same whenever it is written, and its manifest.

The same query gives the same bytes: rows are in order, neither the clock nor the machine leaves a
trace, and the manifest holds the hash of the parquet file. A file that is read back is checked
against a pandera schema first.
"""

import hashlib
import io

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from schemas.errors import StateError
from schemas.time import Length, length_named
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.prices import ForwardReturn

_FEATURE = "feature:"
_RETURN, _KNOWN, _LATE_RETURN, _LATE_KNOWN = "return:", "known_ms:", "late_return:", "late_known_ms:"
#: For each kind of column: the prefix of its name, the prefix of its companion's name, and its type.
_KINDS = (
    (_FEATURE, None, pa.float32()),
    (_RETURN, _KNOWN, pa.float64()),
    (_LATE_RETURN, _LATE_KNOWN, pa.float64()),
)


class DatasetManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a stored data set.

    Attributes:
        data_hash: SHA-256 of the parquet bytes.
        sources: SHA-256 of each input file, by the part that it played.
    """

    data_hash: str
    feature_spec_hash: str
    interval: str
    horizon: str
    n_rows: int
    n_features: int
    first_ms: int
    last_ms: int
    sources: dict[str, str]


def to_bytes(decisions: DecisionSet) -> bytes:
    """The decision set as a parquet file."""
    columns: dict[str, NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64]] = {
        "as_of_ms": decisions.as_of_ms,
        "trailing_log_return": decisions.trailing_log_return,
    }
    for multiple, forward_return in decisions.forward_returns.items():
        columns |= {
            f"{_RETURN}{multiple}": forward_return.log_return,
            f"{_KNOWN}{multiple}": forward_return.known_ms,
        }
    for lag, forward_return in decisions.late.items():
        columns |= {
            f"{_LATE_RETURN}{lag}": forward_return.log_return,
            f"{_LATE_KNOWN}{lag}": forward_return.known_ms,
        }
    for i, name in enumerate(decisions.names):
        columns[f"{_FEATURE}{name}"] = decisions.rows[:, i]
    metadata = {
        "feature_spec_hash": decisions.feature_spec_hash,
        "interval": str(decisions.interval),
        "horizon": str(decisions.horizon),
    }
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns).replace_schema_metadata(metadata), buffer, compression="zstd")
    return buffer.getvalue()


def manifest_of(decisions: DecisionSet, data: bytes, *, sources: dict[str, str]) -> DatasetManifest:
    """The manifest of a data set's bytes.

    Args:
        decisions: The data set.
        data: The bytes of the data set, as they are stored.
        sources: The hash of each input file, by the name of the input.
    """
    n = len(decisions)
    return DatasetManifest(
        data_hash=hashlib.sha256(data).hexdigest(),
        feature_spec_hash=decisions.feature_spec_hash,
        interval=str(decisions.interval),
        horizon=str(decisions.horizon),
        n_rows=n,
        n_features=len(decisions.names),
        first_ms=int(decisions.as_of_ms[0]) if n else 0,
        last_ms=int(decisions.as_of_ms[-1]) if n else 0,
        sources=sources,
    )


def content_hash(decisions: DecisionSet) -> str:
    """SHA-256 of the contents of a data set, independent of the file format."""
    digest = hashlib.sha256(
        f"{decisions.feature_spec_hash} {decisions.interval} {decisions.horizon}".encode()
    )
    arrays = [decisions.as_of_ms, decisions.rows]
    for multiple, forward_return in sorted(decisions.forward_returns.items()):
        digest.update(str(multiple).encode())
        arrays += [forward_return.log_return, forward_return.known_ms]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def from_bytes(data: bytes, manifest: DatasetManifest) -> DecisionSet:
    """Read a data set, after checking its hash and its rules.

    Raises:
        StateError: If the bytes are not those of the manifest, or break a rule.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.data_hash:
        message = f"expected the data set {manifest.data_hash[:12]}, found {found[:12]}: make it again"
        raise StateError(message)
    try:
        table = parquet.ParquetFile(io.BytesIO(data)).read()
    except (pa.ArrowException, OSError) as error:
        message = f"a stored data set must be parquet, is not: {' '.join(str(error).split())}"
        raise StateError(message) from error
    _check_structure(table)
    validate(table)
    arrays = {name: table.column(name).to_numpy() for name in table.column_names}
    names = tuple(name.removeprefix(_FEATURE) for name in arrays if name.startswith(_FEATURE))
    return DecisionSet(
        names=names,
        feature_spec_hash=manifest.feature_spec_hash,
        interval=_length(manifest.interval),
        horizon=_length(manifest.horizon),
        as_of_ms=arrays["as_of_ms"],
        rows=np.column_stack([arrays[f"{_FEATURE}{name}"] for name in names]),
        forward_returns=_forward_returns(arrays, _RETURN, _KNOWN),
        late=_forward_returns(arrays, _LATE_RETURN, _LATE_KNOWN),
        trailing_log_return=arrays["trailing_log_return"],
    )


def _length(name: str) -> Length:
    found = length_named(name)
    if found is None:
        message = f"the manifest of a data set must name lengths such as 1h or 1w, has {name!r}"
        raise StateError(message)
    return found


def _forward_returns(
    arrays: dict[str, NDArray[np.float64]], returns: str, known: str
) -> dict[int, ForwardReturn]:
    numbers = [int(name.removeprefix(returns)) for name in arrays if name.startswith(returns)]
    return {
        number: ForwardReturn(
            log_return=arrays[f"{returns}{number}"], known_ms=arrays[f"{known}{number}"].astype(np.int64)
        )
        for number in numbers
    }


def _check_structure(table: pa.Table) -> None:
    """Check the columns against those that :func:`to_bytes` writes, before their values are read.

    Raises:
        StateError: If a column is missing, appears twice, or has another type.
    """
    found = {name: table.schema.field(i).type for i, name in enumerate(table.column_names)}
    wanted = {"as_of_ms": pa.int64(), "trailing_log_return": pa.float64(), f"{_RETURN}1": pa.float64()}
    for name in found:
        for begins, pair, type_of_it in _KINDS:
            if name.startswith(begins):
                number = name.removeprefix(begins)
                wanted |= {name: type_of_it} | ({} if pair is None else {f"{pair}{number}": pa.int64()})
                if pair is not None and not number.isdecimal():
                    message = f"a column of a stored data set must end in a number, was {name!r}"
                    raise StateError(message)
    broken = [
        f"{name} is {found.get(name, 'missing')}" for name, kind in wanted.items() if found.get(name) != kind
    ]
    if len(found) < table.num_columns:
        broken.insert(0, "two columns have one name")
    if not any(name.startswith(_FEATURE) for name in found):
        broken.insert(0, f"no column begins with {_FEATURE!r}")
    if broken:
        message = (
            "a stored data set must have as_of_ms, known_ms:* and late_known_ms:* as int64, trailing_log_return, "
            f"return:* and late_return:* as float64, and feature:* as float32, each once; {'; '.join(broken[:5])}"
        )
        raise StateError(message)


def validate(table: pa.Table) -> None:
    """Check a data set's table against its rules.

    Raises:
        StateError: If a rule is broken; the message says where, as pandera reports it.
    """
    import pandera.pandas as pandera

    known = pandera.Check(lambda column: (column == -1) | (column > 0), name="is a time or -1")
    finite = pandera.Check(lambda column: ~np.isinf(column), name="is finite or undefined")
    schema = pandera.DataFrameSchema(
        {
            "as_of_ms": pandera.Column(
                "int64",
                [
                    pandera.Check(lambda column: bool(column.is_monotonic_increasing), name="increases"),
                    pandera.Check(lambda column: column > 0, name="is positive"),
                ],
                unique=True,
            ),
            f"{_RETURN}.*": pandera.Column("float64", finite, nullable=True, regex=True),
            f"{_KNOWN}.*": pandera.Column("int64", known, regex=True),
            f"{_FEATURE}.*": pandera.Column("float32", finite, nullable=True, regex=True),
        }
    )
    try:
        schema.validate(table.to_pandas(), lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases[["column", "check", "index"]].head(5).to_dict("records")
        message = f"a stored data set must keep its rules, breaks {cases}"
        raise StateError(message) from error
