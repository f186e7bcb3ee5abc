"""The tree of errors, sorted by what the caller does next.

::

    PlatformError
      ConfigurationError    stop at start; names the variable, its value, the allowed form
      ContractError         this message is bad: dead-letter it and go on
        DecodeError | SchemaVersionError | InvariantError | RowRefusedError
      TransientError        the same call may succeed later: back off within a budget, then crash
        BrokerUnavailableError | StoreUnavailableError | SourceUnavailableError
      StateError            own state disagrees with the log: crash, rebuild from it
        OffsetRegressionError | SnapshotMismatchError | ProducerFencedError
      NotReadyError         asked too early (no model yet): the API answers 503, jobs wait

Programmer mistakes stay ``TypeError`` and ``ValueError``, outside this tree, and crash.
"""


class PlatformError(Exception):
    """The base of all errors that this platform defines."""


class ConfigurationError(PlatformError):
    """A setting is wrong. The start stops, and the message names the variable and the allowed form."""


class ContractError(PlatformError):
    """A message breaks the contract. It is dead-lettered with its reason, and the job goes on."""


class DecodeError(ContractError):
    """The bytes are not the JSON of any event of the topic."""


class SchemaVersionError(ContractError):
    """The event's type or version is unknown to this release."""


class InvariantError(ContractError):
    """The event decodes but states something impossible, such as a high below its low."""


class RowRefusedError(ContractError):
    """The durable store refuses the row of the event; the message is the reason of the store."""


class TransientError(PlatformError):
    """The same call may succeed later. The caller backs off within a budget, and then crashes."""


class BrokerUnavailableError(TransientError):
    """The Kafka broker does not answer."""


class StoreUnavailableError(TransientError):
    """Redis or Postgres does not answer."""


class SourceUnavailableError(TransientError):
    """An outside source does not answer."""


class StateError(PlatformError):
    """The state of a process disagrees with the log. The process crashes and rebuilds its state from the log."""


class OffsetRegressionError(StateError):
    """The log is shorter than what was processed already, so it is another log."""


class SnapshotMismatchError(StateError):
    """A snapshot does not belong to this code or to this log."""


class ProducerFencedError(StateError):
    """Another worker took over the transactions of this worker."""


class NotReadyError(PlatformError):
    """What is asked for does not exist yet, and may exist soon."""
