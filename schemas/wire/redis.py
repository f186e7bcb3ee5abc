"""The client of Redis: views, each of which holds the newest event of one key.

A view holds a JSON body and its order, which is an as-of time. A write with an older order
changes nothing, so writing twice, late or from a restored log is harmless. Redis may be emptied
at any time: a writer keeps its newest views, and writes them all again when its mark is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import redis
import stamina
from redis.exceptions import (
    AuthenticationError,
    RedisError,
)

from schemas.arms import CHAMPION
from schemas.errors import ConfigurationError, PlatformError, StoreUnavailableError

#: It writes many views in one call, because a call per view takes longer than the write.
_WRITE_IF_NEWER = """
for i, key in ipairs(KEYS) do
    local order, body = ARGV[2 * i - 1], ARGV[2 * i]
    local held = redis.call('HGET', key, 'order')
    if not held or tonumber(held) <= tonumber(order) then
        redis.call('HSET', key, 'order', order, 'body', body)
    end
end
"""
#: The orders of many views, whose keys are one text, as one text too: as arguments and answers of
#: their own they take the client ten times as long.
_READ_ORDERS = """
local orders = {}
for key in string.gmatch(ARGV[1], '[^,]+') do
    orders[#orders + 1] = redis.call('HGET', key, 'order') or ''
end
return table.concat(orders, ',')
"""
#: So many views a call: Redis answers nobody else meanwhile, some milliseconds.
_N_A_CALL = 500


def features_key(stream: str, instrument: str, interval: str) -> str:
    """Return the key of the newest features of an instrument and interval.

    Args:
        stream: The run.
        instrument: The name of the instrument.
        interval: The length of the bars.
    """
    return f"features:{stream}:{instrument}:{interval}"


def prediction_key(stream: str, instrument: str, interval: str, horizon: str, arm: str = CHAMPION) -> str:
    """Return the key of the newest prediction of a target. The key of the champion does not name the arm.

    Args:
        stream: The run.
        instrument: The name of the instrument.
        interval: The length of the bars.
        horizon: How far ahead it predicts.
        arm: The alias under which the version was scored.
    """
    key = f"prediction:{stream}:{instrument}:{interval}:{horizon}"
    return key if arm == CHAMPION else f"{key}:{arm}"


def news_key(stream: str, asset: str) -> str:
    """Return the key of the newest features of the news about an asset."""
    return f"news:{stream}:{asset}"


def clock_key(stream: str) -> str:
    """Return the key of the time of the stream, which is its newest watermark."""
    return f"clock:{stream}"


def failures_key(stream: str) -> str:
    """Return the key of the hash that says, by target, how many decisions of a run failed."""
    return f"failures:{stream}"


def translate(error: RedisError) -> PlatformError:
    """Return the error of the platform for one of the client; all but a refused password are transient."""
    text = f"Redis: {error}"
    if isinstance(error, AuthenticationError):
        return ConfigurationError(f"REDIS_URL: {text}")
    return StoreUnavailableError(text)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the platform's errors for those of the client within the block."""
    try:
        yield
    except RedisError as error:
        raise translate(error) from error


def connect(url: str) -> "redis.Redis":
    """Return a client for a URL.

    Raises:
        ConfigurationError: If the URL has another form.
    """
    try:
        return redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)
    except ValueError as error:
        message = f"REDIS_URL must look like redis://host:port/0, was {url!r}"
        raise ConfigurationError(message) from error


class Views:
    """Reads views, and writes those of one job.

    Args:
        client: A client from :func:`connect`.
        job: The job that writes; its mark shows whether Redis was emptied.
    """

    def __init__(self, client: "redis.Redis", *, job: str) -> None:
        self._client = client
        self._mark = f"views:{job}:written"
        self._script = client.register_script(_WRITE_IF_NEWER)
        self._read_orders = client.register_script(_READ_ORDERS)
        self._held: dict[str, tuple[int, bytes]] = {}

    def close(self) -> None:
        """Close all connections to Redis."""
        self._client.close()

    def write(self, views: Mapping[str, tuple[int, bytes]]) -> None:
        """Write views by key, each of them an order and a body; a newer view stays.

        If Redis is unreachable, this waits for up to half a minute.

        Raises:
            StoreUnavailableError: If Redis stayed unreachable.
        """
        self._held.update(views)
        for attempt in stamina.retry_context(
            on=StoreUnavailableError, attempts=None, timeout=30.0, wait_initial=0.1, wait_max=1.0
        ):
            with attempt, translated():
                self._write(views)

    def _write(self, views: Mapping[str, tuple[int, bytes]]) -> None:
        if not self._has_sent(views):
            self._has_sent(self._held)

    def _has_sent(self, views: Mapping[str, tuple[int, bytes]]) -> bool:
        """Send views, and return whether the mark was still there; the same call sets it."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.set(self._mark, 1, get=True)
        keys = list(views)
        for begin in range(0, len(keys), _N_A_CALL):
            some = keys[begin : begin + _N_A_CALL]
            self._script(keys=some, args=[part for key in some for part in views[key]], client=pipeline)
        return pipeline.execute()[0] is not None

    def read(self, key: str) -> bytes | None:
        """Return the body of a view, or None.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with translated():
            body = self._client.hget(key, "body")
        return bytes(body) if isinstance(body, bytes) else None

    def orders(self, keys: Sequence[str]) -> list[int | None]:
        """Return the order of each of these views, or None where there is no such view.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with translated():
            pipeline = self._client.pipeline(transaction=False)
            for begin in range(0, len(keys), _N_A_CALL):
                self._read_orders(args=[",".join(keys[begin : begin + _N_A_CALL])], client=pipeline)
            found = [order for some in pipeline.execute() for order in some.split(b",")]
        return [int(order) if order else None for order in found]

    def put_fields(self, key: str, fields: Mapping[str, bytes]) -> None:
        """Write some fields of a hash; the other fields stay.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with translated():
            self._client.hset(key, items=[part for field in fields.items() for part in field])

    def fields(self, key: str) -> dict[str, bytes]:
        """Return the fields of a hash; none if there is no such hash.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with translated():
            found = cast("dict[bytes, bytes]", self._client.hgetall(key))
        return {name.decode(): value for name, value in found.items()}

    def is_ready(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._client.ping())
        except RedisError:
            return False
