"""The search: what a trial gets to see, that it goes on after a kill, and that every trial counts."""

import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from schemas.time import Interval, parse_time
from tests.fakes.candle_files import simulated_candles, written
from tests.fakes.truths import holds
from trainers.commands import commands
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.block_intervals import share_interval
from trainers.evaluation.walk_forward import out_of_sample
from trainers.inputs.evaluation_files import EvaluationFiles
from trainers.inputs.journals import opened_journal
from trainers.jobs.search import search_files
from trainers.models.logistic import LogisticRegression
from trainers.models.spaces import declared_parameters, space_of, with_parameters
from trainers.selection.inner import Objective, inner_folds, selective_error
from trainers.selection.searching import Pruning, Search, SearchPlan, new_study
from trainers.training.evaluating import Question
from trainers.training.offered import CONFIGURATIONS_TRIED, offered

HOUR_MS = 3_600_000
FOLDS = {"n_folds": 3}
SEARCHABLE = {name: recipe for name, recipe in offered().items() if space_of(recipe)}


def decisions_of(n=2_600, *, seed=0, strength=0.0, n_columns=3):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n, n_columns)).astype(np.float32)
    log_return = 1e-3 * (strength * rows[:, 0] + generator.normal(size=n))
    as_of_ms = (1 + np.arange(n, dtype=np.int64)) * HOUR_MS
    return DecisionSet(
        names=tuple(f"column_{i}" for i in range(n_columns)),
        feature_spec_hash="spec",
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        as_of_ms=as_of_ms,
        rows=rows,
        forward_returns={
            1: ForwardReturn(log_return=log_return, known_ms=as_of_ms + HOUR_MS),
            2: ForwardReturn(log_return=log_return, known_ms=as_of_ms + 2 * HOUR_MS),
        },
        late={},
        trailing_log_return=np.zeros(n),
    )


def search_of(decisions, plan, *, recipe=None, until=2_000):
    until_ms = int(decisions.as_of_ms[until])
    return Search(decisions, recipe or LogisticRegression(), plan, model="logistic", until_ms=until_ms)


def ran(search, plan, study=None, **options):
    study = study or new_study(plan)
    search.run(study, **options)
    return search.result(study)


class Watched(LogisticRegression, frozen=True, kw_only=True):
    """A logistic regression that keeps what it was taught."""

    seen: list = msgspec.field(default_factory=list)

    def fit(self, training_set):
        self.seen.append(training_set)
        return LogisticRegression(ridge=self.ridge, cut=self.cut, multiple=self.multiple).fit(training_set)


# What a trial sees


@pytest.mark.parametrize("multiple", [1, 2])
def test_nothing_after_the_refit_is_handed_to_a_trial(multiple):
    """::

    |--- train ---|x|- test -|x|  refit    later
                                           every value here is a mark: none may be seen
    """
    decisions = decisions_of()
    marked = msgspec.structs.replace(decisions, rows=decisions.rows.copy())
    marked.rows[2_000:] = 777.0
    recipe = Watched(multiple=multiple)
    plan = SearchPlan(n_trials=4, pruning=Pruning.NONE, **FOLDS)
    ran(search_of(marked, plan, recipe=recipe), plan)
    assert len(recipe.seen) == 4 * 3
    refit_ms = int(decisions.as_of_ms[2_000])
    starts_ms = [decisions.as_of_ms[800], decisions.as_of_ms[1_200], decisions.as_of_ms[1_600]]
    for training_set, start_ms in zip(recipe.seen, starts_ms * 4, strict=True):
        taught = training_set.outcomes[multiple].rows
        assert not np.any(training_set.rows == 777.0)
        assert decisions.as_of_ms[len(training_set.rows) - 1] < refit_ms
        assert decisions.forward_returns[multiple].known_ms[taught].max() <= start_ms


def test_the_future_changes_no_trial():
    decisions = decisions_of()
    changed = msgspec.structs.replace(
        decisions, rows=decisions.rows.copy(), forward_returns=dict(decisions.forward_returns)
    )
    changed.rows[2_000:] *= -3
    moved = decisions.forward_returns[1].log_return.copy()
    moved[2_000:] *= -1  # the one before is known at the very refit, and used as it would be live
    changed.forward_returns[1] = ForwardReturn(
        log_return=moved, known_ms=decisions.forward_returns[1].known_ms
    )
    plan = SearchPlan(n_trials=3, **FOLDS)
    one, other = (ran(search_of(each, plan), plan) for each in (decisions, changed))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_inner_folds_lie_before_the_refit_and_follow_each_other():
    known = decisions_of().known_at(2_000 * HOUR_MS)
    folds = inner_folds(known, until_ms=2_000 * HOUR_MS, n_folds=4)
    tested = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(tested, np.arange(tested[0], len(known)))
    for fold in folds:
        assert fold.train[-1] < fold.test[0]


