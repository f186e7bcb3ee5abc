"""Recipes written into manifests, and read again."""

import msgspec
import pytest

from schemas.errors import StateError
from trainers.models.descriptions import described, recipe_of
from trainers.training.offered import offered

NAMES = sorted(offered())


@pytest.mark.parametrize("near", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_survives_json(name, near):
    recipe = offered(near)[name]
    written = msgspec.json.decode(msgspec.json.encode(described(recipe)))
    assert recipe_of(written) == recipe


def test_a_mixture_whose_members_are_alone_survives_json():
    recipe = offered(2, is_accompanied=True)["mixture"]
    written = msgspec.json.decode(msgspec.json.encode(described(recipe)))
    assert recipe_of(written) == recipe


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "oracle"},
        {"kind": "logistic", "ridge": "large"},
        {"kind": "logistic", "rigde": 1.0},
        {"kind": "stacked", "members": [{"kind": "oracle"}]},
        {"kind": "mixture", "members": 3},
    ],
)
def test_what_is_no_recipe_is_refused_by_name(wrong):
    with pytest.raises(StateError):
        recipe_of(wrong)


def test_a_recipe_of_no_known_kind_cannot_be_described():
    class Foreign:
        pass

    with pytest.raises(TypeError, match="KINDS"):
        described(Foreign())
