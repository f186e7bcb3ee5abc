"""Examples of every kind of event: one with every field set, and others with undefined fields.

The documents for subscribers show them, and a test compares the bytes of the codec with theirs in
``tests/contract/golden``.
"""

from msgspec.structs import replace

from schemas import events
from schemas.events import (
    LIVE,
    WHOLE_MARKET,
    Direction,
    Event,
    Outcome,
    PredictionSet,
    Severity,
    SourceHealth,
)
from schemas.time import Interval

_T0 = 1_748_736_000_000
_MINUTE_MS = 60_000
_SOURCE = "binance"
_STREAM = "replay-000000000001"
_INSTRUMENT = "BTC-USDT.BINANCE"
_MODEL_HASH = "ab" * 32
_SPEC_HASH = "cd" * 32
_NEWS_SPEC_HASH = "ce" * 32

_EPOCH = 1_748_800_000_000

_WATERMARK = events.WatermarkAdvanced(
    event_time_ms=_T0 + 1, known_time_ms=_T0 + 1, source=_SOURCE, stream=_STREAM
)
_SILENCE = events.SourceFellSilent(
    event_time_ms=_T0 + 2, known_time_ms=_T0 + 2, source=_SOURCE, stream=_STREAM
)
_RETURNED = events.SourceReturned(
    event_time_ms=_T0 + 2 + 5 * _MINUTE_MS,
    known_time_ms=_T0 + 2 + 5 * _MINUTE_MS,
    source=_SOURCE,
    stream=_STREAM,
    epoch=_EPOCH,
)
_SWITCHED = events.TopicSwitched(
    event_time_ms=_T0,
    known_time_ms=_T0,
    source=_SOURCE,
    stream=_STREAM,
    left_topic="market.candle.v1",
    entered_topic="market.tick.v1",
    number=1,
    epoch=_EPOCH,
)
_STATUS = events.SourceStatusChanged(
    event_time_ms=_T0, known_time_ms=_T0, source=_SOURCE, stream=_STREAM, is_present=False, epoch=_EPOCH
)
_TICK = events.TickObserved(
    event_time_ms=_T0 + 3,
    known_time_ms=_T0 - 1270,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    trade_id=4_000_000_000,
    price=100.1,
    size=1e-8,
    is_buyer_maker=True,
)
_CANDLE = events.CandleObserved(
    event_time_ms=_T0 + _MINUTE_MS,
    known_time_ms=_T0 + _MINUTE_MS,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_MINUTE,
    start_ms=_T0,
    open=100.0,
    high=101.0,
    low=99.0,
    close=100.5,
    volume=1.0,
    n_trades=7,
    revision=2,
)
_QUOTE = events.QuoteObserved(
    event_time_ms=_T0 + 999,
    known_time_ms=_T0 + 1004,
    source=_SOURCE,
    stream=LIVE,
    instrument=_INSTRUMENT,
    bid=100.25,
    bid_size=0.5,
    ask=100.5,
    ask_size=1e-8,
    update_id=400_900_217,
)
_PRICE = events.PriceObserved(
    event_time_ms=_T0,
    known_time_ms=_T0 + 30_000,
    source="coingecko",
    stream=LIVE,
    instrument="BTC-USD.COINGECKO",
    price=90.0,
    volume_24h=1e10,
    is_quarantined=True,
    reason="It is 10.2 % below the median of four sources.",
)
_ARTICLE = events.ArticlePublished(
    event_time_ms=_T0,
    known_time_ms=_T0 + 95_000,
    source="coindesk",
    stream=LIVE,
    asset="BTC",
    article_id="0123456789abcdef01234567",
    version=1,
    url="https://www.coindesk.com/markets/2025/06/01/an-example",
    title="An example of a title",
    content_hash="ef" * 32,
    text="The main text.",
    summary="What the feed says of it.",
    author="A. Writer",
    categories=("Markets", "Bitcoin"),
    assets=("BTC", "ETH"),
    language="en",
    published_zone="-05:00",
    modified_ms=_T0 + 60_000,
)
_SENTIMENT = events.SentimentScored(
    event_time_ms=_T0,
    known_time_ms=_T0 + 5 * _MINUTE_MS,
    source="coindesk",
    stream=_STREAM,
    asset="BTC",
    article_id="0123456789abcdef01234567",
    version=1,
    scorer="encoder",
    scorer_hash="0123456789abcdef",
    negative=0.125,
    neutral=0.25,
    positive=0.625,
    score=0.5,
    refusal=None,
    sketch="fedcba9876543210",
    is_known_time_assumed=True,
)
_NEWS_FEATURES = events.NewsFeaturesComputed(
    event_time_ms=_T0 + 6 * _MINUTE_MS,
    known_time_ms=_T0 + 6 * _MINUTE_MS,
    source="news",
    stream=_STREAM,
    asset="BTC",
    feature_spec_hash=_NEWS_SPEC_HASH,
    n_articles=1,
    values={"news_log_count_1h": 0.6931471805599453, "news_encoder_mean_1h": 0.5, "news_age_minutes": None},
)
_LINK = events.ArticleLinked(
    event_time_ms=_T0 + 10 * _MINUTE_MS,
    known_time_ms=_T0 + 12 * _MINUTE_MS,
    source="cryptoslate",
    stream=LIVE,
    article_id="89abcdef0123456789abcdef",
    version=0,
    first_article_id="0123456789abcdef01234567",
    similarity=0.875,
    is_exact=False,
)
_HEALTH = events.SourceHealthChanged(
    event_time_ms=_T0,
    known_time_ms=_T0,
    source="coindesk",
    stream=LIVE,
    state=SourceHealth.QUIET,
    reason="It answers, and has had nothing new for 6 hours.",
    last_item_ms=_T0 - 360 * _MINUTE_MS,
    last_answer_ms=_T0 - 5_000,
)
_BAR = events.BarClosed(
    event_time_ms=_T0 + _MINUTE_MS,
    known_time_ms=_T0 + _MINUTE_MS,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_MINUTE,
    start_ms=_T0,
    open=100.25,
    high=100.25,
    low=100.25,
    close=100.25,
    volume=1.0,
    buy_volume=0.5,
    n_trades=1,
    n_late=0,
)
_FEATURES = events.FeaturesComputed(
    event_time_ms=_T0 + _MINUTE_MS,
    known_time_ms=_T0 + _MINUTE_MS + 1,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.FIFTEEN_MINUTES,
    close=100.1,
    feature_spec_hash=_SPEC_HASH,
    is_warm=True,
    values={"log_return_1": 0.1, "z_score_60": 1e-17},
)
_VECTOR = events.VectorComputed(
    event_time_ms=_T0 + _MINUTE_MS,
    known_time_ms=_T0 + _MINUTE_MS + 1,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.FIFTEEN_MINUTES,
    close=100.1,
    feature_spec_hash=_SPEC_HASH,
    is_warm=True,
    values={"log_return_1": 0.1, "coin_log_return_1": -0.25, "basis": None},
    joined={"ETH-USDT.BINANCE": _T0 + _MINUTE_MS, "BTC-USDT-PERP.BINANCE": None},
    n_late=1,
)
_PREDICTION = events.PredictionMade(
    event_time_ms=_T0 + _MINUTE_MS,
    known_time_ms=_T0 + _MINUTE_MS,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_MINUTE,
    horizon=Interval.ONE_MINUTE,
    probability_up=0.75,
    direction=Direction.UP,
    reference_price=100.0,
    model_version="xgboost-1",
    model_hash=_MODEL_HASH,
    feature_spec_hash=_SPEC_HASH,
)
_PREDICTION_WITH_EVIDENCE = replace(
    _PREDICTION,
    prediction_set=PredictionSet.UP,
    miscoverage=0.1,
    is_pick=True,
    evidence_target=0.1,
    evidence_coverage=0.098,
    evidence_n=6005,
    evidence_accuracy=0.636,
    evidence_low=0.624,
    evidence_high=0.648,
    late_accuracy=0.559,
    late_low=0.546,
    late_high=0.572,
)
_OUTCOME = events.OutcomeResolved(
    event_time_ms=_T0 + 2 * _MINUTE_MS,
    known_time_ms=_T0 + 2 * _MINUTE_MS + 5,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_MINUTE,
    horizon=Interval.ONE_MINUTE,
    features_as_of_ms=_T0 + _MINUTE_MS,
    probability_up=0.625,
    direction=Direction.UP,
    reference_price=100.0,
    final_price=100.5,
    outcome=Outcome.UP,
    is_hit=True,
    model_version="xgboost-1",
    model_hash=_MODEL_HASH,
)
_PREDICTION_OF_A_CHALLENGER = replace(_PREDICTION_WITH_EVIDENCE, arm="challenger")
_OUTCOME_OF_A_CHALLENGER = replace(_OUTCOME, arm="challenger")
_PROMOTED = events.ModelPromoted(
    event_time_ms=_T0,
    known_time_ms=_T0,
    source="trainers",
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_HOUR,
    horizon=Interval.FOUR_HOURS,
    alias="champion",
    model_version="xgboost-1",
    model_hash=_MODEL_HASH,
    feature_spec_hash=_SPEC_HASH,
    effective_from_ms=_T0,
)
_TOOK_EFFECT = events.PromotionTookEffect(
    event_time_ms=_T0 + 60 * _MINUTE_MS,
    known_time_ms=_T0 + 60 * _MINUTE_MS + 5,
    source=_SOURCE,
    stream=_STREAM,
    instrument=_INSTRUMENT,
    interval=Interval.ONE_HOUR,
    horizon=Interval.FOUR_HOURS,
    alias="champion",
    model_version="xgboost-1",
    model_hash=_MODEL_HASH,
    effective_from_ms=_T0,
    n_let_go=1,
)
_ALERT = events.AlertRaised(
    event_time_ms=_T0,
    known_time_ms=_T0,
    source="market",
    stream=LIVE,
    name="stalled_partition",
    subject="market.tick.v1/3",
    severity=Severity.PAGE,
    summary="No record was committed for 31 s although 1200 wait: the worker was restarted.",
    value=31.5,
)