def test_too_little_history_says_how_much_is_needed():
    with pytest.raises(
        ConfigurationError, match="needs 1667 labelled rows before its date, and there are 1000"
    ):
        search_of(decisions_of(), SearchPlan(), until=1_000)


# Trials


def test_the_same_seed_draws_the_same_trials_and_another_others():
    decisions = decisions_of()
    plans = [SearchPlan(n_trials=12, seed=seed, **FOLDS) for seed in (1, 1, 2)]
    one, same, other = (ran(search_of(decisions, plan), plan).trials for plan in plans)
    assert one == same
    assert one[0] == other[0]
    assert one[1:] != other[1:]


def test_the_first_trial_is_what_is_declared_and_the_best_is_never_worse():
    plan = SearchPlan(n_trials=5, **FOLDS)
    found = ran(search_of(decisions_of(), plan), plan)
    assert found.trials[0].parameters == declared_parameters(LogisticRegression())
    assert found.score <= found.declared_score == np.mean(found.trials[0].scores)


@pytest.mark.parametrize("pruning", [Pruning.MEDIAN, Pruning.HALVING])
def test_pruned_trials_are_kept_with_the_folds_they_got(pruning):
    plan = SearchPlan(n_trials=15, pruning=pruning, **FOLDS)
    found = ran(search_of(decisions_of(strength=0.3), plan), plan)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert 0 < len(pruned) == found.n_pruned < 15 == found.n_trials
    assert all(0 < len(trial.scores) < 3 for trial in pruned)


def test_selective_error_looks_at_the_most_confident_alone():
    probability = np.array([0.9, 0.1, 0.52, 0.48, 0.51, 0.49, 0.5, 0.5, 0.5, 0.5])
    is_up = np.array([True, True] + [False] * 8)
    assert selective_error(probability, is_up, coverage=0.1) == 0.0
    assert selective_error(probability, is_up, coverage=0.2) == 0.5
    plan = SearchPlan(n_trials=2, objective=Objective.SELECTIVE, **FOLDS)
    assert 0 <= ran(search_of(decisions_of(strength=0.5), plan), plan).score < 0.4


# Spaces


@pytest.mark.parametrize("name", SEARCHABLE)
def test_what_is_declared_lies_in_its_space_and_each_range_has_a_reason(name):
    recipe = SEARCHABLE[name]
    for parameter, value in declared_parameters(recipe).items():
        limits = space_of(recipe)[parameter]
        assert limits.holds(value), parameter
        assert limits.why
        assert with_parameters(recipe, {parameter: limits.low}) != recipe or value == limits.low
    assert with_parameters(recipe, declared_parameters(recipe)) == recipe


@pytest.mark.parametrize("parameters", [{"seed": 1}, {"ridge": 0.0}, {"ridge": float("nan")}])
def test_a_parameter_outside_its_space_is_refused(parameters):
    with pytest.raises(ValueError, match="must"):
        with_parameters(LogisticRegression(), parameters)


# Going on


class Killed(BaseException):
    """Ends a search where no handler is."""


def killing(after):
    """A mapper that dies after so many folds."""
    left = [after]

    def mapped(function, folds):
        for fold in folds:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            yield function(fold)

    return mapped


@pytest.mark.parametrize("pruning", Pruning)
@pytest.mark.parametrize("after", [1, 14])
def test_a_killed_search_goes_on_as_if_it_had_not_been(tmp_path, after, pruning):
    plan = SearchPlan(n_trials=7, pruning=pruning, **FOLDS)
    search = search_of(decisions_of(), plan)
    path = tmp_path / "search.journal"
    with opened_journal(path) as storage, pytest.raises(Killed):
        search.run(new_study(plan, storage=storage, name="search"), mapper=killing(after))
    with opened_journal(path) as storage:
        resumed = ran(search, plan, new_study(plan, storage=storage, name="search"))
    assert resumed == ran(search, plan)


