"""The errors that Kraken states in answers of status 200, as the errors of the port of HTTP."""

from producers.normalise.kraken_answers import error_of
from producers.sources.fetching import Fetched, SourceAnswerError, SourceBusyError, SourceUnreachableError
from schemas.errors import ContractError

_PAUSE_S = 30.0
_BUSY = ("Rate limit", "Too many requests", "Throttled", "Temporary lockout")
_DOWN = ("EService", "EGeneral:Internal error")


def checked_answer(fetched: Fetched) -> Fetched:
    """Return an answer that states no error.

    Raises:
        SourceBusyError: If requests came too often.
        SourceUnreachableError: If the service is unavailable or busy, as in maintenance.
        SourceAnswerError: If it states another error, such as an unknown pair.
    """
    try:
        said = error_of(fetched.body)
    except ContractError:
        return fetched  # the reader says what is wrong with it
    if said is None:
        return fetched
    message = f"api.kraken.com answered: {said}"
    if any(words in said for words in _BUSY):
        raise SourceBusyError(message, retry_after_s=_PAUSE_S)
    if any(words in said for words in _DOWN):
        raise SourceUnreachableError(message)
    raise SourceAnswerError(message, status=400)
