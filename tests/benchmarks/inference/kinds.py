"""The kinds of models that are timed: every recipe on offer, and the one that issue and design speak of.

A kind that is added to the offers is timed without a word here. River's models have no ONNX form and are
timed apart, in :mod:`.online`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.training.offered import offered, online_offered

#: What a kind is of: one ensemble of trees, which has the bar, or several members.
TREES = frozenset(
    {"xgboost-300x5", "xgboost", "random-forest", "lightgbm", "lightgbm-extra", "lightgbm-freer"}
)
KINDS: Mapping[str, Any] = MappingProxyType(
    {
        "xgboost-300x5": Boosting(parameters=BoostingParameters(n_rounds=300, max_depth=5)),
        **offered(),
    }
)
ONLINE = online_offered()
