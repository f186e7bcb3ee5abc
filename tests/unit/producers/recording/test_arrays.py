"""Arrow arrays of plain values: they are those of ``pyarrow.array``, and pandas stays where it is."""

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.jobs.recording.arrays import UnfitError, array_of

_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_VALUES = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "int64": _INTEGERS,
    "double": st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
    "bool": st.booleans(),
}
_TYPES = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}


@pytest.mark.parametrize("of", _VALUES)
@given(data=st.data())
def test_arrays_are_those_of_pyarrow(of: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | _VALUES[of], max_size=70))
    found = array_of(values, of)
    found.validate(full=True)
    assert found.equals(pa.array(values, type=_TYPES[of]))


@pytest.mark.parametrize(
    ("of", "value"),
    [("int64", 2**63), ("int64", "7"), ("int64", 1.5), ("double", "x"), ("string", 7), ("bool", 1)],
)
def test_a_value_of_another_type_is_refused(of: str, value: object) -> None:
    with pytest.raises(UnfitError):
        array_of([value], of)


def test_a_part_is_written_without_pandas() -> None:
    """``pyarrow.array`` imported pandas in the recorder and in the follower, which took 55 MB in each."""
    code = (
        "import sys\n"
        "from producers.jobs.recording.arrays import array_of\n"
        "array_of(['a', None], 'string'), array_of([1], 'int64'), array_of([1.0], 'double'), array_of([True], 'bool')\n"
        "sys.exit('pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
