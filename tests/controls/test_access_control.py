"""The access matrix finds what a role, an organisation's wall or an endpoint would let through."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI

from chassis.assembly import Parts, assemble
from chassis.audit import Auditor, Reads
from chassis.database import open_engine
from contracts.callers import Caller
from tests.parts import Site, site
from tests.people.access_matrix import Findings, ask_everything
from tests.people.access_rows import read_lines, uncovered
from tests.people.access_world import open_world

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
#: Read behind row-level security, so that nothing but it stands before them.
BEHIND_A_WALL = ("/cases/{number}", "/incidents/{incident_id}", "/unplaced/{unplaced_id}")


def without_a_wall(site: Site, *given: Any, **named: Any) -> Parts:
    """The parts, which read as somebody whom row-level security lets see everything."""
    parts = assemble(*given, **named)
    web = open_engine(site.database.superuser_url, schema=parts.service, pool_size=2)
    return replace(parts, web=web, reads=Reads(web, Auditor(parts.work)))


async def test_without_walls_and_roles_strangers_read_what_is_anothers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = [one for one in read_lines() if one.method == "GET" and one.service == "intake"]
    lines = [line for line in read_lines() if line.method == "GET" and line.path in BEHIND_A_WALL]
    with_roles = [line for line in reads if line.roles]
    async with open_world(site, assemble=partial(without_a_wall, site)) as world:
        through_walls = await ask_everything(world, lines)
        monkeypatch.setattr(Caller, "require", lambda *_: None)
        without_roles = await ask_everything(world, with_roles)
    assert _found(through_walls, by="POLICE_Z") == {line.name for line in lines}
    assert _found(without_roles, by="POLICE_A") >= {
        line.name for line in with_roles if line.owner == "police"
    }


def _found(findings: Findings, *, by: str) -> set[str]:
    """The endpoints at which this organisation got something."""
    return {" ".join(one.split()[:3]) for one in findings.leaks if f" as {by} " in one}


def test_an_endpoint_that_nobody_wrote_down_is_found() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/forgotten/{number}")
    async def forgotten(number: str) -> str:
        return number

    assert uncovered({"intake": app}, ()) == {"intake GET /forgotten/{number}"}