def test_more_trials_go_on_from_those_there_are(tmp_path):
    decisions, path = decisions_of(), tmp_path / "search.journal"
    for n_trials in (3, 6):
        plan = SearchPlan(n_trials=n_trials, **FOLDS)
        with opened_journal(path) as storage:
            found = ran(search_of(decisions, plan), plan, new_study(plan, storage=storage, name="search"))
    assert found == ran(search_of(decisions, plan), plan)


def test_a_line_cut_off_and_a_dead_process_lock_do_not_stop_the_next_search(tmp_path):
    """Optuna appends to the torn line, and then reads nothing any more; its lock waits half a minute."""
    plan = SearchPlan(n_trials=2, **FOLDS)
    search, path = search_of(decisions_of(), plan), tmp_path / "search.journal"
    with opened_journal(path) as storage:
        search.run(new_study(plan, storage=storage, name="search"))
    path.write_bytes(path.read_bytes() + b'{"op_code":4,"worker')
    (tmp_path / "search.journal.lock").touch()
    longer = msgspec.structs.replace(plan, n_trials=3)
    for _ in range(2):
        with opened_journal(path) as storage:
            study = new_study(longer, storage=storage, name="search")
            assert ran(search_of(decisions_of(), longer), longer, study).n_trials == 3


@pytest.mark.parametrize("content", [b"PAR1 something\nelse", b'{"op', b'{"n": 1}', b"[]\n"])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "mine"
    path.write_bytes(content)
    if content == b'{"op':  # the beginning of a journal, cut off in its first line
        with opened_journal(path):
            assert path.read_bytes() == b""
        return
    with pytest.raises(ConfigurationError, match="is something else"), opened_journal(path):
        pass
    assert path.read_bytes() == content


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """A journal of three trials, by lines."""
    path = tmp_path_factory.mktemp("journal") / "search.journal"
    plan = SearchPlan(n_trials=3, **FOLDS)
    with opened_journal(path) as storage:
        search_of(decisions_of(), plan).run(new_study(plan, storage=storage, name="search"))
    return path.read_bytes().splitlines(keepends=True)


def replacing(number, line):
    return lambda lines: [*lines[:number], line, *lines[number + 1 :]]


