"""Ties a process to the life of its parent, and then becomes the command. It is run as a script.

The launcher starts every process through it. On Linux the kernel then signals the process when
the launcher dies, however it dies. It is a program of its own, and not code between fork and
exec, because such code deadlocks in a process with threads. It imports only ctypes, errno, os and sys, so
that it takes some 20 ms.

Postgres refuses to run as root. If root starts it, this script becomes another account
(``deploy.local.servers.accounts`` chooses which):

``UID:GID``
    Another user, without any capability.
``UID:GID:read``
    Another user that keeps one capability, to read and enter directories. The parents of the wheel and of
    the data directory may belong to root alone (such as /root), and opening them to everyone
    would be worse. access(2), by which initdb finds its programs, asks as the real user and ignores that
    capability unless the secure bit ``NO_SETUID_FIXUP`` is set.
``namespace``
    The same user in a user namespace without any mapping, in which its id is 65534 and its own files
    still belong to it. This is for containers that may not change users.

Run as ``check ACCOUNT DIRECTORY PROGRAM...``, it becomes the account and checks whether the account may write
the directory (or only enter it, if it ends in a slash) and run the programs. It exits with 0, or prints why not.

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
#: The right to read and enter any directory; where a container forbids it, the right to override permissions.
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
    """Keep only this capability when the program changes, and return whether that was possible."""
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
        sys.exit(f"becoming user {uid} is refused ({os.strerror(error.errno or errno.EPERM)})")
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
        arguments: The process id of the parent; the signal to get when the parent dies; the account to become,
            or an empty text; the command, with its program as an absolute path. Or ``check`` and what to check.
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
