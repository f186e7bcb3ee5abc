"""The mirror that the launcher starts itself for ``SOURCE=mirror``: where it listens, and when its market began.

A mirror's stream is named after its address, and its market is a function of the time at which it began. Both are
kept in the data directory, so that the next start goes on with the same stream and the same market.
"""

import json
import time
from pathlib import Path
from typing import NamedTuple

from deploy.local.directories import DataDirectory, write_json
from deploy.local.ports import ClaimedPorts, PortChoice, is_free
from deploy.local.settings import LauncherSettings
from deploy.processes import PlatformProcess, mirror_process
from schemas.errors import ConfigurationError

_ROOT = Path(__file__).resolve().parents[2]
PORT = PortChoice(18090, "DRIFTLINE_SOURCES_MIRROR")


class OwnMirror(NamedTuple):
    """A mirror that the launcher starts.

    Attributes:
        port: On which it listens.
        start_ms: When its market began.
        data: The folder of recorded data that it plays.
        rate: Trades a second on average; 0 plays them as recorded.
    """

    port: int
    start_ms: int
    data: Path
    rate: float

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> PlatformProcess:
        """The row of the table of processes."""
        return mirror_process(port=self.port, start_ms=self.start_ms, data=self.data, rate=self.rate)


def own_mirror(settings: LauncherSettings) -> OwnMirror:
    """Return the mirror of a data directory: the one that it had, or a new one.

    Raises:
        ConfigurationError: If the recorded data or the mirror's code are missing.
    """
    data = settings.recorded_data.resolve()
    if not (data / "MANIFEST.md").exists():
        message = (
            f"DRIFTLINE_RECORDED_DATA: there are no recorded data at {data}, which a mirror plays; set it to their "
            f"folder, or {PORT.variable} to a mirror that runs elsewhere"
        )
        raise ConfigurationError(message)
    if not (_ROOT / "tests" / "mirror").is_dir():
        message = (
            f"SOURCE=mirror needs a checkout of the project, or {PORT.variable} set to a mirror that runs"
        )
        raise ConfigurationError(message)
    port, start_ms, rate = _kept(DataDirectory(settings.data_dir))
    if port is None or not is_free(port):
        with ClaimedPorts() as claimed:
            port = claimed.choose(PORT)
    if start_ms is None or rate is None:
        start_ms, rate = time.time_ns() // 1_000_000, settings.mirror_rate
    return OwnMirror(port, start_ms, data, rate)


def remember_mirror(mirror: OwnMirror | None, directory: DataDirectory) -> None:
    """Write down the mirror of a run. Call it while the directory is held."""
    if mirror is not None:
        write_json(directory.mirror, {"port": mirror.port, "start_ms": mirror.start_ms, "rate": mirror.rate})


def _kept(directory: DataDirectory) -> tuple[int | None, int | None, float | None]:
    try:
        kept = json.loads(directory.mirror.read_bytes())
        return int(kept["port"]), int(kept["start_ms"]), float(kept.get("rate", 0))
    except (OSError, ValueError, KeyError, TypeError):
        return None, None, None
