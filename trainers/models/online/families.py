"""The kinds of River models that can be stored, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from trainers.models.online.tables import (
    ModelFamily,
    bagging_family,
    forest_family,
    logistic_family,
    tree_family,
)

LOGISTIC = "online-logistic"
TREE = "online-adaptive-tree"
FOREST = "online-adaptive-forest"
BAGGING = "online-adwin-bagging"

FAMILIES: Mapping[str, Callable[[], ModelFamily]] = MappingProxyType(
    {LOGISTIC: logistic_family, TREE: tree_family, FOREST: forest_family, BAGGING: bagging_family}
)
