"""The doctor's lines on the releases of NATS and PostgreSQL, held against a dated list of known holes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import yaml
from pydantic import TypeAdapter
from sqlalchemy.engine import make_url

from deploy.checks import Check
from deploy.embedded.processes import ServerError
from deploy.jetstream import connected, server_asked
from deploy.keys import SYSTEM, seed_file
from deploy.state import State

LIST: Final = Path(__file__).with_name("advisories.yaml")
Server = Literal["NATS", "PostgreSQL"]
#: How many of a release's numbers name its branch.
_BRANCH: Final[Mapping[Server, int]] = {"NATS": 2, "PostgreSQL": 1}


@dataclass(frozen=True, slots=True)
class Advisory:
    """A hole; `fixed`: the first release of each branch without it."""

    server: Server
    id: str
    fixed: tuple[str, ...]

    def concerns(self, release: str) -> bool:
        """Whether a release has it: one of no named branch has, unless all of these are older."""
        here, depth = _numbers(release), _BRANCH[self.server]
        good = sorted(_numbers(one) for one in self.fixed)
        of_branch = [one for one in good if one[:depth] == here[:depth]]
        return here < (of_branch or good)[-1]


@dataclass(frozen=True, slots=True)
class Advisories:
    """What was known on a day."""

    as_of: date
    advisories: tuple[Advisory, ...]

    def of(self, server: Server, release: str) -> list[str]:
        """The ids of those that a release has. Raises ValueError where the text is no release."""
        return [o.id for o in self.advisories if o.server == server and o.concerns(release)]


def _numbers(release: str) -> tuple[int, ...]:
    """Debian and others write more behind it."""
    found = re.match(r"v?(\d+(?:\.\d+)+)", release)
    if found is None:
        raise ValueError("no release")
    return tuple(map(int, found[1].split(".")))


def known_advisories(path: Path = LIST) -> Advisories:
    """Read the list. Raises pydantic's ValidationError where a word is wrong."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return TypeAdapter(Advisories).validate_python(told)


async def check_advisories(
    nats_url: str, database_url: str, state: State, *, embedded: Iterable[Server]
) -> list[Check]:
    """One line for each server. embedded: those that we start ourselves, from packages of ours."""
    releases: dict[Server, str] = {
        "NATS": await _nats_release(nats_url, state),
        "PostgreSQL": await _postgres_release(database_url),
    }
    own, known = set(embedded), known_advisories()
    return [
        advisory_check(server, release, known, embedded=server in own)
        for server, release in releases.items()
    ]


def advisory_check(server: Server, release: str, known: Advisories, *, embedded: bool) -> Check:
    """Whether a release has no known hole.

    One that we start ourselves is named, and holds: it listens on loopback or in a closed folder
    to our own roles alone, and its release comes with ours.
    """
    name = f"{server} has no hole that was known on {known.as_of}"
    try:
        found = known.of(server, release)
    except ValueError:
        return Check(name, False, "its release is not known")
    if not found:
        return Check(name, True, release)
    said = f"{release}: {', '.join(found)}"
    return Check(name, embedded, f"{said}; embedded, for trials" if embedded else said)


async def _nats_release(url: str, state: State) -> str:
    try:
        async with connected(url, SYSTEM, seed_file(state, SYSTEM)) as client:
            return str((await server_asked(client, "VARZ")).get("version", ""))
    except ServerError:
        return ""


async def _postgres_release(url: str) -> str:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError):
        return ""
    try:
        return str(await connection.fetchval("show server_version"))
    finally:
        await connection.close()
