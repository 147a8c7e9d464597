"""The unprivileged user PostgreSQL runs under when the platform itself runs as root."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from deploy.embedded.processes import RunAs, ServerError

_NAME = "siraba"


def unprivileged_user() -> RunAs | None:
    """None when we are not root; otherwise the system user `siraba`, made on first use."""
    if os.geteuid() != 0:
        return None
    entry = _find(_NAME) or _make(_NAME) or _find("nobody")
    if entry is None:
        raise ServerError("PostgreSQL refuses to run as root: create a system user named siraba")
    return RunAs(entry.pw_uid, entry.pw_gid)


def closed_step(folder: Path, user: RunAs) -> Path | None:
    """The first folder on the way to `folder`, itself included, which `user` may not enter."""
    resolved = folder.resolve()
    steps = (*reversed(resolved.parents), resolved)
    return next((s for s in steps if s.exists() and not _may_enter(s.stat(), user)), None)


def _may_enter(status: os.stat_result, user: RunAs) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make(name: str) -> pwd.struct_passwd | None:
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        return None
    options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "--user-group"]
    subprocess.run([tool, *options, name], capture_output=True, check=False)
    return _find(name)
