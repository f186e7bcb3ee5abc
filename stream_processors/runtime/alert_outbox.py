"""What a worker says last: kept in a file until the broker has acknowledged it.

::

    keep       the alert goes into a file, whole or not at all
    publish    it goes to the broker, and the file is deleted once that has acknowledged it

A process that ends itself cannot wait for a broker for long, and one that is killed waits for nothing.
Whoever is started again under the same name finds the file and publishes what it says. An alert is known
by its name and subject, so one that is published twice says nothing new.

Without a folder, as in a container that keeps no files, what the broker does not acknowledge in time is
only in the log.
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
FOLDER = "last_words"
_CONNECT_S = 5.0
#: A busy machine takes seconds where an idle one takes milliseconds.
_PUBLISH_S = 15.0


class AlertOutbox:
    """One worker's last words.

    Args:
        data_dir: In whose folder ``last_words`` they are kept; None keeps none.
        name: Of the worker, the same after a restart.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, data_dir: Path | None, name: str) -> None:
        self._folder = _made(data_dir)
        self._name = quote(name, safe="")
        self._publisher = Publisher(endpoint, role="watchdog")
        self._in_flight: AlertRaised | None = None
        self._said: AlertRaised | None = None

    def path(self, suffix: str) -> Path | None:
        """A file of this worker's own in the folder; None without one."""
        return None if self._folder is None else self._folder / f"{self._name}{suffix}"

    def connect(self) -> None:
        """Find the broker now, so that it need not be found at the moment of dying."""
        try:
            self._publisher.connect(timeout_s=_CONNECT_S)
        except PlatformError as error:
            log.warning("the watchdog has no broker yet", reason=str(error))

    def keep(self, alert: AlertRaised) -> None:
        """Write an alert down; one that was kept before gives way."""
        path = self.path(".json")
        if path is None:
            return
        try:
            partial = path.with_suffix(".partial")
            partial.write_bytes(codec.encode(alert))
            partial.replace(path)
        except OSError as error:
            log.warning("last words not kept", reason=str(error))

    def say(self, alert: AlertRaised, *, timeout_s: float = _PUBLISH_S) -> None:
        """Keep an alert, and publish it if the broker takes it within the time."""
        self.keep(alert)
        self._publish(alert, timeout_s=timeout_s)

    def publish_kept(self, *, timeout_s: float = _PUBLISH_S) -> None:
        """Publish what was kept, if anything was; what the broker does not take now stays."""
        alert = self._kept()
        if alert is not None and alert != self._said:
            self._publish(alert, timeout_s=timeout_s)

    def _kept(self) -> AlertRaised | None:
        path = self.path(".json")
        if path is None:
            return None
        try:
            alert: AlertRaised = codec.decode(ALERTS, path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ContractError) as error:
            log.warning("last words not readable", path=str(path), reason=str(error))
            self._forget()
            return None
        return alert

    def _forget(self) -> None:
        path = self.path(".json")
        if path is not None:
            with suppress(OSError):  # said once more at the next start, which says nothing new
                path.unlink(missing_ok=True)

    def _publish(self, alert: AlertRaised, *, timeout_s: float) -> None:
        """What the broker did not acknowledge yet is still on its way, and not published a second time."""
        try:
            if self._in_flight != alert:
                publish_alert(self._publisher, alert)
                self._in_flight = alert
            self._publisher.flush(timeout_s=timeout_s)
        except PlatformError as error:
            log.warning("alert not published yet", alert=alert.name, subject=alert.subject, reason=str(error))
            return
        self._in_flight, self._said = None, alert
        self._forget()
        log.info("alert published", alert=alert.name, subject=alert.subject)


def _made(data_dir: Path | None) -> Path | None:
    """The folder, if it can be made."""
    if data_dir is None:
        return None
    folder = data_dir / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("last words cannot be kept", reason=str(error))
        return None
    return folder
