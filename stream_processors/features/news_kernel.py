"""The kernel of news features: one compiled loop over the minutes of an asset, over the texts that it holds.

Live, replay and batch call it, with one minute or with a table of minutes. A text is one version of an article. The row at
T follows from the texts of the last seven days that could be used before T, and from nothing else::

    known_ms    when the text was known: its place in the windows, and the order in which texts are added up
    visible_ms  from when on rows may use it: later than known_ms if its first score came late
    replaced_ms when a newer version of the article became visible, which counts in its place from then on

Every window is added up anew, the oldest text first, so no older text reaches it, nothing drifts, and neither the other
rows of a call nor the order in which scores came change a row. Scores are added up as distances from the newest score,
so equal scores deviate by exactly zero.

The distance of a text to the nearest text before it is kept beside the text, because it would cost most. It is a
function of the texts that are visible at T, too: a text that becomes visible late is compared with those after it, and when
the nearest text leaves the seven days, the next one is searched for. The times of one set of columns must therefore
never decrease from call to call.
"""

import math
import sys

import numpy as np

from stream_processors.features.compiling import NAN, compiled, inlined, ratio
from stream_processors.features.news_declarations import LONGEST, NEGATIVE_UNTIL, NOVELTY_MINUTES, WINDOWS

_LARGEST = sys.float_info.max
_MINUTE_MS = 60_000.0
_LENGTHS_MS = tuple(window.milliseconds for window in WINDOWS)
_N_WINDOWS = len(WINDOWS)
_MEMORY_MS = LONGEST.milliseconds
_NOVELTY_MS = NOVELTY_MINUTES * 60_000

#: The rows of the whole numbers of the columns. Each scorer has one more row: from when on rows may use its score.
KNOWN, VISIBLE, REPLACED, ARTICLE, SKETCH, NEAREST, NEAREST_MS, SCORED = range(8)
#: The rows of the numbers of the columns. Each scorer has one more row: its score, NaN if it has none.
CREDIBILITY, SCORES = 0, 1
#: A time that never comes.
NEVER_MS = 2**62
#: The nearest distance of a text that no row has used yet.
UNUSED = -1
#: Sketches of strangers differ in half of their 64 bits. Texts that differ in as many are not similar at all.
_STRANGERS = 32

_PER_WINDOW, _PER_SCORER = 3, 4
#: The last window is the one against which surprises are measured, and has none.
_COLUMNS_OF_SCORER = _PER_SCORER * _N_WINDOWS - 1


def width_of(n_scorers: int) -> int:
    """Return the number of features with so many scorers."""
    return _PER_WINDOW * _N_WINDOWS + _COLUMNS_OF_SCORER * n_scorers + 2


@inlined
def _n_differing(one, other):
    """The number of bits that differ."""
    bits = np.uint64(one) ^ np.uint64(other)
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inlined
def _search(whole, first, i, since_ms):
    """Find the nearest used text before a text; of equally near ones the newest."""
    after_ms = max(whole[KNOWN, i] - _NOVELTY_MS, since_ms)
    nearest, nearest_ms = _STRANGERS, NEVER_MS
    for j in range(i - 1, first - 1, -1):
        if whole[KNOWN, j] <= after_ms:
            break
        if whole[NEAREST, j] != UNUSED and whole[ARTICLE, j] != whole[ARTICLE, i]:
            differing = _n_differing(whole[SKETCH, j], whole[SKETCH, i])
            if differing < nearest:
                nearest, nearest_ms = differing, whole[KNOWN, j]
    whole[NEAREST, i] = nearest
    whole[NEAREST_MS, i] = nearest_ms


@inlined
def _offer(whole, i, until):
    """Compare a text with the used texts after it, for which it was not there when they were first used."""
    for j in range(i + 1, until):
        if whole[KNOWN, j] - whole[KNOWN, i] >= _NOVELTY_MS:
            break
        if whole[NEAREST, j] != UNUSED and whole[ARTICLE, j] != whole[ARTICLE, i]:
            differing = _n_differing(whole[SKETCH, j], whole[SKETCH, i])
            is_as_near = differing == whole[NEAREST, j] and differing < _STRANGERS
            if differing < whole[NEAREST, j] or (is_as_near and whole[KNOWN, i] > whole[NEAREST_MS, j]):
                whole[NEAREST, j] = differing
                whole[NEAREST_MS, j] = whole[KNOWN, i]


