"""Becomes a command whose life hangs on its parent's: run as a script, before the command itself.

The launcher starts every process through it. On Linux the kernel then signals the process when
the launcher dies, however it dies. It is a program of its own, and not code between fork and
exec, because that deadlocks in a process with threads. It imports nothing but ctypes and os: it
costs some 20 ms.

Postgres refuses to run as root. When root is who starts it, it becomes another user here, and
keeps one capability, to read and pass directories: the wheel's and the data directory's parents
may well be root's alone (such as /root), and opening those to everyone would be worse.

Source:
    prctl(2), capabilities(7): ambient capabilities survive the change to another program.
"""

import ctypes
import os
import sys

_PR_SET_KEEPCAPS = 8
_PR_SET_PDEATHSIG = 1
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


def _keep(system: ctypes.CDLL, capability: int) -> bool:
    header = _Header(_CAP_VERSION_3, 0)
    sets = (_Sets * 2)()
    sets[0] = _Sets(1 << capability, 1 << capability, 1 << capability)
    if system.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        return False
    return bool(system.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _become(owner: str) -> None:
    uid, gid = (int(number) for number in owner.split(":"))
    is_linux = sys.platform == "linux"
    system = ctypes.CDLL(None)
    if is_linux:
        system.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if is_linux and not _keep(system, _CAP_DAC_READ_SEARCH):
        _keep(system, _CAP_DAC_OVERRIDE)


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command.

    Args:
        arguments: The parent's process id; the signal to get when it dies; ``uid:gid`` to become,
            or nothing; the command, its program as an absolute path.
    """
    parent, orphan_signal, owner, *command = arguments
    if owner:
        _become(owner)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the launcher has ended")
    os.execv(command[0], command)  # noqa: S606  (the launcher's own command, no shell)


if __name__ == "__main__":
    main(sys.argv[1:])
