"""Sorts the errors of Postgres by their cause: the row, the state of the server, or its set-up.

A job that writes needs to know the cause. If a row is refused, it is put aside and the others are written. If the
server takes no writes now, the job waits. If the server is set up wrongly, the process stops. The code of the
error, its SQLSTATE, tells the cause; its first two characters are its class.

Source:
    PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

import psycopg
from psycopg_pool import PoolTimeout

from schemas.errors import ConfigurationError, PlatformError, RowRefusedError, StoreUnavailableError


class Fault(Enum):
    """The cause of an error."""

    ROW = auto()
    STATE = auto()
    SETTING = auto()
    MISTAKE = auto()


#: The causes by class, or by whole code where a code differs from its class. Classes that no statement here can
#: raise, such as those of cursors and of the syntax of transactions, are mistakes of this program.
FAULTS: dict[str, Fault] = {
    **dict.fromkeys(("22", "23", "27", "2F", "38", "39", "44", "54", "P0"), Fault.ROW),
    # An internal error that one row raises and others do not; damaged files, of the same class, are a state.
    "XX000": Fault.ROW,
    **dict.fromkeys(("08", "25", "28", "40", "53", "55", "57", "58", "F0", "HV", "XX"), Fault.STATE),
    **dict.fromkeys(("26000", "28P01", "3D000", "3F000", "42501", "42703", "42P01", "42P05"), Fault.SETTING),
    **dict.fromkeys(
        ("02", "03", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "24", "26", "2B", "2D",
         "34", "3B", "3D", "3F", "42", "72"),
        Fault.MISTAKE,
    ),
}  # fmt: skip
_NO_SESSION = (
    "; a transaction pooler seems to stand before the server: set DRIFTLINE_DATABASE_POOLED=1, "
    "or add pgbouncer=true to DATABASE_URL"
)
_REMEDIES = {
    "26000": _NO_SESSION,
    "42P05": _NO_SESSION,
    "42P01": "; the tables are missing: run `driftline up`",
    "42703": "; the tables are of another release: run `driftline up`",
    "42501": "; the user of DATABASE_URL must own the tables",
}
#: A detail quotes the row, which may be long.
_LONGEST_DETAIL = 200


def fault_of(error: psycopg.Error) -> Fault:
    """Return the cause of an error.

    The cause of an error that ends the connection is the server. An error without a code was raised by the driver:
    the row could not be sent, or there is no connection.
    """
    if error.sqlstate is None:
        if isinstance(error, psycopg.DataError):
            return Fault.ROW
        is_away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Fault.STATE if is_away else Fault.MISTAKE
    # A class that a later Postgres adds is taken for a state: the job waits, and puts no row aside.
    found = FAULTS.get(error.sqlstate, FAULTS.get(error.sqlstate[:2], Fault.STATE))
    ends_connection = error.diag.severity_nonlocalized in {"FATAL", "PANIC"}
    return Fault.STATE if ends_connection and found is not Fault.SETTING else found


def translate(error: psycopg.Error | PoolTimeout) -> PlatformError | None:
    """Return the error of the platform for one of psycopg; None if a row or a mistake of this program raised it."""
    text = f"Postgres: {error}".strip()
    if isinstance(error, PoolTimeout):
        return StoreUnavailableError(text)
    match fault_of(error):
        case Fault.STATE:
            code = "" if error.sqlstate is None else f" (SQLSTATE {error.sqlstate})"
            return StoreUnavailableError(f"{text}{code}")
        case Fault.SETTING:
            return ConfigurationError(f"DATABASE_URL: {text}{_REMEDIES.get(error.sqlstate or '', '')}")
        case _:
            return None


def refusal(error: psycopg.Error) -> str:
    """Return why a row was refused, in the words of the server: code, message, detail and context."""
    diag = error.diag
    said = f"Postgres refuses the row: {error.sqlstate or 'unsent'} {diag.message_primary or error}".strip()
    detail = "" if diag.message_detail is None else f"; {diag.message_detail}"
    where = "" if diag.context is None else f" ({diag.context.splitlines()[0]})"
    cut = detail if len(detail) <= _LONGEST_DETAIL else f"{detail[:_LONGEST_DETAIL]}..."
    return f"{said}{cut}{where}"


@contextmanager
def translated() -> Iterator[None]:
    """Raise the platform's errors for those of psycopg within the block; errors of a row stay as they are."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        found = translate(error)
        if found is None:
            raise
        raise found from error


@contextmanager
def translated_writes() -> Iterator[None]:
    """Do as :func:`translated` does, and turn errors of a row into an error of the platform, too.

    Raises:
        RowRefusedError: If a row of the block is refused, whatever the reason.
    """
    try:
        with translated():
            yield
    except psycopg.Error as error:
        if fault_of(error) is not Fault.ROW:
            raise
        raise RowRefusedError(refusal(error)) from error
    except (UnicodeEncodeError, OverflowError) as error:
        message = f"the row cannot be sent to Postgres: {error}"
        raise RowRefusedError(message) from error