DAMAGE = {
    "garbage within": (replacing(5, b"garbage\n"), "line 6 is damaged .* `head -n 5 "),
    "a line cut short within": (
        lambda lines: replacing(5, lines[5][:20] + b"\n")(lines),
        "line 6 is damaged",
    ),
    "the last line cut short with a line end": (
        lambda lines: [*lines, b'{"op_code":4,"wor\n'],
        "2 ended trials|3 ended trials",
    ),
    "zeros with a line end": (lambda lines: [*lines, b"\0" * 50 + b"\n"], "is damaged"),
    "no text": (lambda lines: [b'{"op_code":0,\xff\xfe\n'], "line 1 is damaged"),
    "another object": (replacing(5, b"{}\n"), "line 6 is damaged"),
    "a list": (replacing(5, b"[1]\n"), "line 6 is damaged"),
    "an unknown step": (replacing(5, b'{"op_code":99,"worker_id":"x"}\n'), "do not follow from each other"),
    "no beginning": (lambda lines: lines[1:], "is something else"),
    "another's study": (
        lambda lines: [line.replace(b'"search"', b'"theirs"') for line in lines],
        "line 1 makes study 'theirs'",
    ),
    "a study that is made large": (
        lambda lines: [line.replace(b'"directions":[1]', b'"directions":[2]') for line in lines],
        "line 1 makes study 'search'",
    ),
    "two studies": (
        lambda lines: [*lines, lines[0].replace(b'"search"', b'"theirs"')],
        "must belong to one search, and line ",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_journal_is_refused_in_a_sentence_and_left_as_it_is(journal, tmp_path, name):
    """Garbage, or a line cut short before others, ended in a traceback of a JSON decoder's."""
    spoil, complaint = DAMAGE[name]
    path = tmp_path / "search.journal"
    path.write_bytes(b"".join(spoil(journal)))
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=complaint) as refused, opened_journal(path):
        pass
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_journal_cut_off_anywhere_in_its_last_line_goes_on_and_says_so(journal, tmp_path, cut):
    path, said = tmp_path / "search.journal", []
    path.write_bytes(b"".join(journal)[:-cut])
    plan = SearchPlan(n_trials=3, **FOLDS)
    search = search_of(decisions_of(), plan)
    with opened_journal(path, say=said.append) as storage:
        found = ran(search, plan, new_study(plan, storage=storage, name="search"))
    assert found == ran(search, plan)
    assert f"the {len(journal) - 1} whole steps before them are kept" in said[0]


def test_an_empty_journal_is_a_new_one(tmp_path):
    path = tmp_path / "search.journal"
    path.touch()
    plan = SearchPlan(n_trials=2, **FOLDS)
    with opened_journal(path) as storage:
        assert ran(search_of(decisions_of(), plan), plan, new_study(plan, storage=storage, name="search"))


def test_a_folder_is_no_journal(bars, tmp_path):
    with pytest.raises(ConfigurationError, match="must be a file that can be read and written"):
        opened_journal(tmp_path).__enter__()


@pytest.mark.parametrize("losses", ["x", ["x"], [0.1, 0.2, 0.3, 0.4], [float("nan")], [0.1]])
def test_losses_that_no_fold_gives_are_found_in_a_study(losses):
    plan = SearchPlan(n_trials=2, **FOLDS)
    search, study = search_of(decisions_of(), plan), new_study(plan)
    search.run(study)
    assert search.spoilt(study) is None
    study._storage.set_trial_user_attr(study.ask()._trial_id, "scores", losses)
    if losses == [0.1]:
        study.tell(2, 0.1)
    assert search.spoilt(study).startswith("trial 2 ")


def test_a_journal_with_trials_of_nobody_is_refused(bars, journal, tmp_path):
    """Optuna's own users name studies as they like: theirs were taken for trials of this search."""
    path = tmp_path / "search.journal"
    path.write_bytes(b"".join(journal))
    search = ["search", *words(bars), "--model", "logistic", "--trials", "4", "--json", tmp_path / "a.json"]
    with pytest.raises(ConfigurationError, match="belongs to another"):
        invoked(*search, "--journal", path)


def test_a_journal_has_one_writer(tmp_path):
    path = tmp_path / "search.journal"
    with (
        opened_journal(path),
        pytest.raises(ConfigurationError, match="another search is writing it"),
        opened_journal(path),
    ):
        pass


# The command


def words(bars, *more):
    question = ["--bars", bars, "--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20"]
    return [str(word) for word in [*question, *more]]


def invoked(*arguments):
    result = CliRunner().invoke(commands, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return written(simulated_candles(n=4_200, seed=1), tmp_path_factory.mktemp("bars") / "a.parquet")


@pytest.fixture(scope="module")
def found(bars, tmp_path_factory):
    path = tmp_path_factory.mktemp("found") / "logistic.json"
    invoked("search", *words(bars), "--model", "logistic", "--trials", "6", "--json", path, "--workers", "2")
    return path


def test_every_trial_counts_as_a_configuration_tried(bars, found, tmp_path):
    searched = json.loads(found.read_text())
    output = tmp_path / "figures.json"
    invoked("evaluate", *words(bars), "--parameters", found, "--json", output)
    figures = json.loads(output.read_text())
    assert searched["n_trials"] == 6
    assert figures["configurations_tried"] == CONFIGURATIONS_TRIED + 6
    assert figures["searches"][0]["parameters"] == searched["parameters"]
    assert figures["searches"][0]["data_hash"] == searched["data_hash"]


def test_a_nested_search_is_one_for_each_year_and_counts_all_its_trials(bars, tmp_path):
    output = tmp_path / "figures.json"
    invoked("evaluate", *words(bars), "--model", "logistic", "--search", "3", "--json", output)
    figures = json.loads(output.read_text())
    days = [search["searched_until"][:10] for search in figures["searches"]]
    assert days[-1] == "2021-05-20"
    assert figures["configurations_tried"] == CONFIGURATIONS_TRIED + 3 * len(days)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--parameters", "FOUND", "--model", "xgboost"], "are for --model logistic"),
        (["--parameters", "FOUND", "--search", "3"], "leave out --search"),
        (["--parameters", "FOUND", "--train-until", "2021-05-19"], "some of which are the test's"),
        (["--parameters", "FOUND", "--horizon", "4h"], "must be searched for 1h:4h, are for 1h:1h"),
        (["--parameters", "BARS"], "must name a file that `driftline search` wrote"),
        (["--search", "3"], "must be a recipe that can be searched"),
    ],
)
def test_parameters_that_would_cheat_or_do_not_fit_are_refused(bars, found, more, complaint):
    named = {"FOUND": found, "BARS": bars}
    with pytest.raises(ConfigurationError, match=complaint):
        invoked("evaluate", *words(bars), *(named.get(word, word) for word in more))


