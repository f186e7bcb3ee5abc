"""``collect --once`` beside other processes, and what it says of sources that it did not read."""

import json
from pathlib import Path

import pytest

from deploy.local.collecting import servers_for
from deploy.local.directories import DataDirectory
from producers.jobs.collecting.reports import SourceReport, json_of, lines_of_trouble
from producers.jobs.collecting.settings import CollectorSettings
from schemas.errors import NotReadyError


def test_second_run_at_the_same_time_says_what_to_do(tmp_path: Path) -> None:
    """It ended with a traceback of the lock, because two runs of cron both found no servers."""
    environment = {"DRIFTLINE_DATA_DIR": str(tmp_path)}
    settings = CollectorSettings.from_environment(environment)
    with (
        DataDirectory(tmp_path).held(),
        pytest.raises(NotReadyError, match="run this again"),
        servers_for(settings, environment),
    ):
        raise AssertionError


def test_source_that_was_not_read_says_why() -> None:
    """ "coindesk is unknown: " was all that a run said that was asked to end."""
    unread = [SourceReport(source="coindesk")]
    assert lines_of_trouble(unread) == [
        "coindesk is unknown: it was not read before the process was asked to end"
    ]
    assert json.loads(json_of("live", unread))["sources"][0]["reason"].startswith("it was not read")
