"""Every command that reads candles says in one sentence what an odd file is not."""

import pytest
from click.testing import CliRunner

from producers.commands import commands as producers
from producers.sources.files.articles import read_articles
from schemas.errors import ConfigurationError
from tests.fakes.odd_files import odd_file
from trainers.commands import commands as trainers

QUESTION = ("--interval", "1h", "--horizon", "1h", "--train-until", "2021-01-02")
COMMANDS = {
    "inspect": lambda file, out: (producers, ("inspect", file)),
    "audit": lambda file, out: (trainers, ("audit", "--bars", file)),
    "evaluate": lambda file, out: (trainers, ("evaluate", "--bars", file, *QUESTION)),
    "compare": lambda file, out: (
        trainers,
        ("compare", "--bars", file, *QUESTION, "--models", "logistic,xgboost"),
    ),
    "search": lambda file, out: (
        trainers,
        ("search", "--bars", file, *QUESTION, "--model", "logistic", "--json", out),
    ),
}
NAMES = ("struct", "doubled", "doubled in csv", "duration", "a picture", "another column", "no rows")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_an_odd_file_in_one_sentence(command, name, tmp_path):
    path = odd_file(name, tmp_path)
    group, words = COMMANDS[command](str(path), str(tmp_path / "out.json"))
    result = CliRunner().invoke(group, list(words), obj={"DRIFTLINE_DATA_DIR": str(tmp_path)})
    assert isinstance(result.exception, ConfigurationError), result.output
    assert path.name in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize("name", ["nested time", "fractions as time", "cut off", "a picture"])
def test_articles_of_an_odd_structure_are_refused(name, tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        read_articles(odd_file(name, tmp_path), delay_ms=0)
    assert "\n" not in str(refused.value)