def changed(found, path, **fields):
    """What a search wrote, with other words in it."""
    path.write_text(json.dumps(json.loads(found.read_text()) | fields))
    return path


def judged_by(bars, parameters):
    return invoked("evaluate", *words(bars), "--parameters", parameters)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"n_trials": 1}, "states n_trials 1, and its trials give 6"),
        ({"n_pruned": 5}, "states n_pruned 5"),
        ({"score": 0.1}, "states score 0.1"),
        ({"declared_score": 9.0}, "states declared_score 9.0"),
        ({"parameters": {"ridge": 2.0, "cut": 3.0}}, "states parameters"),
        ({"searched_until_ms": 1_000}, "tested later than the date of the search"),
        ({"folds": []}, "of 0 folds"),
        ({"folds": [{}] * 4}, "does not state its"),
        ({"trials": []}, "numbered not at all"),
    ],
)
def test_parameters_that_contradict_their_own_trials_are_refused(bars, found, tmp_path, fields, complaint):
    """A file that stated one trial where there had been forty was believed, and counted as one."""
    with pytest.raises(ConfigurationError, match=complaint):
        judged_by(bars, changed(found, tmp_path / "changed.json", **fields))


def without_a_trial(searched):
    """The file with a trial taken out and everything else made to agree with that."""
    trials = [trial for trial in searched["trials"] if trial["number"] != 2]
    for number, trial in enumerate(trials):
        trial["number"] = number
    complete = [trial for trial in trials if trial["state"] == "complete"]
    best = min(complete, key=lambda trial: np.mean(trial["scores"]))
    n_pruned = sum(trial["state"] == "pruned" for trial in trials)
    return {
        "trials": trials,
        "n_trials": len(trials),
        "n_pruned": n_pruned,
        "parameters": best["parameters"],
        "score": float(np.mean(best["scores"])),
    }


def test_parameters_with_a_trial_left_out_are_refused_on_the_data_they_were_searched_on(
    bars, found, tmp_path
):
    searched = json.loads(found.read_text())
    with pytest.raises(ConfigurationError, match="the search gives other trials than the file states"):
        judged_by(bars, changed(found, tmp_path / "changed.json", **without_a_trial(searched)))


def test_parameters_of_the_same_data_are_repeated_and_those_of_others_are_said_not_to_be(
    bars, found, tmp_path
):
    other = written(simulated_candles(n=4_200, seed=9), tmp_path / "b.parquet")
    outputs = []
    for file in (bars, other):
        output = tmp_path / "figures.json"
        outputs.append(
            invoked("evaluate", *words(file), "--parameters", found, "--json", output)
            + str(json.loads(output.read_text())["searches"][0]["is_repeated"])
        )
    assert "could not be repeated" not in outputs[0]
    assert outputs[0].endswith("True")
    assert "could not be repeated" in " ".join(outputs[1].split())
    assert outputs[1].endswith("False")


@pytest.mark.parametrize("pruning", Pruning)
def test_every_search_is_repeated_from_its_trials_alone(pruning):
    """No fold is fitted: the draws and the prunings follow from the losses that are stated."""
    plan = SearchPlan(n_trials=15, pruning=pruning, **FOLDS)
    search = search_of(decisions_of(strength=0.3), plan)
    found = ran(search, plan)
    assert search.repeated(found.trials) == found


def test_an_interrupted_search_is_repeated_up_to_where_it_was():
    plan = SearchPlan(n_trials=7, pruning=Pruning.NONE, **FOLDS)
    search, study = search_of(decisions_of(), plan), new_study(plan)
    with pytest.raises(Killed):
        search.run(study, mapper=killing(7))
    found = search.result(study)
    assert [trial.state for trial in found.trials] == ["complete", "complete", "running"]
    assert msgspec.structs.replace(search.repeated(found.trials), plan=plan) == found


def test_a_journal_of_another_search_is_refused(bars, found):
    again = ["search", *words(bars), "--model", "logistic", "--trials", "6", "--json", found]
    invoked(*again)
    with pytest.raises(ConfigurationError, match="belongs to another"):
        invoked(*again, "--seed", "5")


