"""What the monitor shows to Prometheus of an observation."""

from stream_processors.monitoring.metrics import MonitorMetrics
from stream_processors.operators.alerting import JOIN_WAITS, MonitorObservation

JOIN = "BTC-USDT.BINANCE waits for ETH-USDT.BINANCE"


def waiting(metrics: MonitorMetrics) -> float | None:
    return metrics.registry.get_sample_value("driftline_join_waiting", {"join": JOIN})


def test_a_join_that_waits_is_shown_by_its_names_until_it_goes_on() -> None:
    metrics, seen = MonitorMetrics(), MonitorObservation(at_s=0.0, depths={}, progress={})
    metrics.show(seen, frozenset({(JOIN_WAITS, JOIN)}), now_ms=0)
    assert waiting(metrics) == 1
    metrics.show(seen, frozenset(), now_ms=0)
    assert waiting(metrics) is None
