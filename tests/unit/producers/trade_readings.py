"""Reads files of trades as a run does: once to judge them, once for their good trades."""

from producers.sources.files.forms import ReadRequest
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.reading import good_trades
from producers.sources.files.trades.surveys import survey_trades
from tests.fakes.trade_files import NOT_AFTER_MS


def read(path, instrument=None):
    """Return the survey of a file and its good trades."""
    file = open_trades(path, instrument=instrument)
    survey = survey_trades(file, ReadRequest(NOT_AFTER_MS, instrument))
    found = list(good_trades(file, instrument=survey.instrument, chosen=survey.filter))
    assert len(found) == survey.n_good
    assert [each.known_ms for each in found] == sorted(each.known_ms for each in found)
    return survey, found


def told(found):
    """Return what the good trades say."""
    return [
        (each.trade.time_ms, each.trade.price, each.trade.size, each.trade_id, each.is_buyer_maker)
        for each in found
    ]


def true(found):
    """Return what the trades of a test truly say."""
    return [(each.time_ms, each.price, each.size, each.trade_id, each.is_buyer_maker) for each in found]
