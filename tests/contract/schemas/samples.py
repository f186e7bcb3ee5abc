"""The examples of the contract, under the name that tests know them by."""

from schemas.contracts.examples import EXAMPLES as SAMPLES

__all__ = ["SAMPLES"]