EXAMPLES: dict[str, Event] = {
    "watermark_advanced_of_a_session": replace(_WATERMARK, epoch=_EPOCH),
    "watermark_advanced": _WATERMARK,
    "source_fell_silent_for_a_while": replace(
        _SILENCE, absent_until_ms=_T0 + 2 + 5 * _MINUTE_MS, epoch=_EPOCH
    ),
    "source_fell_silent": _SILENCE,
    "source_returned": _RETURNED,
    "topic_switched": _SWITCHED,
    "source_status_changed": _STATUS,
    "tick_observed_after_ids_started_again": replace(_TICK, trade_id=7, id_epoch=1),
    "tick_observed": _TICK,
    "candle_observed_with_taker_volume": replace(_CANDLE, taker_buy_volume=0.25),
    "candle_observed": _CANDLE,
    "candle_observed_without_trades": replace(_CANDLE, n_trades=None, revision=0),
    "quote_observed": _QUOTE,
    "quote_observed_without_id": replace(_QUOTE, update_id=None),
    "price_observed_in_quarantine": _PRICE,
    "price_observed": replace(_PRICE, price=100.25, volume_24h=None, is_quarantined=False, reason=None),
    "article_published": _ARTICLE,
    "article_published_of_the_market": events.ArticlePublished(
        event_time_ms=_T0,
        known_time_ms=_T0 + 95_000,
        source="cryptoslate",
        stream=LIVE,
        asset=WHOLE_MARKET,
        article_id="89abcdef0123456789abcdef",
        version=0,
        url="https://cryptoslate.com/an-example/",
        title="An example of a title",
        content_hash="0f" * 32,
        assets=(WHOLE_MARKET,),
    ),
    "article_published_of_a_file": replace(
        _ARTICLE, known_time_ms=_T0 + 5 * _MINUTE_MS, stream=_STREAM, is_known_time_assumed=True
    ),
    "article_linked": _LINK,
    "sentiment_scored": _SENTIMENT,
    "sentiment_scored_without_probabilities": replace(
        _SENTIMENT,
        scorer="vader",
        negative=None,
        neutral=None,
        positive=None,
        score=-0.25,
        is_known_time_assumed=False,
    ),
    "sentiment_refused": replace(
        _SENTIMENT,
        negative=None,
        neutral=None,
        positive=None,
        score=None,
        refusal="The text is in German, which the scorer does not know.",
    ),
    "news_features_computed": _NEWS_FEATURES,
    "source_health_changed": _HEALTH,
    "source_health_changed_before_the_first_answer": replace(
        _HEALTH,
        state=SourceHealth.UNKNOWN,
        reason="It was not asked yet.",
        last_item_ms=None,
        last_answer_ms=None,
    ),
    "bar_closed": _BAR,
    "bar_closed_of_a_candle": replace(
        _BAR, open=100.0, high=100.0, low=100.0, close=100.0, buy_volume=None, n_trades=None
    ),
    "features_computed": _FEATURES,
    "features_computed_cold": replace(_FEATURES, is_warm=False, values={"log_return_1": None}),
    "prediction_made_of_a_challenger": _PREDICTION_OF_A_CHALLENGER,
    "prediction_made_with_evidence": _PREDICTION_WITH_EVIDENCE,
    "vector_computed": _VECTOR,
    "prediction_made": _PREDICTION,
    "outcome_resolved_of_a_challenger": _OUTCOME_OF_A_CHALLENGER,
    "outcome_resolved": _OUTCOME,
    "outcome_resolved_void": replace(_OUTCOME, final_price=None, outcome=Outcome.VOID, is_hit=None),
    "model_promoted": _PROMOTED,
    "promotion_took_effect": _TOOK_EFFECT,
    "alert_raised": _ALERT,
    "alert_raised_resolved": replace(_ALERT, value=None, is_resolved=True),
}


def examples_of(kind: type[Event]) -> dict[str, Event]:
    """The examples of a kind, by name; the one with every field set is first."""
    return {name: event for name, event in EXAMPLES.items() if type(event) is kind}
