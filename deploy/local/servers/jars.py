"""Fetches the jars of Apache Kafka once by Maven, into a cache that all data directories share.

The folder is named after the version of Kafka and the content of the POM, so that another POM fetches again.
It appears whole or not at all. If two processes want it at once, the second waits.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.servers.java import find_maven
from schemas.errors import ConfigurationError

VERSION = "4.3.1"
RESOURCES = Path(__file__).resolve().parents[2] / "kafka"
_POM = RESOURCES / "pom.xml"
_FETCH_S = 600


def kafka_jars(environment: Mapping[str, str], *, say: Callable[[str], None]) -> Path:
    """Return the folder of the class path of Apache Kafka; it is fetched if it is missing.

    Args:
        environment: The environment of Maven.
        say: Called with a line for people when something is fetched.

    Raises:
        ConfigurationError: If Maven is missing or could not fetch it.
    """
    folder = jars_folder(environment)
    if folder.is_dir():
        return folder
    maven = find_maven(environment)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            if not folder.is_dir():
                say(f"fetching Apache Kafka {VERSION} by Maven, once, into {folder}")
                _fetch(maven, folder, environment)
    except OSError as error:
        message = f"XDG_CACHE_HOME: {folder.parent} cannot be written ({error}); set it to a folder that can"
        raise ConfigurationError(message) from error
    return folder


def jars_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the jars, whether it exists or not."""
    stated = environment.get("XDG_CACHE_HOME")
    cache = Path(stated) if stated else Path(environment.get("HOME") or Path.home()) / ".cache"
    content = hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]
    return cache / "driftline" / f"kafka-{VERSION.replace('.', '_')}-{content}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fetch(maven: Path, folder: Path, environment: Mapping[str, str]) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = ("--batch-mode", "--quiet", "--strict-checksums", "--file", str(_POM))
    done = subprocess.run(  # noqa: S603  (our own command, no shell)
        (str(maven), *options, "dependency:copy-dependencies", f"-DoutputDirectory={partial}"),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(environment) or None,
        timeout=_FETCH_S,
    )
    if done.returncode != 0 or not list(partial.glob(f"kafka_*-{VERSION}.jar")):
        reasons = [line for line in done.stdout.splitlines() if "ERROR" in line] or ["it gave no reason"]
        message = (
            f"Maven could not fetch Apache Kafka {VERSION}: {reasons[0]}; it needs Maven Central, "
            "or a mirror of it in ~/.m2/settings.xml"
        )
        raise ConfigurationError(message)
    partial.rename(folder)
