"""Peers on the JVM: the jars that their POM names, fetched by Maven into ``build/peers``, and what is compiled.

The program is one source file beside the POM, so that a JDK is needed, and Maven for the jars alone.
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
#: The collector that is made for throughput, and a heap that never grows; Streams warns of what is new in 5.0.
OPTIONS = ("-XX:+UseParallelGC", "-Xms1g", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def lacking() -> str | None:
    """Why no such peer can run on this machine; None if one can."""
    try:
        find_java(os.environ)
        find_maven(os.environ)
        _compiler()
    except ConfigurationError as error:
        return str(error)
    return None


def classes_of(name: str) -> tuple[Path, ...]:
    """A peer's class path: its program, compiled, and its jars; made when missing or of older sources.

    Raises:
        ConfigurationError: If Java, its compiler or Maven is missing.
    """
    folder = (FOLDER / name).absolute()
    jars, classes, mark = folder / "jars", folder / "classes", folder / ".compiled"
    pom, *sources = _folder(name) / "pom.xml", *sorted(_folder(name).glob("*.java"))
    content = b"".join(path.read_bytes() for path in (pom, *sources))
    if not mark.exists() or mark.read_bytes() != content:
        tell(f"{name}: fetching jars and compiling into {folder}")
        shutil.rmtree(jars, ignore_errors=True)
        maven = [str(find_maven(os.environ)), "--batch-mode", "--quiet", "--strict-checksums"]
        fetch = ["--file", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        subprocess.run([*maven, *fetch], check=True)
        compile_all = ["-nowarn", "-d", str(classes), "--class-path", f"{jars}/*", *map(str, sources)]
        subprocess.run([str(_compiler()), *compile_all], check=True)
        mark.write_bytes(content)
    return (classes, *sorted(jars.glob("*.jar")))


def _compiler() -> Path:
    java = find_java(os.environ).resolve()
    compiler = java.parent / "javac"
    if not compiler.is_file():
        message = f"{java} has no compiler beside it: install a JDK (Debian: `openjdk-17-jdk-headless`)"
        raise ConfigurationError(message)
    return compiler


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
