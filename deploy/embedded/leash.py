"""Turns itself into a server that the kernel ends when the platform that started it dies.

Run by path (`python -I -S leash.py SIGNAL PARENT UID GID -- COMMAND...`) and not imported: between
fork and exec there is no safe place for this in a program with threads. The order matters: a change
of user clears the death signal, so it is asked for afterwards.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def _drop_rights(uid: int, gid: int) -> None:
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def main(arguments: list[str]) -> None:
    """Change user, ask for the death signal, become the command."""
    death_signal, parent, uid, gid = (int(value) for value in arguments[:4])
    command = arguments[5:]
    _drop_rights(uid, gid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the request was made: then nobody would send the signal.
    if os.getppid() != parent:
        sys.exit("the platform has gone")
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
