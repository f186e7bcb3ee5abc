"""Positions, records, money, refits and the report of a backtest."""

from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from scipy import stats

from schemas.artifacts import ModelTarget
from schemas.errors import InvariantError, NotReadyError
from schemas.time import Interval, parse_time
from tests.fakes.backtests import MINUTE_MS, ConstantModel, decisions_of, prices_of, served_of
from tests.fakes.feature_tables import table_of
from trainers.backtesting.decisions import decided
from trainers.backtesting.execution import Costs
from trainers.backtesting.money import daily, drawdown, money, sharpe
from trainers.backtesting.picks import picks
from trainers.backtesting.positions import PositionRule, RuleKind, positions, trailing_returns
from trainers.backtesting.records import DirectionRecord, record
from trainers.backtesting.refits import refitted
from trainers.backtesting.reports import BacktestReport, RuleTried, verdict, warnings
from trainers.backtesting.results import Terms, backtest
from trainers.backtesting.sharpe_evidence import sharpe_evidence
from trainers.backtesting.sheets import tear_sheet
from trainers.evaluation.significance import deflated_sharpe
from trainers.models.logistic import LogisticRegression

DAY_MS = 86_400_000


def chance():
    return np.random.default_rng(0)


def table():
    return table_of([100.0] * 6, is_warm=[False, True, True, True, True, True])


# Decisions


