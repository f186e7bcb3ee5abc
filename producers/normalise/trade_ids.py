"""In which epoch of its venue's ids a trade lies: ids may start again, and what follows is not a repeat.

A venue's trade ids grow. Some start again (a symbol that is listed anew, a test network that is emptied each
month), and some tell nothing (always 0). Whoever drops what has no larger id than the newest trade loses every
trade after that. So the epoch of each trade is found here, where a source reads its venue's trades, and is part of
the trade's identity from then on: in the events, in the stored ticks, and where repeats are dropped. Nobody
downstream decides it again.

The rules for a trade that is not plainly newer than the newest one, because its id is not larger, or because ids
have started again and its time is not later:

1. A trade with the same id, time, price and size as one of the last seconds is a repeat, and has the epoch of
   that trade.
2. A trade that is older than those seconds is a repeat, too, and has the epoch of its time. Nothing is lost by
   that, since it would come too late for its bar.
3. Any other trade whose id is not larger opens the next epoch. Its id started again, or came out of order.
4. While the id stays the same although the trades differ, it tells nothing. A trade that is not older than the
   newest one is then a trade of its own, even if it has the same time, price and size: equal fills of one order
   are common (15 % of the trades of BTC-USDT in the recorded captures).

The epochs are a function of the trades alone, in the order in which the source has them. A recording is read from
its beginning at every start, so that a replay and a restart give the same epochs. A live source that starts again
hands over the newest trade that it has published.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from schemas.events import TickObserved

#: How far back a repeat is looked for. Two connections to one venue are milliseconds apart; what is read again
#: after a lost connection is seconds old. A trade that is older comes too late for every bar.
REMEMBERED_MS = 10_000
#: So many trades are remembered: more than the busiest market makes in that time, some 5 MB.
MOST_REMEMBERED = 20_000


class TradeIdEpochs:
    """Finds the epochs of one instrument's trades, in the order in which its source has them.

    Args:
        newest: The trade that was published last before this one began; None at the very beginning.
        n_remembered: The most trades that are remembered; a run of many instruments can hold fewer of each.
    """

    def __init__(self, newest: TickObserved | None = None, *, n_remembered: int = MOST_REMEMBERED) -> None:
        self._epoch = 0 if newest is None else newest.id_epoch
        self._recent = deque(() if newest is None else (newest,), maxlen=n_remembered)
        self._ids_tell_nothing = False
        # Where epochs began, but for those of single trades whose ids tell nothing.
        self._epochs, self._began_ms = [self._epoch], [0]

    def with_epoch(self, trade: TickObserved) -> TickObserved:
        """The same trade, with the epoch of its id."""
        newest = self._recent[-1] if self._recent else None
        if newest is None or (
            trade.trade_id > newest.trade_id
            and (self._epoch == 0 or trade.event_time_ms > newest.event_time_ms)
        ):
            self._ids_tell_nothing = False
        else:
            repeated = self._epoch_of_repeat(trade, newest)
            if repeated is not None:
                return _in_epoch(trade, repeated)
            self._begin(trade, newest)
        taken = trade if trade.id_epoch == self._epoch else _in_epoch(trade, self._epoch)
        self._recent.append(taken)
        return taken

    def _begin(self, trade: TickObserved, newest: TickObserved) -> None:
        """Begin the next epoch, if the id of a trade that repeats none is not larger than the newest one."""
        if trade.trade_id > newest.trade_id:
            self._ids_tell_nothing = False
            return
        self._epoch += 1
        self._ids_tell_nothing = trade.trade_id == newest.trade_id
        if not self._ids_tell_nothing:
            self._epochs.append(self._epoch)
            self._began_ms.append(trade.event_time_ms)

    def _epoch_of_repeat(self, trade: TickObserved, newest: TickObserved) -> int | None:
        """The epoch of the trade that this one repeats; None if it repeats none."""
        before = self._recent[-2] if len(self._recent) > 1 else newest
        # The smaller of two times: one trade with a wrong time must not make repeats of all that follow.
        newest_ms = min(newest.event_time_ms, before.event_time_ms)
        if trade.event_time_ms < newest_ms - REMEMBERED_MS:
            return self._epochs[max(0, bisect_right(self._began_ms, trade.event_time_ms) - 1)]
        has_same_id = trade.trade_id == newest.trade_id
        if self._ids_tell_nothing and has_same_id and trade.event_time_ms >= newest.event_time_ms:
            return None
        content, oldest_ms = _content(trade), trade.event_time_ms - REMEMBERED_MS
        for known in reversed(self._recent):
            if _content(known) == content:
                return known.id_epoch
            if known.event_time_ms < oldest_ms:
                return None
        return None


def with_id_epochs(trades: Iterable[TickObserved]) -> Iterator[TickObserved]:
    """Yields the trades of a source with the epochs of their ids, each instrument's by itself.

    Args:
        trades: From the beginning of the recording, in its order; with epochs of 0.
    """
    epochs: dict[str, TradeIdEpochs] = {}
    for trade in trades:
        held = epochs.get(trade.instrument)
        if held is None:
            held = epochs[trade.instrument] = TradeIdEpochs()
        yield held.with_epoch(trade)


def _content(trade: TickObserved) -> tuple[int, int, float, float]:
    return trade.trade_id, trade.event_time_ms, trade.price, trade.size


def _in_epoch(trade: TickObserved, epoch: int) -> TickObserved:
    return trade if epoch == trade.id_epoch else replace(trade, id_epoch=epoch)
