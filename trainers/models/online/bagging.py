"""ADWIN bagging that replaces its worst member.

River 0.26's feeds each member's detector with its hits, and then replaces the member of the *highest*
estimate, when an estimate rose: the best one, when it became better. Bifet and others (2009) replace
the worst when errors rise. So here detectors are fed with errors, and the rest is River's.

Source:
    Bifet, Holmes, Pfahringer, Kirkby, Gavaldà (2009), New ensemble methods for evolving data streams.
"""

from typing import Any

from river.drift import ADWIN
from river.ensemble import ADWINBaggingClassifier
from river.utils.random import poisson


class ErrorBagging(ADWINBaggingClassifier):
    """River's, with errors in the detectors."""

    def learn_one(self, x: dict[Any, Any], y: Any, **kwargs: Any) -> None:
        """Teach each member as often as a Poisson draw says; replace the worst when errors rose.

        Args:
            x: The features of a row by name, as River has them.
            y: Its label.
            **kwargs: Handed on to each member.
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
