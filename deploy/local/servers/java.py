"""Finds Java and Maven, and checks their versions. Only Apache Kafka needs them."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import ConfigurationError

OLDEST_JAVA = 17
_REMEDY = (
    "install Java 17 or newer and Maven (Debian: `apt-get install openjdk-17-jre-headless maven`, "
    "macOS: `brew install openjdk maven`), or a Docker engine for tests and `make kafka`"
)


def find_java(environment: Mapping[str, str]) -> Path:
    """Return the Java program, by ``JAVA_HOME`` or the path.

    Raises:
        ConfigurationError: If there is none, or it is too old; the message says what to install.
    """
    home = environment.get("JAVA_HOME")
    found = f"{home}/bin/java" if home else shutil.which("java", path=environment.get("PATH"))
    if found is None or not Path(found).is_file():
        message = f"Apache Kafka needs Java {OLDEST_JAVA}, and there is none: {_REMEDY}"
        raise ConfigurationError(message)
    version = _version_of(found, environment)
    if version < OLDEST_JAVA:
        message = f"Apache Kafka needs Java {OLDEST_JAVA}, {found} is {version}: {_REMEDY}"
        raise ConfigurationError(message)
    return Path(found)


def find_maven(environment: Mapping[str, str]) -> Path:
    """Return the Maven program.

    Raises:
        ConfigurationError: If there is none; the message says what to install.
    """
    found = shutil.which("mvn", path=environment.get("PATH"))
    if found is None:
        message = f"the jars of Apache Kafka come by Maven, and there is no `mvn`: {_REMEDY}"
        raise ConfigurationError(message)
    return Path(found)


def _version_of(java: str, environment: Mapping[str, str]) -> int:
    """The major version; 0 if the program does not state it, as the placeholder on macOS does not."""
    asked = subprocess.run(  # noqa: S603  (a program of that name, no shell)
        (java, "-version"),
        check=False,
        capture_output=True,
        text=True,
        env=dict(environment) or None,
        timeout=30,
    )
    stated = re.search(r'version "(\d+)', asked.stderr)
    return 0 if asked.returncode != 0 or stated is None else int(stated[1])
