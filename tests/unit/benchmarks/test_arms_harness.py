"""What ``make bench-arms`` counts as a difference between two runs."""

import msgspec

from schemas.arms import SHADOW
from schemas.records import PredictionRecord
from tests.benchmarks.arms.records import StoredArm, n_differences
from tests.unit.api.events import AS_OF_MS, QUARTER_MS, outcome, prediction

MADE = tuple(prediction(AS_OF_MS + i * QUARTER_MS) for i in range(3))
JUDGED = tuple(outcome(made, final_price=90.0) for made in MADE[:2])
COUNTS = {"15m:15m": PredictionRecord(3, 1, 1, 0, 0)}
STORED = StoredArm(MADE, JUDGED, COUNTS)


def test_the_same_records_under_another_arm_do_not_differ():
    shadows = StoredArm(
        *(tuple(msgspec.structs.replace(one, arm=SHADOW) for one in events) for events in (MADE, JUDGED)),
        COUNTS,
    )
    assert n_differences(STORED, shadows) == 0
    assert shadows.n_events == 5


def test_the_order_of_the_records_is_no_difference():
    assert n_differences(STORED, STORED._replace(predictions=MADE[::-1], outcomes=JUDGED[::-1])) == 0


def test_the_last_bit_of_a_probability_is_a_difference():
    altered = msgspec.structs.replace(MADE[0], probability_up=MADE[0].probability_up + 2**-53)
    assert n_differences(STORED, STORED._replace(predictions=(altered, *MADE[1:]))) == 1


def test_what_only_one_run_has_is_a_difference():
    assert n_differences(STORED, STORED._replace(predictions=MADE[1:])) == 1
    assert n_differences(STORED._replace(outcomes=()), STORED) == 2
    assert n_differences(STORED, STORED._replace(counts={})) == 1
