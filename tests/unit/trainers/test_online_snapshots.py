"""What a snapshot of a River model is not: whatever is not one is refused in clear words, and nothing else happens."""

import pickle

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import StateError
from tests.fakes.online_rows import NAMES, quick_recipes, taught, turning_rows
from trainers.models.online import snapshots
from trainers.models.online.families import FOREST, LOGISTIC, TREE
from trainers.models.online.river_models import RiverModel

ROWS, IS_UP = turning_rows(900, turns_every=400)
SNAPSHOTS = {name: taught(recipe, ROWS, IS_UP).snapshot() for name, recipe in quick_recipes().items()}
every_kind = pytest.mark.parametrize("name", SNAPSHOTS)


def changed(name, **fields):
    """A snapshot with other fields."""
    return msgspec.msgpack.encode(msgspec.msgpack.decode(SNAPSHOTS[name]) | fields)


def with_objects(name, edit):
    """A snapshot whose objects were edited."""
    objects = msgspec.msgpack.decode(SNAPSHOTS[name])["objects"]
    edit(objects)
    return changed(name, objects=objects)


def code_number(objects, code):
    return next(number for number, row in enumerate(objects) if row[0] == code)


def refused(data, match):
    with pytest.raises(StateError, match=match):
        RiverModel.restored(data)


@every_kind
def test_what_is_restored_is_written_as_it_was(name):
    assert RiverModel.restored(SNAPSHOTS[name]).snapshot() == SNAPSHOTS[name]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"format": "pickle"}, "format"),
        ({"version": 2}, "version 2"),
        ({"river": "0.25"}, "River 0.26"),
        ({"kind": "os.system"}, "another kind"),
        ({"kind": TREE}, "another class"),
        ({"feature_names": []}, "columns"),
        ({"feature_names": ["a"] * 6}, "distinct"),
        ({"feature_names": ["a", "b"]}, "6|columns|column's"),
        ({"n_learned": -1}, "columns"),
        ({"objects": []}, "at the snapshot's end"),
        ({"scale": {"n": b"", "mean": b"", "squares": b""}}, "8 bytes"),
        ({"scale": {name: np.full(6, np.nan).tobytes() for name in ("n", "mean", "squares")}}, "finite"),
        ({"scale": {name: np.full(6, -1.0).tobytes() for name in ("n", "mean", "squares")}}, "negative"),
        ({"more": 1}, "more"),
    ],
)
def test_a_map_that_is_not_as_described_is_refused(fields, match):
    refused(changed(LOGISTIC, **fields), match)


@pytest.mark.parametrize("code", ["os.system", "LogisticRegression()", "Random", 7, None, ["SGD"]])
def test_an_object_of_a_class_that_is_not_in_the_table_is_refused(code):
    refused(with_objects(LOGISTIC, lambda objects: objects[0].__setitem__(0, code)), "another class")


def test_an_object_that_refers_to_itself_or_a_later_one_is_refused():
    for number in (0, 10**6, -1, True, "0", 1.0):
        refused(
            with_objects(LOGISTIC, lambda objects, n=number: objects[-1].__setitem__(1, n)),
            "come before|expected one",
        )


def test_an_object_in_the_place_of_one_of_another_class_is_refused():
    def edit(objects):
        objects[-1][2] = code_number(objects, "SGD")

    refused(with_objects(LOGISTIC, edit), "refers to a SGD")


@pytest.mark.parametrize("value", [None, "1", True, float("nan"), float("inf"), 1e300, [], {}, b""])
def test_a_value_of_another_kind_is_refused(value):
    def edit(objects):
        objects[-1][3] = value

    refused(with_objects(LOGISTIC, edit), "finite number")


def test_a_row_of_another_length_is_refused():
    refused(with_objects(LOGISTIC, lambda objects: objects[-1].append(1)), "attributes")
    refused(with_objects(LOGISTIC, lambda objects: objects.append([])), "another class")


def test_a_column_that_the_model_does_not_have_is_refused():
    def edit(objects):
        objects[code_number(objects, "AdaNumBinaryBranchClass")][3] = len(NAMES)

    refused(with_objects(TREE, edit), "column's number")


