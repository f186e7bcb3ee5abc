"""The compiled scan: it reads the JSON of trades and watermarks, as our codec writes it, into columns.

A message is taken only if it is, byte for byte, what :func:`schemas.codec.encode` writes for a trade or a watermark with
known names, and if its numbers are plain. Whole numbers are plain with at most 18 digits, and decimals with at most 16
whose digits make a whole number that a float64 holds exactly. Every other message, however valid, is :data:`UNKNOWN` and
left to the codec. So the codec gives the same values for every message that is taken here; ``tests/properties``
compares the two.

Source:
    A decimal with an exact integer mantissa over an exact power of ten is correctly rounded:
    Clinger, How to read floating point numbers accurately (1990).
"""

import numpy as np
from numba import njit

from schemas.sources import LARGEST_LEAD_MS
from stream_processors.operators.ticks.memory import are_equal, byte_at, word_at

#: The kind of a message that the codec must decode. The groups of watermarks count down from -2.
UNKNOWN = -1
FIRST_GROUP = -2

#: Columns of ``numbers``. A watermark has the epoch of its session where a trade has its id, and no id epoch.
EVENT_MS, KNOWN_MS, TRADE_ID, ID_EPOCH = range(4)
EPOCH = TRADE_ID
N_NUMBERS = ID_EPOCH + 1
#: Columns of ``amounts``.
PRICE, SIZE, BOUGHT = range(3)

_PIECES = (
    b'{"type":"TickObserved","event_time_ms":',
    b'{"type":"WatermarkAdvanced","event_time_ms":',
    b',"known_time_ms":',
    b',"price":',
    b',"size":',
    b',"is_buyer_maker":',
    b',"epoch":',
    b',"id_epoch":',
)
TEXT = np.frombuffer(b"".join(_PIECES), dtype=np.uint8)
_TICK, _WATERMARK, _KNOWN, _PRICE, _SIZE, _MAKER, _EPOCH, _ID_EPOCH = (
    sum(len(piece) for piece in _PIECES[:i]) for i in range(len(_PIECES))
)
_N_TICK, _N_WATERMARK, _N_KNOWN, _N_PRICE, _N_SIZE, _N_MAKER, _N_EPOCH, _N_ID_EPOCH = (
    len(piece) for piece in _PIECES
)

_POWERS = 10.0 ** np.arange(17)
_LARGEST_MANTISSA = 2**53
_LARGEST_TIME = 2**53
_LARGEST_AMOUNT = 1e15
_MOST_DIGITS = 18
_MOST_DECIMALS = 16
_TRUE = int.from_bytes(b"true", "little")
_FALSE = int.from_bytes(b"false", "little")
_BRACE = ord("}")
#: It follows the last message, because reads may go so far past its end.
PADDING = bytes(64)


@njit(cache=True, nogil=True)
def slot_of(group, first, second, n_slots):
    """The slot of a key, by its group and the first sixteen bytes of its instrument's name."""
    mixed = (
        group * np.int64(2862933555777941757)
        + first * np.int64(-7046029254386353131)
        + second * np.int64(-4417276706812531889)
    )
    return (mixed >> 29) & (n_slots - 1)


@njit(cache=True, nogil=True)
def _whole(at, most):
    """A whole number of at most ``most`` digits, and where it ends; -1 if it is not plain."""
    value = 0
    first = at
    digit = byte_at(at) - 48
    while 0 <= digit <= 9:
        value = value * 10 + digit
        at += 1
        digit = byte_at(at) - 48
    n = at - first
    is_plain = 0 < n <= most and (n == 1 or byte_at(first) != 48)
    return (value if is_plain else -1), at


@njit(cache=True, nogil=True)
def _decimal(at, powers):
    """A decimal, and where it ends; -1.0 if it is not plain."""
    mantissa, end = _whole(at, _MOST_DECIMALS)
    if mantissa < 0:
        return -1.0, end
    if byte_at(end) != 46:
        return float(mantissa), end
    n_whole = end - at
    first = end + 1
    end = first
    digit = byte_at(end) - 48
    while 0 <= digit <= 9 and end - first < _MOST_DECIMALS:
        mantissa = mantissa * 10 + digit
        end += 1
        digit = byte_at(end) - 48
    n = end - first
    if n == 0 or n_whole + n > _MOST_DECIMALS or mantissa > _LARGEST_MANTISSA:
        return -1.0, end
    return mantissa / powers[n], end


@njit(cache=True, nogil=True)
def _prefix_at(at, end, names, prefixes, n_prefixes, likely):
    """The known source and stream that the message names, beginning with the likely one; -1 if it names none."""
    for offset in range(n_prefixes):
        i = likely + offset if likely + offset < n_prefixes else likely + offset - n_prefixes
        if at + prefixes[i, 1] <= end and are_equal(at, names + prefixes[i, 0], prefixes[i, 2]):
            return i
    return -1


@njit(cache=True, nogil=True)
def _key_at(at, end, group, names, prefixes, keys, slots):
    """The known key that the message names; -1 if it names none."""
    n_slots = slots.shape[0]
    instrument = at + prefixes[group, 1]
    slot = slot_of(group, word_at(instrument), word_at(instrument + 8), n_slots)
    while slots[slot] >= 0:
        key = slots[slot]
        size = keys[key, 1]
        if at + size <= end and are_equal(at, names + keys[key, 0], size):
            return key
        slot = (slot + 1) & (n_slots - 1)
    return -1