def test_warm_rows_within_the_span_are_decided_by_the_model_of_their_time():
    schedule = [
        served_of(ConstantModel(0.4), from_ms=0),
        served_of(ConstantModel(0.6), from_ms=4 * MINUTE_MS, version="constant-2"),
    ]
    found = decided(
        table(),
        schedule,
        target=decisions_of([0.5]).target,
        from_ms=0,
        to_ms=6 * MINUTE_MS,
        every_ms=MINUTE_MS,
    )
    assert (found.as_of_ms // MINUTE_MS).tolist() == [2, 3, 4, 5]
    assert found.served.tolist() == [0, 0, 1, 1]
    assert found.side.tolist() == [-1, -1, 1, 1]


def test_rows_before_the_first_model_stay_unsaid_and_only_multiples_are_decided():
    schedule = [served_of(ConstantModel(0.6), from_ms=3 * MINUTE_MS)]
    found = decided(
        table(), schedule, target=decisions_of([0.5]).target, from_ms=0, to_ms=2**53, every_ms=2 * MINUTE_MS
    )
    assert (found.as_of_ms // MINUTE_MS).tolist() == [4, 6]


def test_a_model_of_other_features_is_refused_with_its_name():
    schedule = [served_of(ConstantModel(0.6), spec="another")]
    with pytest.raises(InvariantError, match="constant-1"):
        decided(
            table(), schedule, target=decisions_of([0.5]).target, from_ms=0, to_ms=2**53, every_ms=MINUTE_MS
        )


def test_in_sample_decisions_are_counted():
    schedule = [served_of(ConstantModel(0.6), trained=(2 * MINUTE_MS, 4 * MINUTE_MS))]
    assert decisions_of([0.5] * 6).n_in_sample(schedule) == 2


# Positions


def test_the_sign_goes_all_in_and_one_half_is_up():
    found = positions(decisions_of([0.5, 0.6, 0.4]), PositionRule(), every_ms=MINUTE_MS)
    assert found.tolist() == [1, 1, -1]


def test_below_the_threshold_nothing_is_held():
    rule = PositionRule(rule=RuleKind.THRESHOLD, threshold=0.75)
    assert positions(decisions_of([0.75, 0.7, 0.25, 0.3]), rule, every_ms=MINUTE_MS).tolist() == [1, 0, -1, 0]


def test_long_only_holds_nothing_for_down():
    rule = PositionRule(is_long_only=True)
    assert positions(decisions_of([0.6, 0.4]), rule, every_ms=MINUTE_MS).tolist() == [1, 0]


def test_moves_are_of_neighbours_at_their_distance_and_end_at_the_decision():
    closes = 100 * np.exp(np.arange(30) * 0.01)
    mean, square = trailing_returns(decisions_of([0.5] * 30, closes=closes), every_ms=MINUTE_MS)
    assert np.isnan(mean[:20]).all()
    assert mean[20:].tolist() == pytest.approx([0.01] * 10)
    assert square[20:].tolist() == pytest.approx([1e-4] * 10)


def test_a_volatility_target_divides_by_what_was_seen_up_to_the_cap():
    closes = 100 * np.exp(np.cumsum(np.tile([0.001, -0.001], 20)))
    decisions = decisions_of([0.6] * 40, closes=closes)
    per_year = 0.001 * np.sqrt(365 * 24 * 60)
    rule = PositionRule(rule=RuleKind.VOLATILITY, target_volatility=per_year / 2)
    assert positions(decisions, rule, every_ms=MINUTE_MS)[-1] == pytest.approx(0.5)
    capped = PositionRule(rule=RuleKind.VOLATILITY, target_volatility=per_year * 2, cap=1.5)
    assert positions(decisions, capped, every_ms=MINUTE_MS)[-1] == 1.5


def test_kelly_is_a_fraction_of_the_expected_move_over_its_mean_square():
    closes = 100 * np.exp(np.cumsum(np.tile([0.1, -0.1], 20)))
    rule = PositionRule(rule=RuleKind.KELLY, kelly_fraction=0.5, cap=10)
    found = positions(decisions_of([0.25] * 40, closes=closes), rule, every_ms=MINUTE_MS)
    assert found[-1] == pytest.approx(-0.5 * 0.5 * 0.1 / 0.01)


@pytest.mark.parametrize("change", [{"threshold": 0.4}, {"cap": 0}, {"kelly_fraction": -1}])
def test_numbers_that_mean_nothing_are_refused_by_name(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        PositionRule(**change)


# Records


def test_ties_and_unknown_ends_are_counted_apart():
    # closes 100 101 101 100 | decisions at 1..4: up is a hit, a tie, up is a miss, nothing behind
    prices = prices_of([100, 101, 101, 100])
    decisions = decisions_of([0.6] * 4)
    found = record(decisions, np.ones(4, bool), prices, lag_ms=0, every_ms=MINUTE_MS, generator=chance())
    assert (found.n, found.n_ties, found.n_unknown) == (3, 1, 1)
    assert found.hit_rate is not None
    assert (found.hit_rate.value, found.hit_rate.n) == (0.5, 2)


def test_with_a_lag_entry_and_exit_are_later():
    prices = prices_of([100, 90, 99, 99])
    down = decisions_of([0.4])
    hits = [
        record(down, np.ones(1, bool), prices, lag_ms=lag, every_ms=MINUTE_MS, generator=chance()).hit_rate
        for lag in (0, MINUTE_MS)
    ]
    assert [metric.value for metric in hits if metric is not None] == [1, 0]


def test_where_nothing_was_chosen_there_is_no_rate():
    found = record(
        decisions_of([0.6]),
        np.zeros(1, bool),
        prices_of([1, 2]),
        lag_ms=0,
        every_ms=MINUTE_MS,
        generator=chance(),
    )
    assert (found.n, found.hit_rate, found.edge_bps) == (0, None, None)


# Money


def test_a_close_at_midnight_belongs_to_the_day_that_it_ends():
    days = daily(np.array([DAY_MS - 1, DAY_MS, DAY_MS + 1]), np.array([1.1, 1.2, 1.5]))
    assert days.day_ms.tolist() == [DAY_MS, 2 * DAY_MS]
    assert days.returns.tolist() == pytest.approx([0.2, 0.25])


def test_drawdown_counts_from_the_start_too():
    assert drawdown(np.array([0.9, 1.2, 0.6])).tolist() == pytest.approx([0.1, 0, 0.5])


def test_the_sharpe_ratio_is_mean_over_deviation_a_year_within_its_interval():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 400)
    found = sharpe(returns, generator=chance())
    assert found is not None
    assert found.value == pytest.approx(returns.mean() / returns.std() * np.sqrt(365))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_a_few_days_have_no_yearly_figures_and_a_flat_line_no_sharpe_ratio():
    short = money(np.array([DAY_MS, 2 * DAY_MS]), np.array([1.1, 1.2]), generator=chance())
    assert (short.annual_return, short.sharpe) == (None, None)
    flat = money(np.arange(1, 40) * DAY_MS, np.ones(39), generator=chance())
    assert (flat.total_return, flat.sharpe) == (0, None)


# The whole


def walk(n=4_000, seed=2):
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 1e-3, n)))
    return prices_of(closes), closes


