"""The error tree, sorted by what the caller does next.

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
    """Anything that this platform reports by a name of its own."""


class ConfigurationError(PlatformError):
    """A setting is wrong: the start stops; the message names the variable and the allowed form."""


class ContractError(PlatformError):
    """A message breaks the contract: it is dead-lettered with its reason, and the flow goes on."""


class DecodeError(ContractError):
    """The bytes are not the JSON of any event of the topic."""


class SchemaVersionError(ContractError):
    """The event's type or version is unknown to this release."""


class InvariantError(ContractError):
    """The event decodes but states something impossible, such as a high below its low."""


class RowRefusedError(ContractError):
    """The durable store refuses the row that the event would be; the message is the store's reason."""


class TransientError(PlatformError):
    """The same call may succeed later: back off within a budget, then crash."""


class BrokerUnavailableError(TransientError):
    """The Kafka broker does not answer."""


class StoreUnavailableError(TransientError):
    """Redis or Postgres does not answer."""


class SourceUnavailableError(TransientError):
    """An outside source does not answer."""


class StateError(PlatformError):
    """A process's own state disagrees with the log: it crashes and rebuilds from the log."""


class OffsetRegressionError(StateError):
    """The log is shorter than what was already processed: it is another log."""


class SnapshotMismatchError(StateError):
    """A snapshot does not belong to this code or to this log."""


class ProducerFencedError(StateError):
    """Another worker took over this one's transactions."""


class NotReadyError(PlatformError):
    """Asked too early: what is asked for does not exist yet, and may soon."""