@pytest.mark.parametrize(
    "edit",
    [
        lambda window: window.pop(),
        lambda window: window.__setitem__(2, 10**9),
        lambda window: window.__setitem__(2, 4),
        lambda window: window.__setitem__(5, float("nan")),
        lambda window: window[-1].clear(),
        lambda window: window[-1][0].pop(),
        lambda window: window[-1][0].__setitem__(0, 99),
        lambda window: window[-1].extend(window[-1][:1] * 100),
    ],
)
def test_a_window_that_river_would_panic_on_never_reaches_it(edit):
    """Its panics are no exceptions: `except Exception` lets them through, and a process ends by them."""
    refused(
        with_objects(TREE, lambda objects: edit(objects[code_number(objects, "ADWIN")][-1])), "ADWIN window"
    )


def test_more_objects_than_a_model_can_have_are_refused_unread():
    encoded = msgspec.msgpack.encode(msgspec.msgpack.decode(SNAPSHOTS[LOGISTIC]) | {"objects": None})
    assert encoded.endswith(b"\xc0")
    n = 3_000_000
    refused(encoded[:-1] + b"\xdd" + n.to_bytes(4, "big") + b"\x90" * n, "length")


@pytest.mark.parametrize("row", [["Random"], ["Random", b"", 1, None], ["Random", b"\0" * 2496, 999, None]])
def test_a_generator_of_another_form_is_refused(row):
    def edit(objects):
        objects[code_number(objects, "Random")] = row

    refused(with_objects(FOREST, edit), "generator")


def test_a_chain_without_end_is_refused():
    def edit(objects):
        number = code_number(objects, "AdaNumBinaryBranchClass")
        branch, rest = objects[number], objects[number + 1 :]
        del objects[number + 1 :]
        for at in range(number, number + 300):
            objects.append([*branch[:1], [at, at], *branch[2:]])
        del rest

    refused(with_objects(TREE, edit), "deeper")


def test_truncated_bytes_are_refused_wherever_they_end():
    data = SNAPSHOTS[LOGISTIC]
    for end in [*range(0, len(data), 97), len(data) - 1]:
        refused(data[:end], "snapshot")


def test_bytes_with_something_behind_them_are_refused():
    refused(SNAPSHOTS[LOGISTIC] + b"\0", "snapshot")


def test_more_bytes_than_a_snapshot_may_have_are_refused_unread(monkeypatch):
    monkeypatch.setattr(snapshots, "LARGEST_BYTES", 1000)
    refused(SNAPSHOTS[FOREST], "at most 1000 bytes")
    with pytest.raises(StateError, match="at most 1000 bytes"):
        taught(quick_recipes()[FOREST], ROWS[:100], IS_UP[:100]).snapshot()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x91" * 100_000,
        b"\xc1",
        b"{}",
        pickle.dumps(Exception("never")),
        b"\xdd\xff\xff\xff\xff",
    ],
    ids=["nothing", "an empty map", "a bomb", "no type", "JSON", "a pickle", "a length without end"],
)
def test_other_bytes_are_refused(data):
    refused(data, "snapshot|River")


def test_another_river_can_neither_write_nor_read(monkeypatch):
    monkeypatch.setattr(snapshots, "installed_version", lambda _name: "0.27.0")
    refused(SNAPSHOTS[LOGISTIC], "0.27 is installed")
    with pytest.raises(StateError, match=r"0\.27 is installed"):
        quick_recipes()[LOGISTIC].begin(NAMES).snapshot()


def test_an_object_with_another_attribute_is_not_written():
    model = quick_recipes()[LOGISTIC].begin(NAMES)
    model._classifier.added = 1
    with pytest.raises(StateError, match="added"):
        model.snapshot()


@every_kind
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bytes_changed_at_random_are_refused_or_are_a_model(name, data):
    broken = bytearray(SNAPSHOTS[name])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = RiverModel.restored(bytes(broken))
        said = [model.predict_one(row) for row in ROWS[:5]]
    except StateError:
        return
    assert all(0 < probability < 1 for probability in said)