@inlined
def _use(whole, first, until, time_ms, since_ms):
    """Bring the nearest distances of the texts up to a time."""
    for i in range(first, until):
        if whole[NEAREST, i] == UNUSED:
            if whole[VISIBLE, i] < time_ms:
                _search(whole, first, i, since_ms)
                _offer(whole, i, until)
        elif whole[NEAREST_MS, i] <= since_ms:
            _search(whole, first, i, since_ms)


@inlined
def _choose(whole, first, until, time_ms, chosen):
    """Write the places of the texts that count: of each article the newest version that is visible."""
    n = 0
    for i in range(first, until):
        if whole[VISIBLE, i] < time_ms <= whole[REPLACED, i]:
            chosen[n] = i
            n += 1
    return n


@inlined
def _novelty(whole, i):
    return whole[NEAREST, i] / _STRANGERS


@inlined
def _clear(sums):
    """Set all sums to zero; numba would take seconds to compile an assignment to a slice."""
    for window in range(sums.shape[0]):
        for column in range(sums.shape[1]):
            sums[window, column] = 0.0


@inlined
def _of_articles(whole, numbers, time_ms, chosen, n, sums, row):
    """Write the counts and the novelties of the windows."""
    _clear(sums)
    for at in range(n):
        i = chosen[at]
        age_ms, credibility, novelty = time_ms - whole[KNOWN, i], numbers[CREDIBILITY, i], _novelty(whole, i)
        for window in range(_N_WINDOWS - 1, -1, -1):
            if age_ms >= _LENGTHS_MS[window]:
                break
            weight = credibility * (1.0 - age_ms / _LENGTHS_MS[window])
            sums[window, 0] += credibility
            sums[window, 1] += weight
            sums[window, 2] += weight * novelty
    for window in range(_N_WINDOWS):
        row[_PER_WINDOW * window] = math.log1p(sums[window, 0])
        row[_PER_WINDOW * window + 1] = ratio(sums[window, 2], sums[window, 1])


@inlined
def _choose_scored(whole, numbers, scorer, time_ms, chosen, n, scored):
    """Write the places of the texts that count and have a score of a scorer; return how many, and the newest score."""
    n_scored, newest = 0, NAN
    for at in range(n):
        i = chosen[at]
        if whole[SCORED + scorer, i] < time_ms and not math.isnan(numbers[SCORES + scorer, i]):
            scored[n_scored] = i
            n_scored += 1
            newest = numbers[SCORES + scorer, i]
    return n_scored, newest


@inlined
def _add_up(known_ms, credibility, scores, time_ms, scored, n, newest, sums):
    """Add up scores: their number, weight, mean distance from the newest, square deviation, and negative weight."""
    _clear(sums)
    for at in range(n):
        i = scored[at]
        age_ms = time_ms - known_ms[i]
        for window in range(_N_WINDOWS - 1, -1, -1):
            if age_ms >= _LENGTHS_MS[window]:
                break
            weight = credibility[i] * (1.0 - age_ms / _LENGTHS_MS[window])
            sums[window, 0] += 1.0
            sums[window, 1] += weight
            sums[window, 2] += weight * (scores[i] - newest)
            sums[window, 4] += weight if scores[i] <= NEGATIVE_UNTIL else 0.0
    for window in range(_N_WINDOWS):
        sums[window, 2] = ratio(sums[window, 2], sums[window, 1])
    for at in range(n):
        i = scored[at]
        age_ms = time_ms - known_ms[i]
        for window in range(_N_WINDOWS - 1, -1, -1):
            if age_ms >= _LENGTHS_MS[window]:
                break
            apart = (scores[i] - newest) - sums[window, 2]
            sums[window, 3] += credibility[i] * (1.0 - age_ms / _LENGTHS_MS[window]) * apart * apart


