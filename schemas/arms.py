"""The arms: the aliases under which versions of models are scored, several for each close.

A prediction, its outcome and its record belong to an arm. This module stands apart because events, targets and
artifacts all use it.
"""

import re

CHAMPION = "champion"
CHALLENGER = "challenger"
SHADOW = "shadow"
#: The usual arms of a target: the version that serves, the version that is compared with it, and a version that
#: only predicts. Other arms have names of their own.
ALIASES = (CHAMPION, CHALLENGER, SHADOW)
#: The form of an alias under which a version is scored: a short lower-case name, which stands in keys.
ARM_FORM = r"^[a-z][a-z0-9_-]{0,30}$"


def is_arm(alias: str) -> bool:
    """Return whether versions under an alias are scored, which is so if it has the form of :data:`ARM_FORM`."""
    return re.fullmatch(ARM_FORM, alias) is not None
