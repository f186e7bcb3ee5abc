"""A file of any form, with any fault: it is read to its true rows, or refused in one line, and nothing is silent.

``make fuzz-files N=10000`` holds as many files against this law as are asked for.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.faulty_files import FAULTS, faulty_file, recorded_closes
from tests.fakes.file_laws import verdict
from tests.fakes.written_forms import FORMS

pytestmark = pytest.mark.recorded


@pytest.fixture(scope="session")
def closes(recorded_data):
    return recorded_closes(recorded_data)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(1_000_000, 2_000_000))
def test_a_faulty_file_is_read_to_its_true_rows_or_refused_in_one_line(closes, seed):
    with tempfile.TemporaryDirectory() as folder:
        verdict(faulty_file(seed, closes), Path(folder))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_without_a_fault_is_read_in_every_form(closes, form, tmp_path):
    assert verdict(faulty_file(7, closes, form=form, fault="none"), tmp_path) is None


#: Nobody can tell which rows of such a file are right.
REFUSED = "open and close swapped from the middle on"


def test_a_usual_file_whose_columns_are_swapped_in_the_middle_is_refused(closes, tmp_path):
    refusal = verdict(faulty_file(8, closes, form="our csv", fault=REFUSED), tmp_path)
    assert "seem to be swapped" in refusal


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != REFUSED])
def test_no_fault_of_a_usual_file_is_silent(closes, fault, tmp_path):
    assert verdict(faulty_file(8, closes, form="our csv", fault=fault), tmp_path) is None
