"""Alerts about the health of sources, on ``alerts.v1`` like those of every other worker.

One alert belongs to a source. It is raised at once if the source is quiet or refuses us, and after three failed rounds
if it fails or asks us to wait, because such troubles often pass. It is resolved by an answer with something new.
"""

from schemas.events import AlertRaised, Severity, SourceHealth, SourceHealthChanged

NAME = "source_health"
ROUNDS_BEFORE_ALERT = 3
_AT_ONCE = (SourceHealth.QUIET, SourceHealth.REFUSED)
_AFTER_SOME = (SourceHealth.LIMITED, SourceHealth.FAILING)
_REMEDIES = {
    SourceHealth.QUIET: "look whether its site still publishes there",
    SourceHealth.REFUSED: "it is not available from here; other sources take its place",
    SourceHealth.LIMITED: "ask it less often, or get a key",
    SourceHealth.FAILING: "see the log of the collector",
}


class SourceAlerts:
    """Decides when the alert of one source is raised and resolved.

    Args:
        before: What was said of the source before this process; it says whether its alert lasts.
    """

    def __init__(self, before: SourceHealthChanged | None) -> None:
        state = SourceHealth.UNKNOWN if before is None else before.state
        #: Runs that read once each raise it in the second run that fails.
        self._n_failed = ROUNDS_BEFORE_ALERT - 1 if state in _AFTER_SOME else 0
        self._raised = state if state in _AT_ONCE else None
        #: An earlier process may have raised it, which nothing here tells; ending it twice does no harm.
        self._may_last = state not in (SourceHealth.HEALTHY, SourceHealth.UNKNOWN)

    def on_round(self, said: SourceHealthChanged | None, state: SourceHealth) -> SourceHealthChanged | None:
        """Take a round into account; returns the change that is an alert or its end, or None.

        Args:
            said: What is said of the source now; None if nothing new is said.
            state: Its state.
        """
        if state is SourceHealth.HEALTHY:
            is_over = self._may_last
            self._n_failed, self._raised, self._may_last = 0, None, False
            return said if is_over else None
        self._n_failed = 0 if state is SourceHealth.QUIET else self._n_failed + 1
        is_due = state in _AT_ONCE or self._n_failed >= ROUNDS_BEFORE_ALERT
        if said is None or not is_due or self._raised is state:
            return None
        self._raised, self._may_last = state, True
        return said


def alert_of(said: SourceHealthChanged) -> AlertRaised:
    """Return the alert about a source, or its end if the source is healthy."""
    is_resolved = said.state is SourceHealth.HEALTHY
    remedy = "" if is_resolved else f"; {_REMEDIES.get(said.state, 'see the log of the collector')}"
    return AlertRaised(
        event_time_ms=said.event_time_ms,
        known_time_ms=said.known_time_ms,
        source="collector",
        stream=said.stream,
        name=NAME,
        subject=said.source,
        severity=Severity.INFORMATION if said.state is SourceHealth.REFUSED else Severity.WARNING,
        summary=f"{said.source} is {said.state}: {said.reason}{remedy}"[:500],
        is_resolved=is_resolved,
    )
