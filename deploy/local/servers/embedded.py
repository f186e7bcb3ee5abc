"""Declares the three embedded servers: how to prepare their start, and their commands.

The reasons of the options are in the README of this folder.
"""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

from deploy.local.ports import LOOPBACK
from deploy.local.servers import binaries
from deploy.local.servers.accounts import database_account, hand_over
from deploy.local.spawning import Account, Command, tethered
from schemas.errors import ConfigurationError

BROKER, CACHE, DATABASE = "broker", "valkey", "postgres"

_DATABASE_USER = "driftline"
_DATABASE_NAME = "postgres"
_POSTGRES_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "40",
    "shared_buffers": "32MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "jit": "off",
    "autovacuum_max_workers": "1",
    "autovacuum_naptime": "5min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


class EmbeddedServer(Protocol):
    """The port of a server of the data directory."""

    @property
    def name(self) -> str:
        """Its name in logs and tables."""

    @property
    def port(self) -> int:
        """The port of the loopback on which it listens."""

    def prepare(self) -> None:
        """Prepare what the next start needs. Call it before every start, while the server does not run.

        Raises:
            ConfigurationError: If that is not possible on this machine.
        """

    def command(self) -> Command:
        """Return how it is started."""


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Tansu, which has the protocol of Kafka and keeps everything in memory."""

    port: int
    environment: Mapping[str, str]
    name: str = BROKER

    @property
    def bootstrap_servers(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Do nothing, because it keeps nothing."""

    def command(self) -> Command:
        """Return the command of the broker, which advertises the address on which it listens."""
        url = f"tcp://{LOOPBACK}:{self.port}"
        program = (str(binaries.tansu()), "broker", "--storage-engine", "memory://tansu/")
        return Command(
            name=self.name,
            arguments=(*program, "--listener-url", url, "--advertised-listener-url", url),
            environment=dict(self.environment),
        )


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """Valkey without persistence: its writers write the views again."""

    port: int
    directory: Path
    environment: Mapping[str, str]
    name: str = CACHE

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Create the directory that the server works in."""
        self.directory.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        """Return the command of the server, which refuses writes when its memory is full rather than forgetting views."""
        options = {
            "port": str(self.port),
            "bind": LOOPBACK,
            "save": "",
            "appendonly": "no",
            "maxmemory": "128mb",
            "maxmemory-policy": "noeviction",
            "dir": str(self.directory),
            "loglevel": "warning",
        }
        arguments = [str(binaries.valkey_server())]
        for option, value in options.items():
            arguments += [f"--{option}", value]
        return Command(name=self.name, arguments=tuple(arguments), environment=dict(self.environment))


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """Postgres with settings for little memory; it is durable, because fsync stays on.

    Attributes:
        account: The account that it becomes; None means the user of the launcher.
    """

    port: int
    directory: Path
    environment: Mapping[str, str]
    account: Account | None = None
    name: str = DATABASE

    @property
    def url(self) -> str:
        """The URL for clients; connections from the loopback are trusted."""
        return f"postgresql://{_DATABASE_USER}@{LOOPBACK}:{self.port}/{_DATABASE_NAME}"

    def prepare(self) -> None:
        """Create the cluster at the first start; at later starts, remove the lock of a dead server."""
        if (self.directory / "PG_VERSION").exists():
            hand_over(self.directory, self.account)
            _forget_foreign_lock(self.directory)
        else:
            self._initialise()

    def _initialise(self) -> None:
        try:
            self._make_cluster()
        except OSError as error:
            message = f"Postgres' files cannot be created in {self.directory}: {error.strerror}; or set DATABASE_URL"
            raise ConfigurationError(message) from error

    def _make_cluster(self) -> None:
        partial = self.directory.with_name(self.directory.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        hand_over(partial, self.account)
        options = ("--no-sync", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions")
        program = (str(binaries.postgres("initdb")), "--pgdata", str(partial))
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            tethered(self._command((*program, f"--username={_DATABASE_USER}", *options))),
            check=False,
            capture_output=True,
            text=True,
            start_new_session=True,
            env=dict(self.environment),
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or "no reason given").splitlines()[-1]
            message = f"Postgres could not create its files in {self.directory}: {last}; or set DATABASE_URL"
            raise ConfigurationError(message)
        partial.rename(self.directory)

    def command(self) -> Command:
        """Return the command of the server. SIGINT is its fast shutdown, which it also gets when the launcher dies."""
        arguments = [str(binaries.postgres("postgres")), "-D", str(self.directory), "-c", f"port={self.port}"]
        for option, value in _POSTGRES_OPTIONS.items():
            arguments += ["-c", f"{option}={value}"]
        return self._command(tuple(arguments))

    def _command(self, arguments: tuple[str, ...]) -> Command:
        return Command(
            name=self.name,
            arguments=arguments,
            environment=dict(self.environment) | {"LC_ALL": "C"},
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            account=self.account,
        )


def account_of_database(directory: Path) -> Account | None:
    """Return the account that Postgres becomes; None means the user of the launcher.

    Raises:
        ConfigurationError: If Postgres cannot run here.
    """
    return database_account(directory, [binaries.postgres("postgres"), binaries.postgres("initdb")])


def _forget_foreign_lock(directory: Path) -> None:
    """Remove ``postmaster.pid`` when its process id now belongs to something else.

    Postgres refuses to start while any process has that id, which in a container that was started
    anew is the rule. The data directory's own lock makes sure that no second launcher is here.
    """
    lock = directory / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
        name = psutil.Process(pid).name()
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        return
    if name != "postgres":
        lock.unlink(missing_ok=True)
