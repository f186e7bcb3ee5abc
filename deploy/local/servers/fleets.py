"""Runs the embedded servers without a launcher, for tests, benchmarks and single jobs."""

import importlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from deploy.local.directories import DataDirectory
from deploy.local.ports import ClaimedPorts
from deploy.local.servers.health import wait_until_ready
from deploy.local.servers.planning import make_plan
from deploy.local.settings import LauncherSettings
from deploy.local.spawning import Spawned, clear_stale, end_together, spawn
from schemas.errors import StoreUnavailableError
from schemas.topics import ALL_TOPICS
from schemas.wire.administration import Administration
from schemas.wire.postgres.migrating import migrate
from schemas.wire.settings import Endpoints

_START_S = 30.0
_END_S = 5.0
_POLL_S = 0.02
_N_PLANS = 3


@contextmanager
def running_servers(settings: LauncherSettings, environment: Mapping[str, str]) -> Iterator[Endpoints]:
    """Run the embedded servers within the block, with topics created and tables migrated.

    Enter it in the main thread, because the kernel ties the life of a server to the thread that started it.

    Args:
        settings: The settings, with the data directory; external servers are used if their URLs are set.
        environment: The environment of the servers.

    Raises:
        ConfigurationError: If a server cannot start on this machine.
        StoreUnavailableError: If a server does not answer.
    """
    directory = DataDirectory(settings.data_dir)
    with directory.held():
        clear_stale(directory)
        processes: list[Spawned] = []
        with ClaimedPorts() as claimed:
            try:
                endpoints = _start(
                    settings, environment, directory=directory, processes=processes, claimed=claimed
                )
                make_usable(endpoints)
                directory.write_endpoints(endpoints)
                yield endpoints
            finally:
                directory.endpoints.unlink(missing_ok=True)
                end_together(processes, timeout_s=_END_S)


def _start(
    settings: LauncherSettings,
    environment: Mapping[str, str],
    *,
    directory: DataDirectory,
    processes: list[Spawned],
    claimed: ClaimedPorts,
) -> Endpoints:
    """Start the servers until each listens on its own port, because other programs may take a port meanwhile."""
    for _ in range(_N_PLANS):
        plan = make_plan(settings, directory, environment, claimed=claimed)
        # The import of the migration tool takes half of a first start; Postgres creates its files meanwhile.
        with ThreadPoolExecutor(max_workers=1) as importing:
            importing.submit(importlib.import_module, "alembic.command")
            for server in plan.servers:
                server.prepare()
                processes.append(spawn(server.command(), directory))
        ports = [server.port for server in plan.servers]
        if _all_listen(dict(zip(ports, processes, strict=True))):
            wait_until_ready(plan.endpoints, timeout_s=_START_S)
            return plan.endpoints
        end_together(processes, timeout_s=_END_S)
        processes.clear()
        claimed.release()
    message = f"the embedded servers did not start; see {directory.logs}"
    raise StoreUnavailableError(message)


def _all_listen(processes: Mapping[int, Spawned]) -> bool:
    """Whether each process listens on its port within the time; False as soon as one has ended."""
    deadline = time.monotonic() + _START_S
    while not all(process.listens_on(port) for port, process in processes.items()):
        has_failed = any(process.exit_code() is not None for process in processes.values())
        if has_failed or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def make_usable(endpoints: Endpoints) -> None:
    """Create the topics and migrate the tables; existing ones are not changed.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
        StoreUnavailableError: If Postgres does not answer.
    """
    administration = Administration(endpoints.kafka)
    administration.create_topics(ALL_TOPICS)
    administration.wake_coordinators()
    migrate(endpoints.database_url)
