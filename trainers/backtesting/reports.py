"""The report of a backtest: its results, what they were made from, and the sentences that explain them."""

from typing import Self

import msgspec

from schemas.artifacts import Metric
from trainers.backtesting.positions import PositionRule
from trainers.backtesting.results import BacktestResults
from trainers.backtesting.sharpe_evidence import SharpeEvidence
from trainers.registry.leak_alarms import LEAK_ALARM, is_too_good

#: A deflated Sharpe ratio below this is not taken as evidence.
_SURE = 0.95


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the predictions of a backtest are those that were made live.

    Attributes:
        stream: The run whose predictions were compared.
        replayed: The parity hash of the predictions of the backtest.
        live: The parity hash of the stored predictions.
        n_replayed: The number of predictions of the backtest.
        n_live: The number of stored predictions.
        first_difference: The first difference, in words; None if there is none.
    """

    stream: str
    replayed: str
    live: str
    n_replayed: int
    n_live: int
    first_difference: str | None

    @property
    def is_equal(self) -> bool:
        """Whether the two hashes are equal."""
        return self.replayed == self.live


class RuleTried(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one position rule on the same decisions.

    Attributes:
        n_taken: The number of decisions on which a position was held.
        evidence: What its Sharpe ratio after costs proves, with every rule counted as a try.
    """

    rule: PositionRule
    n_taken: int
    net_return: float
    gross_return: float
    sharpe: Metric | None
    evidence: SharpeEvidence | None

    @classmethod
    def of(cls, results: BacktestResults) -> Self:
        """The figures of a rule that the comparison of rules shows."""
        return cls(
            rule=results.terms.rule,
            n_taken=results.n_taken,
            net_return=results.net.total_return,
            gross_return=results.gross.total_return,
            sharpe=results.net.sharpe,
            evidence=results.sharpe_evidence,
        )


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a backtest, with what a reader must know about them.

    Attributes:
        model: The model as the user named it.
        versions: The versions that made decisions, in their order.
        data: Where the data came from, in words.
        refit: How often the model was fitted again.
        n_in_sample: The number of decisions in the stretch that the deciding version was fitted on.
        parity_hash: The hash of all predictions of the backtest.
        parity: The comparison with live predictions; None if none was asked for.
        results: The results of the first position rule.
        rules: The position rules that were tried.
        seconds: How long each part took.
    """

    model: str
    versions: list[str]
    data: str
    refit: str
    n_in_sample: int
    parity_hash: str
    parity: Parity | None
    results: BacktestResults
    rules: list[RuleTried]
    seconds: dict[str, float]

    @property
    def model_words(self) -> str:
        """The model as the user named it, and the version that the name stood for."""
        if self.versions == [self.model]:
            return self.model
        meant = self.versions[0] if len(self.versions) == 1 else f"{len(self.versions)} versions"
        return f"{self.model} ({meant})"


def verdict(results: BacktestResults) -> str:
    """The gross edge compared with the costs, in sentences: the first thing that a reader must know."""
    edge, costs = results.edge_per_trade_bps, results.cost_per_trade_bps
    if edge is None or results.break_even_bps is None:
        return "Nothing was traded, so nothing was won or lost."
    earned = f"Before costs each unit traded earned {edge:+.2f} basis points; trading it costs {costs:.2f}."
    if edge <= 0:
        return f"{earned} There is no gross edge here: it loses before costs."
    if edge < costs:
        return (
            f"{earned} The edge is {edge / costs:.0%} of the costs: traded on these terms it loses. "
            f"It would break even at {results.break_even_bps:.2f} basis points a unit."
        )
    return (
        f"{earned} The edge is {edge / costs:.1f} times the costs; break-even is at {results.break_even_bps:.2f}."
        f"{_doubt(results.net.sharpe, results.sharpe_evidence)}"
    )


def _doubt(sharpe: Metric | None, evidence: SharpeEvidence | None) -> str:
    if sharpe is None or sharpe.low is None or sharpe.high is None or evidence is None:
        return " Whether that is more than chance cannot be told from so little."
    if sharpe.low <= 0:
        return (
            f" The Sharpe ratio after costs lies in [{sharpe.low:.2f}, {sharpe.high:.2f}] with 95 %: "
            "chance alone would do."
        )
    if evidence.deflated < _SURE:
        return (
            f" After {evidence.n_tried:,} tries the chance that the Sharpe ratio is more than the luck of the best "
            f"is {evidence.deflated:.0%}: not enough to believe it."
        )
    return ""


def warnings(report: BacktestReport) -> list[str]:
    """The reasons not to trust the figures, in sentences."""
    results, found = report.results, []
    if report.n_in_sample:
        found.append(
            f"{report.n_in_sample:,} of {results.n_decisions:,} decisions lie in the stretch that the model was "
            "fitted on: these figures are in sample and say nothing about the future. Use --from or --refit."
        )
    if results.net.sharpe is None:
        found.append("Too few days for yearly figures.")
    hit_rate = results.all_decisions.hit_rate
    if hit_rate is not None and is_too_good(hit_rate.low) and not report.n_in_sample:
        found.append(
            f"The lower end of the hit rate over all decisions lies above {LEAK_ALARM:.0%}: look for a leak before "
            "you believe it."
        )
    if results.n_stretches > 1:
        found.append(
            f"The data have {results.n_stretches} stretches; nothing is held between them, and yearly figures count "
            "only days with prices."
        )
    if any(value == 0 for value in (results.terms.lag_ms, results.terms.costs.total_bps)):
        found.append("Without lag or without costs this is a thought experiment.")
    return found


def share(metric: Metric | None) -> str:
    """A share in percent with its interval."""
    if metric is None:
        return "-"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.1%}"
    return f"{metric.value:.1%} [{metric.low:.1%}, {metric.high:.1%}]"


def figure(metric: Metric | None) -> str:
    """A figure with its interval."""
    if metric is None:
        return "-"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.2f}"
    return f"{metric.value:.2f} [{metric.low:.2f}, {metric.high:.2f}]"


def percent(value: float | None) -> str:
    """A change in percent, with its sign."""
    return "-" if value is None else f"{value:+.2%}"


def span(milliseconds: int) -> str:
    """A length of time in words."""
    minutes = milliseconds // 60_000
    if minutes == 0:
        return "none"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