@pytest.mark.parametrize("command", ["search", "evaluate"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(bars, tmp_path, command):
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "out.json"
    with pytest.raises(ConfigurationError, match="--json must be a file that can be written"):
        invoked(command, *words(bars), "--model", "logistic", "--json", where)


def test_a_mixture_cannot_be_searched(bars, tmp_path):
    with pytest.raises(ConfigurationError, match=r"can be searched \(xgboost"):
        invoked("search", *words(bars), "--model", "mixture", "--json", tmp_path / "a.json")


# Real processes


def started(*arguments):
    """A command that Ctrl-C ends, also where the tests themselves run in the background and ignore it."""
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.Popen(
        [sys.executable, "-m", "trainers", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  (one thread)
    )


def until_lines(path, n, *, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= n:
            return
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    pytest.fail(f"the journal has fewer than {n} lines after a minute")


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_process_that_is_ended_goes_on_and_counts_no_trial_twice(bars, tmp_path, ending, code):
    journal, output = tmp_path / "search.journal", tmp_path / "found.json"
    search = ["search", *words(bars), "--model", "logistic", "--workers", "1", "--journal", journal]
    process = started(*search, "--trials", "400", "--json", output)
    until_lines(journal, 30, process=process)
    process.send_signal(ending)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == code, said
    with opened_journal(journal) as storage:
        n_before = len(new_study(SearchPlan(), storage=storage, name="search").trials)
    assert output.exists() == (ending is signal.SIGINT)  # what was done is said where there is time for it
    invoked(*search, "--trials", n_before + 2, "--json", output)
    resumed = json.loads(output.read_text())
    assert [trial["number"] for trial in resumed["trials"]] == list(range(n_before + 2))
    if ending is signal.SIGKILL:
        invoked(*search[:-2], "--trials", n_before + 2, "--json", tmp_path / "whole.json")
        assert resumed == json.loads((tmp_path / "whole.json").read_text())


@pytest.mark.parametrize("n_errors", [1, 2])
def test_an_interruption_that_the_lock_of_the_journal_turns_into_an_error_ends_the_search_in_order(
    bars, tmp_path, n_errors
):
    """Optuna's lock fails so if Ctrl-C comes while it is taken (two errors) or given back (one)."""

    def told(_progress):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if n_errors == 1:
                raise FileNotFoundError from None
            try:
                raise FileNotFoundError from None
            except OSError:
                raise RuntimeError from None

    ended = asked(bars, tmp_path / "a.journal", told)
    assert ended.is_interrupted
    assert ended.searched is not None


def test_an_error_that_no_interruption_led_to_is_told(bars, tmp_path):
    def told(_progress):
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        asked(bars, tmp_path / "a.journal", told)


def asked(bars, journal, told):
    question = Question(Interval("1h"), Interval("1h"), parse_time("2021-05-20", "--train-until"))
    plan = SearchPlan(n_trials=6)
    return search_files(EvaluationFiles(bars), question, plan, model="logistic", journal=journal, told=told)


# Null control


def test_the_best_of_thirty_looks_better_on_permuted_labels_and_is_worth_one_half():
    """Inside, the best of many looks like an edge; on what comes after, nothing is left of it."""
    real = decisions_of(5_000, seed=3, strength=1.0, n_columns=20)
    order = np.random.default_rng(3).permutation(len(real))
    forward_returns = {1: ForwardReturn(log_return=real.own.log_return[order], known_ms=real.own.known_ms)}
    permuted = msgspec.structs.replace(real, forward_returns=forward_returns)
    plan = SearchPlan(n_trials=30, objective=Objective.SELECTIVE, pruning=Pruning.NONE, **FOLDS)
    found = ran(search_of(permuted, plan, until=2_500), plan)
    assert found.score < found.declared_score
    assert found.score < 0.48
    recipe = with_parameters(LogisticRegression(), found.parameters)
    fold = Fold(train=np.arange(2_499), test=np.arange(2_500, 5_000))
    says_up = out_of_sample(permuted, recipe, folds=[fold])[fold.test] >= 0.5
    is_hit = says_up == (permuted.own.log_return[fold.test] > 0)
    interval = share_interval(is_hit, permuted.as_of_ms[fold.test], generator=np.random.default_rng(0))
    assert holds(interval, 0.5)
