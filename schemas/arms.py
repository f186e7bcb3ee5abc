"""The arms: the aliases under which versions of models are scored, several for each close.

A prediction, its outcome and its record belong to an arm. Stands apart because events, targets and artifacts all
speak of it.
"""

import re

CHAMPION = "champion"
CHALLENGER = "challenger"
SHADOW = "shadow"
#: What a version usually is to its target and stream: the one that serves, the one that is held
#: against it, and one that only predicts beside it. Others are used by their names.
ALIASES = (CHAMPION, CHALLENGER, SHADOW)
#: The form of an alias under which a version is scored: a short lower-case name, which stands in keys.
ARM_FORM = r"^[a-z][a-z0-9_-]{0,30}$"


def is_arm(alias: str) -> bool:
    """Whether versions under an alias are scored: it has the form of :data:`ARM_FORM`."""
    return re.fullmatch(ARM_FORM, alias) is not None