def oracle(n=4_000):
    """Says what the next minute does, 70 times in 100."""
    prices, closes = walk(n)
    ups = np.append(np.diff(closes) > 0, True)
    right = np.random.default_rng(4).random(n) < 0.7
    return prices, decisions_of(np.where(ups == right, 0.7, 0.3), closes=closes)


def terms(**changes):
    return Terms(**({"rule": PositionRule(), "costs": Costs(), "every_ms": MINUTE_MS, "lag_ms": 0} | changes))


def test_an_edge_that_is_there_is_found_and_the_lag_takes_it():
    prices, decisions = oracle()
    results = backtest(decisions, prices, terms()).results
    assert results.all_decisions.hit_rate is not None
    low, high = results.all_decisions.hit_rate.low, results.all_decisions.hit_rate.high
    assert low is not None
    assert high is not None
    assert low < 0.7 < high
    assert results.gross.total_return > 1
    rates = {found.lag_ms: found.hit_rate for found in results.lags}
    late = rates[5 * MINUTE_MS]
    assert late is not None
    assert late.low is not None
    assert late.low < 0.5


def test_on_random_walks_the_record_holds_one_half_about_as_often_as_it_says():
    """A null control: nothing of judging finds an edge where there is none."""
    held = 0
    for seed in range(40):
        prices, _ = walk(800, seed=seed)
        said = np.random.default_rng(1_000 + seed).choice([0.4, 0.6], 800)
        found = record(
            decisions_of(said), np.ones(800, bool), prices, lag_ms=0, every_ms=MINUTE_MS, generator=chance()
        ).hit_rate
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    assert held >= 34


def test_edge_against_costs_is_said_plainly():
    prices, decisions = oracle()
    losing = backtest(decisions, prices, terms()).results
    assert losing.edge_per_trade_bps is not None
    assert losing.break_even_bps is not None
    assert 0 < losing.edge_per_trade_bps < 11.5
    assert losing.net.total_return < 0 < losing.gross.total_return
    assert "loses" in verdict(losing)
    cheap = backtest(
        decisions, prices, terms(costs=Costs(fee_bps=0.1, half_spread_bps=0, slippage_bps=0))
    ).results
    assert "times the costs" in verdict(cheap)


def test_an_edge_over_the_costs_that_chance_alone_could_make_is_called_that():
    n = 60
    end_ms = np.arange(1, n + 1, dtype=np.int64) * DAY_MS
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(8).normal(0.002, 0.02, n)))
    prices = prices_of(closes, end_ms=end_ms)
    decisions = decisions_of([0.6] * n, closes=closes, as_of_ms=end_ms)
    results = backtest(decisions, prices, terms(every_ms=DAY_MS)).results
    assert results.net.total_return > 0
    assert "chance alone would do" in verdict(results)


