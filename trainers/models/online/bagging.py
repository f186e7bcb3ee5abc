"""ADWIN bagging that replaces its worst member.

River 0.26 feeds the detector of each member with its hits. When an estimate rises, it replaces the member with the
*highest* estimate, which is the best member when it becomes better. Bifet and others (2009) replace
the worst member when errors rise. Here the detectors are fed with errors, and the rest is River's.

Source:
    Bifet, Holmes, Pfahringer, Kirkby, Gavaldà (2009), New ensemble methods for evolving data streams.
"""

from typing import Any

from river.drift import ADWIN
from river.ensemble import ADWINBaggingClassifier
from river.utils.random import poisson


class ErrorBagging(ADWINBaggingClassifier):
    """River's ADWIN bagging, whose detectors are fed with errors."""

    def learn_one(self, x: dict[Any, Any], y: Any, **kwargs: Any) -> None:
        """Teaches each member as often as a Poisson draw says; replaces the worst member if errors rose.

        Args:
            x: The features of a row by name, in River's form.
            y: The label of the row.
            **kwargs: Passed on to each member.
        """
        has_risen = False
        for member, detector in zip(self, self._drift_detectors, strict=True):
            is_error = member.predict_one(x) != y
            for _ in range(poisson(1, self._rng)):
                member.learn_one(x, y, **kwargs)
            before = detector.estimation
            detector.update(int(is_error))  # type: ignore[no-untyped-call]
            has_risen |= detector.drift_detected and detector.estimation > before
        if has_risen:
            errors = [detector.estimation for detector in self._drift_detectors]
            worst = errors.index(max(errors))
            self.models[worst] = self.model.clone()
            self._drift_detectors[worst] = ADWIN()  # type: ignore[no-untyped-call]
