"""Bringing the tables of the durable store to the form of this release."""

from pathlib import Path

from schemas.errors import StoreUnavailableError
from schemas.wire.postgres.pools import check_url


def migrate(database_url: str, *, to: str = "head") -> None:
    """Bring the tables to this release's form; does nothing when they are.

    Args:
        to: An earlier revision instead.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
        ConfigurationError: If the URL is none.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    check_url(database_url)
    engine = create_engine("postgresql+psycopg://" + database_url.split("://", 1)[1])
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
    except OperationalError as error:
        message = f"Postgres: {error.orig}"
        raise StoreUnavailableError(message) from error
    finally:
        engine.dispose()
