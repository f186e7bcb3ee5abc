"""One connection to a venue: when it is opened, when it is due to be opened again, and what came over it last."""

import random

import structlog

from producers.jobs.following.shown_times import ShownTime
from producers.sources.fetching import SourceBusyError, SourceRefusedError
from producers.sources.sockets import Channel, ChannelClosedError, Received, Sockets
from producers.sources.venues import SocketAddress, Venue
from schemas.errors import SourceUnavailableError
from schemas.time import Clock

log = structlog.get_logger()

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 60.0
#: A venue that refuses to serve us here is asked again rarely.
_REFUSED_DELAY_S = 900.0
#: A venue that has not confirmed its subscriptions after this long is taken to send them.
_READY_AFTER_S = 5.0
#: So long before a venue would cut a connection, it is opened anew.
_BEFORE_CUT_S = 60.0


class Delays:
    """How long to wait before the next attempt: twice as long each time, with jitter, or as the source asks.

    Args:
        chance: Spreads the attempts, so that many clients do not come back at the same moment.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.n_failed = 0

    def after(self, error: SourceUnavailableError) -> float:
        """Return the seconds to wait after a failed attempt."""
        self.n_failed += 1
        match error:
            case SourceRefusedError():
                return error.retry_after_s or _REFUSED_DELAY_S
            case SourceBusyError():
                return error.retry_after_s + self._chance.uniform(0, 1)
            case _:
                longest_s = min(_FIRST_DELAY_S * 2 ** min(self.n_failed, 10), _LONGEST_DELAY_S)
                return self._chance.uniform(longest_s / 2, longest_s)

    def succeeded(self) -> None:
        """Begin anew after an attempt that succeeded."""
        self.n_failed = 0


class Line:
    """One connection and its life.

    Args:
        address: Where it goes.
        sockets: Opens it.
        clock: The clock.
        silent_after_s: A sound connection never sends nothing for so long.
        connection_s: After how long the venue cuts it; None if it states none.
        chance: Spreads the attempts.

    Attributes:
        instruments: Those that it carries.
        received_ms: When the last message arrived; when it was opened if none did yet.
        shown: The venue's own time, as far as it was shown.
        is_caught_up: Whether everything that was missed before it was opened has been given.
        is_drained: Whether the last reading left nothing to read.
        polled_ms: While it is closed: up to when its instruments were asked for by REST.
        refused: Why the venue does not serve us, if it said so.
        n_openings: How often it was opened.
        n_breaks: How often something may have been missed: it was opened, or trades seem to have been left out.
    """

    def __init__(
        self,
        address: SocketAddress,
        sockets: Sockets,
        clock: Clock,
        *,
        silent_after_s: float,
        connection_s: float | None,
        chance: random.Random,
    ) -> None:
        self.instruments = address.instruments
        self.received_ms = 0
        self.shown = ShownTime()
        self.is_caught_up = False
        self.is_drained = True
        self.polled_ms: int | None = None
        self.refused: str | None = None
        self._address = address
        self._sockets = sockets
        self._clock = clock
        self._silent_after_s = silent_after_s
        self._connection_s = connection_s
        self._delays = Delays(chance)
        self._channel: Channel | None = None
        self._due_s = clock.monotonic_s()
        self._opened_s = self._heard_s = 0.0
        self._subscribed_s: float | None = None
        self.n_openings = self.n_breaks = 0

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._channel is not None

    @property
    def n_failed(self) -> int:
        """How many attempts have failed in succession."""
        return self._delays.n_failed

    @property
    def is_ready(self) -> bool:
        """Whether the venue sends what was asked for, so that later trades come over this connection."""
        return self.is_open and self.ready_for_s >= 0

    @property
    def ready_for_s(self) -> float:
        """For how long the venue has been sending what was asked for; negative if it does not yet."""
        begin_s = self._opened_s + _READY_AFTER_S if self._subscribed_s is None else self._subscribed_s
        return self._clock.monotonic_s() - begin_s

    def broke(self) -> None:
        """Note that something may have been missed, so that it is asked for by REST."""
        self.is_caught_up = False
        self.n_breaks += 1

    def subscribed(self) -> None:
        """Note that the venue sends what was asked for."""
        if self._subscribed_s is None:
            self._subscribed_s = self._clock.monotonic_s()

    def keep_open(self) -> None:
        """Open the connection if it is closed and due, and close it if it is silent or about to be cut."""
        now_s = self._clock.monotonic_s()
        if self._channel is None:
            if now_s >= self._due_s:
                self._open()
            return
        if now_s - self._heard_s > self._silent_after_s:
            self.drop(f"nothing came for {self._silent_after_s:g} s")
        elif self._connection_s is not None and now_s - self._opened_s > self._connection_s - _BEFORE_CUT_S:
            self.drop("the venue would cut the connection soon")

    def _open(self) -> None:
        try:
            channel = self._sockets.connect(self._address.url)
            self._channel = channel
            for text in self._address.subscriptions:
                channel.send(text)
        except SourceUnavailableError as error:
            self._failed(error)
            return
        self._opened_s = self._heard_s = self._clock.monotonic_s()
        self.received_ms = self._clock.now_ms()
        self.broke()
        self._subscribed_s = None
        self.n_openings += 1
        self.polled_ms = self.refused = None
        self.shown.opened()

    def _failed(self, error: SourceUnavailableError) -> None:
        delay_s = self._delays.after(error)
        self._due_s = self._clock.monotonic_s() + delay_s
        self.refused = str(error) if isinstance(error, SourceRefusedError) else None
        self.close()
        log.info("connection failed", url=self._address.url, reason=str(error), again_in_s=round(delay_s, 1))

    def receive(self) -> Received | None:
        """Return the next message that has arrived; None if none has, or the connection is closed."""
        self.is_drained = True
        if self._channel is None:
            return None
        try:
            received = self._channel.receive(0.0)
        except ChannelClosedError as error:
            self._failed(error)
            return None
        if received is not None:
            self._heard_s = self._clock.monotonic_s()
            self.received_ms = received.received_ms
            self.is_drained = False
            self._delays.succeeded()
        return received

    def send(self, text: str) -> None:
        """Send a reply to the venue."""
        try:
            if self._channel is not None:
                self._channel.send(text)
        except ChannelClosedError as error:
            self._failed(error)

    def drop(self, reason: str) -> None:
        """Close the connection, so that it is opened again at once; it is refilled like any other."""
        log.info("connection is opened anew", url=self._address.url, reason=reason)
        self._due_s = self._clock.monotonic_s()
        self.close()

    def close(self) -> None:
        """Close the connection."""
        channel, self._channel = self._channel, None
        self.is_caught_up = False
        if channel is not None:
            channel.close()


def lines_of(venue: Venue, sockets: Sockets, clock: Clock, chance: random.Random) -> list[Line]:
    """Return the connections of a venue, which are not open yet.

    Args:
        venue: The venue.
        sockets: Opens them.
        clock: The clock.
        chance: Spreads the attempts.
    """
    return [
        Line(
            address,
            sockets,
            clock,
            silent_after_s=venue.traits.silent_after_s,
            connection_s=venue.traits.connection_s,
            chance=chance,
        )
        for address in venue.sockets()
    ]
