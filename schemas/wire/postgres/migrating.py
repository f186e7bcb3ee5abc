"""Migrates the tables of the durable store to the form of this release."""

from pathlib import Path

from schemas.errors import StoreUnavailableError
from schemas.wire.postgres.addresses import address_of


def migrate(database_url: str, *, to: str = "head") -> None:
    """Migrate the tables to the form of this release; nothing is done if they have it already.

    Args:
        database_url: The URL of Postgres.
        to: The revision to migrate to.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
        ConfigurationError: If the URL is not a URL of Postgres.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    address = address_of(database_url)
    engine = create_engine(
        "postgresql+psycopg://" + address.url.split("://", 1)[1], connect_args=address.options()
    )
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