@njit(cache=True, nogil=True)
def _tick(at, end, text, names, prefixes, n_prefixes, likely, keys, slots, powers, number, amount):
    """Read a trade into its row. Returns its key, or UNKNOWN, and its group."""
    event_ms, at = _whole(at + _N_TICK, _MOST_DIGITS)
    if not are_equal(at, text + _KNOWN, _N_KNOWN):
        return UNKNOWN, likely
    known_ms, at = _whole(at + _N_KNOWN, _MOST_DIGITS)
    if not (0 <= event_ms <= _LARGEST_TIME and 0 <= known_ms <= _LARGEST_TIME):
        return UNKNOWN, likely
    group = _prefix_at(at, end, names, prefixes, n_prefixes, likely)
    if group < 0 or event_ms - known_ms > LARGEST_LEAD_MS:
        return UNKNOWN, likely
    key = _key_at(at, end, group, names, prefixes, keys, slots)
    if key < 0:
        return UNKNOWN, likely
    trade_id, at = _whole(at + keys[key, 1], _MOST_DIGITS)
    if trade_id < 0 or not are_equal(at, text + _PRICE, _N_PRICE):
        return UNKNOWN, likely
    price, at = _decimal(at + _N_PRICE, powers)
    if not 0.0 < price <= _LARGEST_AMOUNT or not are_equal(at, text + _SIZE, _N_SIZE):
        return UNKNOWN, likely
    size, at = _decimal(at + _N_SIZE, powers)
    if not 0.0 <= size <= _LARGEST_AMOUNT or not are_equal(at, text + _MAKER, _N_MAKER):
        return UNKNOWN, likely
    at += _N_MAKER
    last = word_at(at)
    is_buyer_maker = last & 0xFFFFFFFF == _TRUE
    if not is_buyer_maker and last & 0xFFFFFFFFFF != _FALSE:
        return UNKNOWN, likely
    id_epoch = _last_number(at + (4 if is_buyer_maker else 5), end, text + _ID_EPOCH, _N_ID_EPOCH)
    if id_epoch < 0:
        return UNKNOWN, likely
    number[EVENT_MS], number[KNOWN_MS], number[TRADE_ID], number[ID_EPOCH] = (
        event_ms,
        known_ms,
        trade_id,
        id_epoch,
    )
    amount[PRICE], amount[SIZE] = price, size
    amount[BOUGHT] = 0.0 if is_buyer_maker else size
    return key, group


@njit(cache=True, nogil=True)
def _watermark(at, end, text, names, prefixes, n_prefixes, number):
    """Read a watermark into its row. Returns the kind of its group, or UNKNOWN."""
    event_ms, at = _whole(at + _N_WATERMARK, _MOST_DIGITS)
    if not are_equal(at, text + _KNOWN, _N_KNOWN):
        return UNKNOWN
    known_ms, at = _whole(at + _N_KNOWN, _MOST_DIGITS)
    if not (0 <= event_ms <= _LARGEST_TIME and 0 <= known_ms <= _LARGEST_TIME):
        return UNKNOWN
    if event_ms - known_ms > LARGEST_LEAD_MS:
        return UNKNOWN
    for group in range(n_prefixes):
        size = prefixes[group, 2]
        if at + size + 1 <= end and are_equal(at, names + prefixes[group, 0], size):
            epoch = _last_number(at + size, end, text + _EPOCH, _N_EPOCH)
            if 0 <= epoch <= _LARGEST_TIME:
                number[EVENT_MS], number[KNOWN_MS], number[EPOCH] = event_ms, known_ms, epoch
                return FIRST_GROUP - group
    return UNKNOWN


@njit(cache=True, nogil=True)
def _last_number(at, end, name, n_name):
    """The number of this name at the end of a message, 0 if it is left out; -1 if the message ends otherwise."""
    if at + 1 == end and byte_at(at) == _BRACE:
        return 0
    if at + n_name + 2 > end or not are_equal(at, name, n_name):
        return -1
    number, at = _whole(at + n_name, _MOST_DIGITS)
    return number if at + 1 == end and byte_at(at) == _BRACE else -1


@njit(cache=True, nogil=True)
def scan(address, ends, text, names, prefixes, n_prefixes, keys, slots, kinds, numbers, amounts):
    """Read every message into its row of the columns.

    Args:
        address: The address of the messages, which follow one another, with ``PADDING`` after the last.
        ends: Shape (n,): the end of each message, counted from the beginning of the first.
        text: The address of ``TEXT``.
        names: The address of the known names.
        prefixes: Shape (g, 3): for each source and stream, where its text lies in the names, its length up to the
            name of an instrument, and its length up to the end of the stream's name.
        n_prefixes: The number of sources and streams.
        keys: Shape (k, 2): for each key, where its text lies in the names, and its length.
        slots: Shape (a power of two,): the keys by hash, -1 in a free slot.
        kinds: Shape (n,), written: the key of a trade, ``FIRST_GROUP - group`` of a watermark, or UNKNOWN.
        numbers: Shape (n, 4), int64, written: event time, known time, trade id or epoch, epoch of the id.
        amounts: Shape (n, 3), float64, written: price, size, and the size if a buyer took it.
    """
    powers = _POWERS
    begin = 0
    likely = 0
    for i in range(ends.shape[0]):
        at, end = address + begin, address + ends[i]
        kinds[i] = UNKNOWN
        if end - at > _N_WATERMARK:
            if are_equal(at, text + _TICK, _N_TICK):
                kinds[i], likely = _tick(
                    at,
                    end,
                    text,
                    names,
                    prefixes,
                    n_prefixes,
                    likely,
                    keys,
                    slots,
                    powers,
                    numbers[i],
                    amounts[i],
                )
            elif are_equal(at, text + _WATERMARK, _N_WATERMARK):
                kinds[i] = _watermark(at, end, text, names, prefixes, n_prefixes, numbers[i])
        begin = ends[i]