def test_periods_compound_to_the_whole():
    n = 200
    end_ms = parse_time("2024-11-01", "") + np.arange(n, dtype=np.int64) * DAY_MS
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, n)))
    prices = msgspec.structs.replace(prices_of(closes, end_ms=end_ms), interval_ms=60 * MINUTE_MS)
    decisions = decisions_of(np.tile([0.6, 0.4], n // 2), closes=closes, as_of_ms=end_ms)
    results = backtest(decisions, prices, terms(every_ms=DAY_MS)).results
    assert [period.name for period in results.quarters] == ["2024-Q4", "2025-Q1", "2025-Q2"]
    for periods in (results.years, results.quarters):
        whole = np.prod([1 + period.net.total_return for period in periods])
        assert whole == pytest.approx(1 + results.net.total_return)


def test_without_decisions_there_is_nothing_to_judge():
    with pytest.raises(ValueError, match="decisions"):
        backtest(decisions_of([]), walk()[0], terms())


# What a Sharpe ratio proves


def days_of_ratio(per_year, *, n=1_000):
    """Daily returns whose Sharpe ratio is exactly this."""
    returns = np.random.default_rng(8).standard_t(6, n) * 0.02
    returns -= returns.mean()
    return returns + per_year / np.sqrt(365) * returns.std()


def test_the_evidence_is_that_of_the_daily_returns_and_counts_every_try():
    returns = days_of_ratio(1.5)
    found = sharpe_evidence(returns, n_tried=60)
    assert found is not None
    assert found.skewness == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))
    expected = deflated_sharpe(
        sharpe=1.5 / np.sqrt(365),
        n=1_000,
        skewness=found.skewness,
        kurtosis=found.kurtosis,
        n_tried=60,
        variance=1 / 999,
    )
    assert found.deflated == pytest.approx(expected)
    assert found.deflated < found.probabilistic
    once = sharpe_evidence(returns, n_tried=1)
    assert once is not None
    assert once.deflated == once.probabilistic == found.probabilistic


def test_the_best_of_worthless_tries_is_deflated_to_about_one_half():
    """A hundred strategies without an edge, and the best of them shown: half of the time it beats the bar."""
    generator = np.random.default_rng(5)
    deflated = []
    for _ in range(150):
        ratios = generator.normal(0, 0.01, (100, 250))
        best = ratios[np.argmax(ratios.mean(axis=1) / ratios.std(axis=1))]
        found = sharpe_evidence(best, n_tried=100)
        assert found is not None
        deflated.append(found.deflated)
    assert 0.4 < np.mean(deflated) < 0.6
    assert np.mean(np.array(deflated) > 0.95) < 0.06


@pytest.mark.parametrize("returns", [np.zeros(50), np.full(50, 1e-3), np.array([0.1, -0.1])])
def test_without_movement_or_days_there_is_no_evidence(returns):
    assert sharpe_evidence(returns, n_tried=1) is None


# Picks


def surely(n_days=150, *, from_day="2024-11-20"):
    """Decisions an hour apart, right as often as their confidence says."""
    generator = np.random.default_rng(6)
    n = n_days * 24
    end_ms = parse_time(from_day, "") + np.arange(1, n + 1, dtype=np.int64) * 3_600_000
    probability = np.clip(generator.normal(0.5, 0.08, n), 0.2, 0.8)
    ups = generator.random(n) < probability
    closes = 100 * np.exp(np.concatenate([[0.0], np.cumsum(np.where(ups, 1e-3, -1e-3))[:-1]]))
    target = ModelTarget(instrument="BTC-USDT.BINANCE", interval=Interval.ONE_HOUR, horizon=Interval.ONE_HOUR)
    prices = msgspec.structs.replace(prices_of(closes, end_ms=end_ms), interval_ms=60 * MINUTE_MS)
    return prices, decisions_of(probability, closes=closes, as_of_ms=end_ms, target=target)


def test_picks_are_as_many_as_aimed_at_and_right_more_often():
    prices, decisions = surely()
    results = backtest(decisions, prices, terms(every_ms=3_600_000)).results
    assert [picked.target_coverage for picked in results.picks] == [0.2, 0.1, 0.05, 0.03, 0.01]
    for picked in results.picks[:4]:
        assert picked.coverage == pytest.approx(picked.target_coverage, rel=0.3)
        assert picked.at_close.hit_rate is not None
        assert results.all_decisions.hit_rate is not None
        assert picked.at_close.hit_rate.value > results.all_decisions.hit_rate.value + 0.03