@inlined
def _of_scorer(scorer, newest, sums, means, row):
    """Write the features of a scorer, and its means."""
    slow = _N_WINDOWS - 1
    slow_spread = math.sqrt(ratio(sums[slow, 3], sums[slow, 1])) if sums[slow, 0] >= 2.0 else NAN
    for window in range(_N_WINDOWS):
        column = _PER_WINDOW * _N_WINDOWS + _COLUMNS_OF_SCORER * scorer + _PER_SCORER * window
        means[scorer, window] = newest + sums[window, 2]
        row[column] = means[scorer, window]
        spread = math.sqrt(ratio(sums[window, 3], sums[window, 1]))
        row[column + 1] = spread if sums[window, 0] >= 2.0 else NAN
        row[column + 2] = ratio(sums[window, 4], sums[window, 1])
        if window != slow:
            row[column + 3] = ratio(sums[window, 2] - sums[slow, 2], slow_spread)


@inlined
def _disagreement(means, window):
    """The deviation between the means of the scorers that have one; NaN under two."""
    n, origin, total = 0, NAN, 0.0
    for scorer in range(means.shape[0]):
        mean = means[scorer, window]
        if not math.isnan(mean):
            origin = mean if n == 0 else origin
            total += mean - origin
            n += 1
    squares = 0.0
    for scorer in range(means.shape[0]):
        mean = means[scorer, window]
        if not math.isnan(mean):
            apart = (mean - origin) - total / n
            squares += apart * apart
    return math.sqrt(squares / n) if n >= 2 else NAN


@compiled
def run_news(times_ms, first, last, whole, numbers, n_articles, out):
    """Write the features of an asset at the ends of minutes.

    Args:
        times_ms: Shape (n,), int64, strictly increasing, and not before a time of an earlier call.
        first: The place of the first text.
        last: The place after the last text.
        whole: Shape (SCORED + k, m), int64: the columns of the texts, sorted by ``KNOWN``. ``NEAREST`` and ``NEAREST_MS`` are
            changed in place.
        numbers: Shape (SCORES + k, m), float64.
        n_articles: Shape (n,), int64, overwritten: the number of articles within seven days.
        out: Shape (n, :func:`width_of` k), overwritten, in the order of the declarations.
    """
    n_scorers = numbers.shape[0] - SCORES
    chosen, scored = np.empty(last - first, dtype=np.int64), np.empty(last - first, dtype=np.int64)
    sums = np.empty((_N_WINDOWS, 5))
    means = np.empty((n_scorers, _N_WINDOWS))
    until = first
    for at in range(times_ms.shape[0]):
        time_ms, row = times_ms[at], out[at]
        since_ms = time_ms - _MEMORY_MS
        while first < last and whole[KNOWN, first] <= since_ms:
            first += 1
        until = max(until, first)
        while until < last and whole[KNOWN, until] < time_ms:
            until += 1
        _use(whole, first, until, time_ms, since_ms)
        n = _choose(whole, first, until, time_ms, chosen)
        n_articles[at] = n
        _of_articles(whole, numbers, time_ms, chosen, n, sums, row)
        for scorer in range(n_scorers):
            n_scored, newest = _choose_scored(whole, numbers, scorer, time_ms, chosen, n, scored)
            scores = numbers[SCORES + scorer]
            _add_up(whole[KNOWN], numbers[CREDIBILITY], scores, time_ms, scored, n_scored, newest, sums)
            _of_scorer(scorer, newest, sums, means, row)
        for window in range(_N_WINDOWS):
            row[_PER_WINDOW * window + 2] = _disagreement(means, window)
        age = (time_ms - whole[KNOWN, chosen[n - 1]]) / _MINUTE_MS if n > 0 else NAN
        row[-2] = age
        row[-1] = _novelty(whole, chosen[n - 1]) if n > 0 else NAN
        for column in range(row.shape[0]):
            row[column] = row[column] if abs(row[column]) <= _LARGEST else NAN
