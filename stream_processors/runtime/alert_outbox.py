"""The outbox of a worker's last alert: a file keeps the alert until the broker has acknowledged it.

::

    keep       the alert is written into a file, whole or not at all
    publish    it goes to the broker, and the file is deleted once the broker has acknowledged it

A process that ends itself cannot wait for a broker for long, and a process that is killed waits for
nothing. The next process of the same name finds the file and publishes the alert. An alert is known by its
name and subject, so publishing it twice does no harm.

Without a folder, as in a container that keeps no files, an alert that the broker does not acknowledge in
time is only in the log.
"""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import structlog

from schemas import codec
from schemas.errors import ContractError, PlatformError
from schemas.events import AlertRaised
from schemas.topics import ALERTS
from schemas.wire.kafka import Publisher
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.alerts import publish_alert

log = structlog.get_logger()
#: In the data directory. The name is that of earlier releases, whose files are still published.
FOLDER = "last_words"
_CONNECT_S = 5.0
#: A busy machine takes seconds where an idle one takes milliseconds.
_PUBLISH_S = 15.0


class AlertOutbox:
    """The outbox of one worker.

    Args:
        endpoint: The broker.
        data_dir: The directory whose folder ``last_words`` holds the file; None keeps no file.
        name: The worker's name, which is the same after a restart.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, data_dir: Path | None, name: str) -> None:
        self._folder = _made(data_dir)
        self._name = quote(name, safe="")
        self._publisher = Publisher(endpoint, role="watchdog", is_compressed=False)
        self._in_flight: AlertRaised | None = None
        self._published: AlertRaised | None = None

    def path(self, suffix: str) -> Path | None:
        """The path of a file of this worker in the folder; None without a folder."""
        return None if self._folder is None else self._folder / f"{self._name}{suffix}"

    def connect(self) -> None:
        """Find the broker now, so that no time is lost with it when the process must end."""
        try:
            self._publisher.connect(timeout_s=_CONNECT_S)
        except PlatformError as error:
            log.warning("the watchdog cannot reach the broker yet", reason=str(error))

    def keep(self, alert: AlertRaised) -> None:
        """Write an alert into the file, in place of one that was kept before."""
        path = self.path(".json")
        if path is None:
            return
        try:
            partial = path.with_suffix(".partial")
            partial.write_bytes(codec.encode(alert))
            partial.replace(path)
        except OSError as error:
            log.warning("the alert could not be kept in a file", reason=str(error))

    def publish(self, alert: AlertRaised, *, timeout_s: float = _PUBLISH_S) -> None:
        """Keep an alert, and publish it if the broker acknowledges it within the time."""
        self.keep(alert)
        self._send(alert, timeout_s=timeout_s)

    def publish_kept(self, *, timeout_s: float = _PUBLISH_S) -> None:
        """Publish the alert that was kept, if there is one; it stays if the broker does not acknowledge it."""
        alert = self._kept()
        if alert is not None and alert != self._published:
            self._send(alert, timeout_s=timeout_s)

    def _kept(self) -> AlertRaised | None:
        path = self.path(".json")
        if path is None:
            return None
        try:
            alert: AlertRaised = codec.decode(ALERTS, path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ContractError) as error:
            log.warning("the kept alert cannot be read", path=str(path), reason=str(error))
            self._delete()
            return None
        return alert

    def _delete(self) -> None:
        path = self.path(".json")
        if path is not None:
            with suppress(OSError):  # the next start publishes the alert again, which does no harm
                path.unlink(missing_ok=True)

    def _send(self, alert: AlertRaised, *, timeout_s: float) -> None:
        """Send an alert, unless it is on its way already, and wait for the broker's acknowledgement."""
        try:
            if self._in_flight != alert:
                publish_alert(self._publisher, alert)
                self._in_flight = alert
            self._publisher.flush(timeout_s=timeout_s)
        except PlatformError as error:
            log.warning("alert not published yet", alert=alert.name, subject=alert.subject, reason=str(error))
            return
        self._in_flight, self._published = None, alert
        self._delete()
        log.info("alert published", alert=alert.name, subject=alert.subject)


def _made(data_dir: Path | None) -> Path | None:
    """The folder, if it can be made."""
    if data_dir is None:
        return None
    folder = data_dir / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("the folder for unpublished alerts cannot be made", reason=str(error))
        return None
    return folder