def test_nothing_is_picked_before_a_months_confidences_have_set_a_threshold():
    """The first decision is of 20 November: until December there is nothing to set one by."""
    prices, decisions = surely(n_days=10)
    picked = backtest(decisions, prices, terms(every_ms=3_600_000)).results.picks
    assert {one.coverage for one in picked} == {None}
    assert {one.at_close.n for one in picked} == {0}


def test_picks_are_the_same_when_everything_later_is_removed():
    _prices, decisions = surely()
    cut = int(np.searchsorted(decisions.as_of_ms, parse_time("2025-02-01", "")))
    earlier = msgspec.structs.replace(
        decisions,
        **{
            name: getattr(decisions, name)[:cut]
            for name in ("as_of_ms", "known_ms", "close", "probability", "served")
        },
    )

    def chosen(of):
        found = []
        picks(of, lambda is_picked, lag_ms: found.append(is_picked.tolist()) or no_record(lag_ms), lag_ms=0)
        return found

    assert [one[:cut] for one in chosen(decisions)] == chosen(earlier)


def no_record(lag_ms):
    return DirectionRecord(lag_ms=lag_ms, n=0, n_ties=0, n_unknown=0, hit_rate=None, edge_bps=None)


# Refits


def test_too_little_past_says_how_much_is_needed():
    with pytest.raises(NotReadyError, match="needs 50 labelled rows"):
        refitted(
            table_of(np.arange(1, 20)),
            interval=Interval.ONE_MINUTE,
            horizon=Interval.ONE_MINUTE,
            times_ms=[10 * MINUTE_MS],
            recipe=LogisticRegression(),
            name="logistic",
            minimum_rows=50,
        )


# The report


class Page(HTMLParser):
    """What a page asks of others, and its tags."""

    def __init__(self):
        super().__init__()
        self.foreign, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.foreign += [
            value for name, value in attrs if name in {"src", "href"} and not value.startswith("#")
        ]


def report_of(found, **changes):
    report = BacktestReport(
        model="champion",
        versions=["constant-1"],
        data="a test",
        refit="never",
        n_in_sample=0,
        parity_hash="f" * 64,
        parity=None,
        results=found.results,
        rules=[RuleTried.of(found.results)],
        seconds={},
    )
    return msgspec.structs.replace(report, **changes)


def test_the_tear_sheet_needs_nothing_else_and_says_edge_and_costs():
    prices, decisions = oracle()
    found = backtest(decisions, prices, terms())
    sheet = tear_sheet(report_of(found, model="<champion>"), found.curves)
    page = Page()
    page.feed(sheet)
    assert page.foreign == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 3
    assert "<champion>" not in sheet
    assert "Before costs each unit traded earned" in sheet


def test_the_tear_sheet_of_months_shows_accuracy_against_coverage():
    prices, decisions = surely()
    found = backtest(decisions, prices, terms(every_ms=3_600_000))
    sheet = tear_sheet(report_of(found), found.curves)
    assert sheet.count("<svg") == 4
    for words in ("by coverage", "drawdown, %", "deflated", "picks: the surest decisions"):
        assert words in sheet


def test_an_edge_that_many_tries_explain_is_not_believed():
    prices, decisions = oracle(60_000)
    results = backtest(decisions, prices, terms(costs=Costs(fee_bps=1), n_tried=1)).results
    assert results.sharpe_evidence is not None
    doubted = msgspec.structs.replace(results.sharpe_evidence, n_tried=900, deflated=0.4)
    assert "900 tries" in verdict(msgspec.structs.replace(results, sharpe_evidence=doubted))
    assert "tries" not in verdict(results)


def test_figures_in_sample_are_named_as_such():
    prices, decisions = oracle()
    found = backtest(decisions, prices, terms())
    assert any("in sample" in line for line in warnings(report_of(found, n_in_sample=7)))


def test_results_are_written_as_json_without_numbers_that_are_none():
    prices, decisions = oracle(200)
    text = msgspec.json.encode(report_of(backtest(decisions, prices, terms())))
    assert b"NaN" not in text
    assert msgspec.json.decode(text, type=BacktestReport).results.n_decisions == 200
