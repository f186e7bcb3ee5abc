"""From every error of the platform to its answer."""

from http import HTTPStatus

import pytest

from api.errors import ANSWERS, UnknownNameError, answer_of
from schemas import errors
from schemas.errors import PlatformError

STATUSES = {
    "PlatformError": 500,
    "ConfigurationError": 500,
    "ContractError": 500,
    "DecodeError": 500,
    "SchemaVersionError": 500,
    "InvariantError": 500,
    "RowRefusedError": 500,
    "TransientError": 503,
    "BrokerUnavailableError": 503,
    "StoreUnavailableError": 503,
    "SourceUnavailableError": 503,
    "StateError": 500,
    "OffsetRegressionError": 500,
    "SnapshotMismatchError": 500,
    "ProducerFencedError": 500,
    "NotReadyError": 503,
    "UnknownNameError": 404,
}


def every_error() -> list[type[PlatformError]]:
    declared = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [*declared, UnknownNameError]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_its_status(kind):
    assert answer_of(kind).status == STATUSES[kind.__name__]


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_what_may_pass_says_when_to_ask_again_and_nothing_else_does(kind):
    answer = ANSWERS[kind]
    assert (answer.retry_after_s is not None) == (answer.status is HTTPStatus.SERVICE_UNAVAILABLE)


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_what_a_server_failed_at_is_for_its_log_alone(kind):
    answer = ANSWERS[kind]
    assert answer.is_told == (answer.status is not HTTPStatus.INTERNAL_SERVER_ERROR)
