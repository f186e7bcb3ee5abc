"""Times that people type, as UTC milliseconds."""

from datetime import UTC, datetime

from schemas.errors import ConfigurationError


def utc_ms(text: str | None, option: str) -> int | None:
    """An ISO time, UTC unless it states an offset; None when there is no text.

    Raises:
        ConfigurationError: If it has another form; names the option.

    Example:
        >>> utc_ms("2025-06-01T00:15", "--from")
        1748736900000
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        message = f"{option} must be a UTC time such as 2025-06-01T00:00, was {text!r}"
        raise ConfigurationError(message) from error
    stated = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return int(stated.timestamp() * 1000)
