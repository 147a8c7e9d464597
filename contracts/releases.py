"""Where what never changes again lies, by version: released contracts, and recorded messages."""

from pathlib import Path
from typing import Final

#: What the code describes: above the newest release as soon as anything was added to it.
VERSION: Final = "1.1"
RELEASED: Final = Path(__file__).parent / "released"


def versions_in(folder: Path) -> list[Path]:
    """The folders named by a version, the oldest first; 1.10 comes after 1.9."""
    named = [one for one in folder.iterdir() if one.name.replace(".", "").isdigit()]
    return sorted(named, key=lambda one: _numbers(one.name))


def is_newer(version: str, other: str) -> bool:
    """Whether one version comes after the other."""
    return _numbers(version) > _numbers(other)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def newest_release(released: Path = RELEASED) -> Path:
    """The folder of the newest version; IndexError where there is none."""
    return versions_in(released)[-1]
