"""Chooses the account of Postgres, which refuses root and must reach its programs and its files.

A small process tries the ways one after the other: it becomes the account and asks access(2),
as initdb does. The first way that works is taken. No folder's modes are changed.

1. An ordinary user: Postgres runs as this user.
2. Root becomes the owner of the files, at first ``nobody``, without any capability.
3. The same with one capability, to read and enter directories such as /root.
4. Root stays itself in a user namespace, where its id is not 0, for containers that may not change users.

The third way comes after the second because a client of Postgres may do what Postgres may do. The fourth comes
last because Postgres may then write every file of root.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local import tethers
from deploy.local.spawning import Account
from schemas.errors import ConfigurationError

_CHECK_S = 30.0
#: The capabilities by which root hands files over, becomes another user, and ends the processes of that user.
_NEEDED = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
_NAMESPACE = Account(text=tethers.NAMESPACE, uid=0, gid=0, name="root in a user namespace")


def database_account(directory: Path, programs: Sequence[Path]) -> Account | None:
    """Return the account that Postgres becomes; None means the user of the launcher.

    Args:
        directory: The folder of its files.
        programs: Its programs.

    Raises:
        ConfigurationError: If no way works; the message says why, and what to do.
    """
    if os.geteuid() != 0:
        _check_ordinary(directory, programs)
        return None
    reasons: list[str] = []
    for account, reason in _ways_of_root(directory):
        found = reason or _reason_against(account, directory, programs)
        if not found:
            return account
        reasons.append(f"as {account.name}: {found}")
    message = (
        f"Postgres does not run as root, and cannot run as anyone else here ({'; '.join(dict.fromkeys(reasons))}): "
        "start the platform as an ordinary user, allow the container to change users, or set DATABASE_URL"
    )
    raise ConfigurationError(message)


def hand_over(directory: Path, account: Account | None) -> None:
    """Make an account the owner of a directory and its content, unless it is the owner; only root can do that."""
    if account is None or directory.stat().st_uid == account.uid:
        return
    for folder, _, files in os.walk(directory, topdown=False):
        for name in files:
            os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)
        os.chown(folder, account.uid, account.gid)


def _check_ordinary(directory: Path, programs: Sequence[Path]) -> None:
    if directory.exists() and (owner := directory.stat().st_uid) != os.geteuid():
        message = (
            f"{directory} must belong to user {os.geteuid()}, who starts Postgres, and belongs to {_name_of(owner)}: "
            "start as the user who made it, delete it, or set DRIFTLINE_DATA_DIR to another directory"
        )
        raise ConfigurationError(message)
    reason = _reason_against(None, directory, programs)
    if reason:
        message = f"Postgres cannot run here: {reason}; correct that, or set DATABASE_URL"
        raise ConfigurationError(message)


def _ways_of_root(directory: Path) -> Iterator[tuple[Account, str]]:
    """Each account, with the reason why it cannot be used; the reason is empty if it may work."""
    owner = directory.stat().st_uid if directory.exists() else 0
    try:
        user = pwd.getpwnam("nobody") if owner == 0 else pwd.getpwuid(owner)
    except KeyError:
        no_such = "there is no such user"
        yield Account(text="", uid=owner, gid=0, name="`nobody`" if owner == 0 else f"user {owner}"), no_such
        return  # initdb also looks up the user of a user namespace, which is `nobody`
    missing = ", ".join(name for name, number in _NEEDED.items() if not _may(number))
    reason = f"the capabilities {missing} are missing" if missing else ""
    ids = f"{user.pw_uid}:{user.pw_gid}"
    name = f"`{user.pw_name}`"
    yield Account(text=ids, uid=user.pw_uid, gid=user.pw_gid, name=name), reason
    if sys.platform != "linux":
        return
    reads = f"{name} with the right to read any folder"
    yield Account(text=f"{ids}:read", uid=user.pw_uid, gid=user.pw_gid, name=reads), reason
    is_anothers = owner != 0 and not _may(_NEEDED["CAP_CHOWN"])
    yield _NAMESPACE, f"{directory} belongs to {name} and cannot be handed over" if is_anothers else ""


def _may(capability: int) -> bool:
    """Whether this process has a capability; on systems without capabilities, root has all."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "")
    return not held or bool(int(held, 16) >> capability & 1)


def _reason_against(account: Account | None, directory: Path, programs: Sequence[Path]) -> str:
    """What an account cannot reach; empty if it reaches everything. A process that becomes the account checks it."""
    is_its_own = directory.exists() and account is not None and directory.stat().st_uid == account.uid
    target = str(directory) if is_its_own else f"{_existing(directory.parent)}{os.sep}"
    command = [sys.executable, "-I", "-S", tethers.__file__, tethers.CHECK]
    command += ["" if account is None else account.text, target, *map(str, programs)]
    done = subprocess.run(  # noqa: S603  (our own script, no shell)
        command, check=False, capture_output=True, text=True, timeout=_CHECK_S
    )
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"the check ended with exit code {done.returncode}"])[-1]


def _existing(path: Path) -> Path:
    while not os.path.exists(path):  # noqa: PTH110  (False, not an error, inside a folder that may not be entered)
        path = path.parent
    return path


def _name_of(uid: int) -> str:
    try:
        return f"`{pwd.getpwuid(uid).pw_name}`"
    except KeyError:
        return f"user {uid}"
