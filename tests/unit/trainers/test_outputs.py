"""Files that commands write: what cannot be written is refused before the work, by the option's name."""

import os

import pytest

from schemas.errors import ConfigurationError
from trainers.outputs import check_output, write_output


def test_no_file_needs_no_folder():
    check_output(None, "--json")


def test_the_folder_of_a_file_is_made_and_the_file_is_not(tmp_path):
    path = tmp_path / "new" / "deeper" / "out.json"
    check_output(path, "--json")
    assert path.parent.is_dir()
    assert not path.exists()


def test_a_file_is_written_into_a_new_folder_and_over_an_old_file(tmp_path):
    path = tmp_path / "new" / "out.json"
    write_output(path, b"first and long", "--json")
    write_output(path, b"second", "--json")
    assert path.read_bytes() == b"second"


@pytest.mark.parametrize("write", [check_output, lambda path, option: write_output(path, b"", option)])
def test_a_folder_that_is_a_file_is_refused_by_the_options_name(tmp_path, write):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigurationError, match="--html must be a file that can be written") as refused:
        write(tmp_path / "taken" / "page.html", "--html")
    assert "page.html" in str(refused.value)


def test_a_folder_in_the_place_of_the_file_is_refused_when_it_is_written(tmp_path):
    with pytest.raises(ConfigurationError, match="--json must be a file"):
        write_output(tmp_path, b"", "--json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused_before_the_work(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(ConfigurationError, match="permission denied"):
        check_output(closed / "out.json", "--json")
