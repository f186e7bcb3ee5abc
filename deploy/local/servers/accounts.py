"""Whom Postgres runs as: it refuses root, and what it becomes instead must reach its programs and its files.

The ways are tried one after the other by a small process that becomes the account and asks access(2),
as initdb does; the first that passes is taken. No folder's modes are changed for it.

1. An ordinary user: Postgres runs as that.
2. Root becomes the user to whom the files belong, at first ``nobody``, without any capability.
3. The same with one capability, to read and pass directories such as /root.
4. Root stays itself in a user namespace, where its id is not 0: in containers that may not change users.

The third comes after the second because whoever reaches Postgres may do what Postgres may; the fourth comes
last because there that is to write whatever belongs to root.
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
#: What root needs to hand files over, to become another user, and to end what that one runs.
_NEEDED = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
_NAMESPACE = Account(text=tethers.NAMESPACE, uid=0, gid=0, name="root in a user namespace")


def database_account(directory: Path, programs: Sequence[Path]) -> Account | None:
    """Whom Postgres becomes; None means the launcher's own user.

    Args:
        directory: Where its files are or will be.
        programs: Its programs.

    Raises:
        ConfigurationError: If no way works; says why of each, and what to do.
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
    """Give a directory and what is in it to an account, where it is another's; only root can."""
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
    """Each account, with the reason why it is out of the question, or nothing."""
    owner = directory.stat().st_uid if directory.exists() else 0
    try:
        user = pwd.getpwnam("nobody") if owner == 0 else pwd.getpwuid(owner)
    except KeyError:
        no_such = "there is no such user"
        yield Account(text="", uid=owner, gid=0, name="`nobody`" if owner == 0 else f"user {owner}"), no_such
        return  # initdb looks a user namespace's user up, too, and that is `nobody`
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
    """Whether this process has a capability; where there is no such thing, root has."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "")
    return not held or bool(int(held, 16) >> capability & 1)


def _reason_against(account: Account | None, directory: Path, programs: Sequence[Path]) -> str:
    """What an account cannot reach, or nothing; asked by a process that becomes it."""
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
    while not os.path.exists(path):  # noqa: PTH110  (False, not an error, behind a closed folder)
        path = path.parent
    return path


def _name_of(uid: int) -> str:
    try:
        return f"`{pwd.getpwuid(uid).pw_name}`"
    except KeyError:
        return f"user {uid}"
