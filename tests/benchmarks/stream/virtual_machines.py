"""Peers on the JVM: the jars that their POM names, fetched by Maven into ``build/peers``, and the command.

The program is one source file beside the POM, which Java compiles as it starts it; so a JDK is
needed, and no more than Java's own command.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.servers.java import find_java, find_maven
from schemas.errors import ConfigurationError
from tests.benchmarks.stream.environments import FOLDER
from tests.benchmarks.stream.telling import tell

SOURCES = Path("tests") / "benchmarks" / "stream" / "peers"
#: The one that compiles; Java alone, without the kit, lacks it.
_COMPILER = "jdk.compiler"
#: Of what was tried (G1, serial, parallel), the collector that gave the most throughput.
_OPTIONS = ("-XX:+UseParallelGC", "-Xms1g", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def lacking() -> str | None:
    """Why no such peer can run on this machine; None if one can."""
    try:
        java = find_java(os.environ)
        find_maven(os.environ)
    except ConfigurationError as error:
        return str(error)
    modules = subprocess.run([str(java), "--list-modules"], check=True, capture_output=True, text=True)
    if _COMPILER not in modules.stdout:
        return f"{java} cannot compile: install a JDK (Debian: `apt-get install openjdk-17-jdk-headless`)"
    return None


def command_of(name: str) -> tuple[str, ...]:
    """How a peer's program is started, its jars at hand.

    Raises:
        ConfigurationError: If Java or Maven is missing.
    """
    (source,) = _folder(name).glob("*.java")
    return (str(find_java(os.environ)), *_OPTIONS, "--class-path", f"{jars_of(name)}/*", str(source))


def jars_of(name: str) -> Path:
    """The folder of a peer's jars, which is filled when it is missing or its POM is newer."""
    folder = FOLDER / name / "jars"
    pom = _folder(name) / "pom.xml"
    mark = folder / ".installed"
    if mark.exists() and mark.read_bytes() == pom.read_bytes():
        return folder
    tell(f"{name}: fetching its jars into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    maven = [str(find_maven(os.environ)), "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom)]
    target = f"-DoutputDirectory={folder.absolute()}"
    subprocess.run([*maven, "dependency:copy-dependencies", target], check=True)
    mark.write_bytes(pom.read_bytes())
    return folder


def version_in(name: str, package: str) -> str:
    """The version that a peer's POM states."""
    stated = re.search(
        rf"<artifactId>{package}</artifactId><version>([^<]+)</version>",
        (_folder(name) / "pom.xml").read_text(),
    )
    if stated is None:
        message = f"{_folder(name)}/pom.xml does not state {package}"
        raise KeyError(message)
    return stated[1]


def _folder(name: str) -> Path:
    return SOURCES / name.replace("-", "_")
