"""The judge of the killed backfills finds every kind of fault."""

import pytest

from tests.chaos.collect.backfill_judging import HOUR_MS, Hours, Result, added

NUMBERS = (1.0, 2.0, 0.5, 1.5, 9.0)
NOTHING = Result("", ())


def hours(**fields):
    wanted = {number * HOUR_MS for number in range(4)}
    whole = {
        "wanted": wanted,
        "true": dict.fromkeys(wanted, NUMBERS),
        "stored": dict.fromkeys(wanted, NUMBERS),
        "n_rows": 4,
        "named": [],
        "quiet": [],
        "out_of_reach": set(),
    }
    return Hours(**{**whole, **fields})


def test_whole_hours_have_no_fault():
    assert added(NOTHING, hours())[2:] == (4, 4, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"stored": {at * HOUR_MS: NUMBERS for at in range(3)}, "n_rows": 3}, {"n_lost": 1, "n_unnamed": 1}),
        (
            {"stored": {at * HOUR_MS: NUMBERS for at in range(3)}, "n_rows": 3, "named": [3 * HOUR_MS]},
            {"n_lost": 1, "n_named": 1},
        ),
        ({"n_rows": 5}, {"n_twice": 1}),
        ({"named": [0]}, {"n_twice": 1, "n_named": 1}),
        ({"quiet": [0, 0]}, {"n_twice": 2, "n_quiet": 2}),
        ({"true": {}}, {"n_other": 4}),
    ],
)
def test_fault_is_counted(fields, fault):
    found = added(NOTHING, hours(**fields))

    counted = {name: getattr(found, name) for name in Result._fields[2:]}
    assert {name: n for name, n in counted.items() if n and name not in {"n_true", "n_stored"}} == fault


def test_what_the_venue_does_not_reach_is_not_lost():
    found = added(
        NOTHING,
        hours(
            stored={at * HOUR_MS: NUMBERS for at in range(3)},
            n_rows=3,
            named=[3 * HOUR_MS],
            out_of_reach={3 * HOUR_MS},
        ),
    )

    assert (found.n_lost, found.n_named) == (0, 1)
