"""Becomes a command whose life hangs on its parent's: run as a script, before the command itself.

The launcher starts every process through it. On Linux the kernel then signals the process when
the launcher dies, however it dies. It is a program of its own, and not code between fork and
exec, because that deadlocks in a process with threads. It imports nothing but ctypes, errno and os:
it costs some 20 ms.

Postgres refuses to run as root. When root is who starts it, it becomes another account here
(``deploy.local.servers.accounts`` chooses which):

``UID:GID``
    Another user, without any capability.
``UID:GID:read``
    Another user that keeps one capability, to read and pass directories: the wheel's and the data
    directory's parents may well be root's alone (such as /root), and opening those to everyone
    would be worse. access(2) asks as the real user and would leave that capability out (initdb
    looks for its sibling with it), unless the secure bit ``NO_SETUID_FIXUP`` is set.
``namespace``
    The same user in a user namespace without any mapping, in which its id is 65534 and files of its
    own are still its own; for containers that may not change users.

Run as ``check ACCOUNT DIRECTORY PROGRAM...`` it becomes the account, and tells whether that may write
the directory (or, behind a closing slash, only pass it) and run the programs: exit code 0, or a line.

Source:
    prctl(2), capabilities(7): ambient capabilities survive the change to another program.
    access(2) in Linux' ``fs/open.c``: ``access_override_creds`` and SECURE_NO_SETUID_FIXUP.
    user_namespaces(7): an unmapped user is the overflow user; permissions go by the real one.
"""

import ctypes
import errno
import os
import sys

NAMESPACE = "namespace"
CHECK = "check"
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_VERSION_3 = 0x20080522
#: Read and pass any directory; where a container forbids that, override permissions.
_CAP_DAC_READ_SEARCH = 2
_CAP_DAC_OVERRIDE = 1


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _system() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _keep(capability: int) -> bool:
    """Hold this capability and no other, beyond the change to another program; tells whether it could."""
    system, header = _system(), _Header(_CAP_VERSION_3, 0)
    sets = (_Sets * 2)()
    sets[0] = _Sets(1 << capability, 1 << capability, 1 << capability)
    if system.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        return False
    return bool(system.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _enter_namespace() -> None:
    if _system().unshare(_CLONE_NEWUSER) != 0:
        sys.exit(f"a user namespace is refused ({os.strerror(ctypes.get_errno())})")


def _become(account: str) -> None:
    if account == NAMESPACE:
        _enter_namespace()
        return
    uid, gid, *reads = account.split(":")
    if reads and _system().prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0:
        sys.exit("the right to read cannot be kept (CAP_SETPCAP is missing)")
    try:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    except PermissionError as error:
        sys.exit(f"user {uid} cannot be become ({os.strerror(error.errno or errno.EPERM)})")
    if reads and not (_keep(_CAP_DAC_READ_SEARCH) or _keep(_CAP_DAC_OVERRIDE)):
        sys.exit("the right to read cannot be kept (CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE are missing)")


def _check(account: str, directory: str, *programs: str) -> None:
    if account:
        _become(account)
    mode = os.X_OK if directory.endswith(os.sep) else os.R_OK | os.W_OK | os.X_OK
    if not os.access(directory, mode):
        sys.exit(f"{directory} {'cannot be entered' if mode == os.X_OK else 'cannot be written'}")
    for program in programs:
        if not os.access(program, os.R_OK | os.X_OK):
            sys.exit(f"{program} cannot be run")


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command.

    Args:
        arguments: The parent's process id; the signal to get when it dies; the account to become,
            or nothing; the command, its program as an absolute path. Or ``check`` and what to check.
    """
    if arguments[0] == CHECK:
        _check(*arguments[1:])
        return
    parent, orphan_signal, account, *command = arguments
    if account:
        _become(account)
    if sys.platform == "linux":
        _system().prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the launcher has ended")
    os.execv(command[0], command)  # noqa: S606  (the launcher's own command, no shell)


if __name__ == "__main__":
    main(sys.argv[1:])
