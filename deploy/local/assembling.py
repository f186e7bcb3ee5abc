"""Makes the units that the launcher supervises from a plan of servers and the processes of a run."""

import sys
import time
from collections.abc import Mapping

from deploy.local.environments import process_environment
from deploy.local.runs import PlatformRun
from deploy.local.servers.planning import ServerPlan
from deploy.local.spawning import Command
from deploy.local.states import ProcessState
from deploy.local.units import Backoff, Unit, UnitState
from deploy.processes import PREPARE, PlatformProcess, Stage

#: Everything else waits for an embedded server, so it is started again sooner.
_SERVER_BACKOFF = Backoff(first_s=0.1, longest_s=4.0)


def units_of(plan: ServerPlan, run: PlatformRun, shared: Mapping[str, str]) -> list[Unit]:
    """Return everything to supervise, in the order in which it is started.

    Args:
        plan: The servers that are run here, and the addresses of all.
        run: The run, with its processes.
        shared: The environment of every process.
    """
    addresses = {
        "KAFKA_BOOTSTRAP_SERVERS": plan.endpoints.kafka.bootstrap_servers,
        "REDIS_URL": plan.endpoints.redis_url,
        "DATABASE_URL": plan.endpoints.database_url,
    }
    prepare = _unit_of(PREPARE, dict(shared) | addresses)
    servers = [
        Unit(server.command(), stage=Stage.SERVERS, backoff=_SERVER_BACKOFF, prepare=server.prepare)
        for server in plan.servers
    ]
    # Postgres is the last server, and prepare is before it: prepare imports while Postgres creates its files.
    return [prepare, *servers, *(_unit_of(process, shared) for process in run.processes)]


def _unit_of(process: PlatformProcess, shared: Mapping[str, str]) -> Unit:
    command = Command(
        name=process.name,
        arguments=(sys.executable, "-m", *process.arguments),
        environment=process_environment(process, shared),
    )
    return Unit(
        command,
        stage=process.stage,
        lifetime=process.lifetime,
        is_broker_client=process.is_broker_client,
        is_awaited_once=process.is_awaited_once,
        is_dispensable=process.is_dispensable,
        ends_when=process.ends_when,
    )


def state_of_unit(unit: Unit, resident_bytes: Mapping[str, int]) -> ProcessState:
    """Return the state of a unit, as the launcher writes it down."""
    spawned = unit.spawned if unit.state is UnitState.RUNNING else None
    return ProcessState(
        name=unit.name,
        stage=unit.stage.name.lower(),
        state=str(unit.state),
        pid=None if spawned is None else spawned.pid,
        n_restarts=unit.n_restarts,
        uptime_s=None if spawned is None else round(time.monotonic() - spawned.started_s, 1),
        rss_bytes=resident_bytes.get(unit.name, 0),
        reason=unit.reason,
    )
